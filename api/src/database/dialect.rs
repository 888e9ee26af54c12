//! Everything in which the two databases differ, one function a difference. Nothing else in the crate asks which one it is.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::journal_entries;
use rust_decimal::Decimal;
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbBackend, Statement,
    sea_query::{
        Alias, Asterisk, DynIden, Expr, ExprTrait, Func, FunctionCall, JoinType, LockType, Order, Query,
        SelectStatement, SimpleExpr, Value, Values, WindowStatement, postgres_array::NotU8,
    },
    sqlx::PgPool,
};
use serde_json::Value as Json;

use super::literal;

/// A decimal as a parameter to compare with a column. SQLite keeps decimals as floating point, and compares text with an
/// expression as text.
pub fn decimal(backend: DbBackend, decimal: Decimal) -> Value {
    match backend {
        DbBackend::Sqlite => rust_decimal::prelude::ToPrimitive::to_f64(&decimal).into(),
        _ => decimal.into(),
    }
}

/// The column is one of the numbers: the same statement text however many there are, so that it is prepared once. One alone is an
/// equality, for only then a list is read in the order of an index that begins with the column.
pub fn any_of<C, N>(backend: DbBackend, column: C, numbers: impl IntoIterator<Item = N>) -> SimpleExpr
where
    C: ColumnTrait,
    N: Into<Value> + Into<Json> + NotU8,
{
    let numbers: Vec<N> = numbers.into_iter().collect();
    if numbers.is_empty() {
        return literal::never();
    }
    let numbers = match <[N; 1]>::try_from(numbers) {
        Ok([number]) => return column.eq(number),
        Err(numbers) => numbers,
    };
    match backend {
        DbBackend::Sqlite => {
            let list = Json::from(numbers).to_string();
            let numbers = Query::select()
                .column(Alias::new("value"))
                .from_function(Func::cust("json_each").arg(list), Alias::new("numbers"))
                .to_owned();
            Expr::col(column.as_column_ref()).in_subquery(numbers)
        }
        _ => column.eq_any(numbers),
    }
}

/// The first `limit` rows of each of many lists, one for each number that `parent` has, in the order of `keys`. `select` gives the rows of all
/// lists. The rows of one list come in its order, those of several mixed.
///
/// PostgreSQL takes a lateral join: it goes from parent to parent (a nested loop), so the order stays, and reads no further in each list
/// than the limit. A window function reads and sorts all rows of all lists; SQLite knows nothing better.
pub fn first_of_each<C: ColumnTrait>(
    backend: DbBackend,
    mut select: SelectStatement,
    parent: C,
    parents: &[i32],
    keys: impl IntoIterator<Item = (SimpleExpr, Order)>,
    limit: u64,
) -> Statement {
    match (backend, parents) {
        (_, [one]) => first_of_all(backend, select.and_where(parent.eq(*one)), keys, limit),
        (DbBackend::Sqlite, _) => {
            select.and_where(any_of(backend, parent, parents.iter().copied()));
            windowed(select, parent, keys, limit)
        }
        _ => {
            let number = Expr::col((Alias::new("parents"), Alias::new("number")));
            let of_parent = Expr::col(parent.as_column_ref()).eq(number);
            let list = first_of_all(backend, select.and_where(of_parent), keys, limit);
            let mut values = list.values.unwrap_or(Values(Vec::new())).0;
            values.push(parents.to_vec().into());
            let sql = format!(
                "SELECT lists.* FROM unnest(${}) AS parents(number) CROSS JOIN LATERAL ({}) AS lists",
                values.len(),
                list.sql
            );
            Statement::from_sql_and_values(backend, sql, values)
        }
    }
}

/// Keeps the rows that the condition finds in the table which `select` is from: all of them are found before anything is joined, sorted and
/// cut. PostgreSQL would otherwise scan an index in the list's order where it believes that matches lie everywhere. `offset 0` is a fence:
/// its planner does not look into such a subquery.
pub fn keep_found_first(backend: DbBackend, select: &mut SelectStatement, table: DynIden, condition: Condition) {
    if backend == DbBackend::Sqlite {
        select.cond_where(condition);
        return;
    }
    let found = Query::select().column(Asterisk).from(table.clone()).cond_where(condition).offset(0).to_owned();
    select.from_clear().from_subquery(found, table);
}

fn first_of_all(
    backend: DbBackend,
    select: &mut SelectStatement,
    keys: impl IntoIterator<Item = (SimpleExpr, Order)>,
    limit: u64,
) -> Statement {
    for (key, order) in keys {
        select.order_by_expr(key, order);
    }
    literal::limited(backend.build(select), limit)
}

/// [`first_of_each`] where there are no lateral joins.
fn windowed<C: ColumnTrait>(
    mut select: SelectStatement,
    parent: C,
    keys: impl IntoIterator<Item = (SimpleExpr, Order)>,
    limit: u64,
) -> Statement {
    let (lists, place) = (Alias::new("lists"), Alias::new("place_in_list"));
    let mut window = WindowStatement::partition_by(parent.as_column_ref());
    for (key, order) in keys {
        window.order_by_expr(key, order);
    }
    select.expr_window_as(Func::cust("row_number"), window, place.clone());
    let statement = Query::select()
        .column((lists.clone(), Asterisk))
        .from_subquery(select, lists)
        .and_where(Expr::col(place.clone()).lte(limit))
        .order_by(place, Order::Asc)
        .to_owned();
    DbBackend::Sqlite.build(&statement)
}

/// Whether one statement can write into several tables, in parts of which each is a common table expression.
pub fn writes_in_parts(backend: DbBackend) -> bool {
    backend != DbBackend::Sqlite
}

/// The function that gives a row for each element of a JSON array, in its column `value`.
pub fn elements(backend: DbBackend, array: &Json) -> FunctionCall {
    match backend {
        DbBackend::Sqlite => Func::cust("json_each").arg(array.to_string()),
        _ => Func::cust("jsonb_array_elements").arg(array.clone()),
    }
}

/// The same of a column that holds a JSON array, as text of a statement.
pub fn elements_of(backend: DbBackend, column: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!("json_each({column})"),
        _ => format!("jsonb_array_elements({column})"),
    }
}

/// Locks the rows of `table` that the statement finds until the transaction ends. SQLite has one writer at a time, and its
/// transactions take that lock when they begin.
pub fn lock_rows(backend: DbBackend, select: &mut SelectStatement, table: DynIden) {
    match backend {
        DbBackend::Sqlite => {}
        _ => {
            select.lock_with_tables(LockType::NoKeyUpdate, [table]);
        }
    }
}

/// Keeps the rows of `table` that the statement finds as they are until the transaction ends (a shared lock, which others may hold too).
pub fn hold_rows(backend: DbBackend, select: &mut SelectStatement, table: DynIden) {
    match backend {
        DbBackend::Sqlite => {}
        _ => {
            select.lock_with_tables(LockType::Share, [table]);
        }
    }
}

/// Ends a select that finds rows of `table` by id, in the order of their ids, before they are changed. That lock order lets two statements
/// that change many rows wait for each other, without a deadlock. SQLite has one writer at a time.
pub fn lock_in_turn(backend: DbBackend, table: &str) -> String {
    match backend {
        DbBackend::Sqlite => String::new(),
        _ => format!("for no key update of {table}"),
    }
}

/// Ends a select that finds rows of `table`, which stay as they are until the transaction ends.
pub fn hold_in_turn(backend: DbBackend, table: &str) -> String {
    match backend {
        DbBackend::Sqlite => String::new(),
        _ => format!("for share of {table}"),
    }
}

/// Ends a select that takes the rows which nobody else is about to take (`skip locked`). SQLite has one writer at a time.
pub fn skip_locked(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => "",
        _ => "for update skip locked",
    }
}

/// The column is one of the numbers that the select gives, which is run once, before any row is looked at.
pub fn one_of_selected(backend: DbBackend, column: &str, select: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!("{column} in ({select})"),
        _ => format!("{column} = any(array({select}))"),
    }
}

/// The statement that makes a transaction wait for others with the same name, its parameter. On SQLite a transaction that may write is alone.
pub fn named_lock(backend: DbBackend) -> Option<&'static str> {
    match backend {
        DbBackend::Sqlite => None,
        _ => Some("select pg_advisory_xact_lock(hashtextextended($1, 0))"),
    }
}

/// Whether no second process ever serves from the database: see [`claim`](fn@crate::database::claim).
pub fn is_served_by_one_process(backend: DbBackend) -> bool {
    backend == DbBackend::Sqlite
}

/// The statement that gives the rows of a JSON array of objects, its first parameter: the same text however many there are, so that
/// it is prepared once. A column is its name with PostgreSQL's type.
pub fn rows_of_json(backend: DbBackend, columns: &[(&str, &str)]) -> String {
    let listed = |column: fn(&(&str, &str)) -> String| columns.iter().map(column).collect::<Vec<_>>().join(", ");
    match backend {
        DbBackend::Sqlite => {
            format!("select {} from json_each($1)", listed(|(name, _)| format!("value ->> '{name}' as {name}")))
        }
        _ => format!(
            "select * from json_to_recordset($1::json) as rows({})",
            listed(|(name, data_type)| format!("{name} {data_type}"))
        ),
    }
}

/// The statement that reads the events in some gaps of the journal (a JSON list, the only parameter), in order.
pub fn events_in_gaps(backend: DbBackend) -> String {
    let gaps = rows_of_json(backend, &[("first_id", "bigint"), ("last_id", "bigint")]);
    let events = match backend {
        DbBackend::Sqlite => "journal_events on id between first_id and last_id",
        // A nested loop over the gaps, which `offset 0` keeps one: PostgreSQL expects so much in each that it would read all events.
        _ => "lateral (select * from journal_events where id between first_id and last_id offset 0) as events on true",
    };
    format!("with gaps as ({gaps}) select id, kind, topics, subject, at from gaps join {events} order by id")
}

/// A time as text that the database takes for a time. SQLite keeps times as text, so there it is the very one that SeaORM writes.
pub fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// The statement that tells the time, in microseconds since 1970. SQLite is on this machine, and has no clock but its.
pub fn present_time(backend: DbBackend) -> Option<&'static str> {
    match backend {
        DbBackend::Sqlite => None,
        _ => Some("select (extract(epoch from clock_timestamp()) * 1000000)::bigint"),
    }
}

/// The id of the next event of the journal, which a step of an order has as its position. SQLite has one writer at a time, so there it is one
/// more than the last; that may not be in the table any more.
pub fn next_event(backend: DbBackend) -> SimpleExpr {
    match backend {
        DbBackend::Sqlite => Expr::cust(
            "(select max(coalesce((select max(id) from journal_events), 0), (select max(last_id) from journal_runs)) + 1)",
        ),
        _ => Expr::cust("nextval('order_events_position_seq')"),
    }
}

/// The statements that take the lock of the journal's sequencer until the transaction ends. One that stands still, with the process that has begun
/// it, is ended soon, for all others wait for the lock. On SQLite the transaction that may write is alone.
pub fn sequencer_lock(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Sqlite => &[],
        // The name of the lock, for locks have numbers: "jour" in ASCII.
        _ => &["set local idle_in_transaction_session_timeout = '5s'", "select pg_advisory_xact_lock(1785689458)"],
    }
}

/// The statements that wait for whoever writes to the journal, and keep others from it until the transaction ends.
pub fn lock_out_writers(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Sqlite => &[],
        _ => &["lock table order_events, journal_events in share row exclusive mode"],
    }
}

/// The statement that names the transactions which have taken an id of an event, or may do so, by their virtual numbers: a transaction locks the
/// tables that it writes to before it takes an id, until it ends. On SQLite there is no other transaction that writes.
pub fn journal_writers(backend: DbBackend) -> Option<&'static str> {
    match backend {
        DbBackend::Sqlite => None,
        _ => Some(
            "select distinct virtualtransaction from pg_locks where locktype = 'relation' and mode = 'RowExclusiveLock' and granted \
             and database = (select oid from pg_database where datname = current_database()) \
             and relation in ('order_events'::regclass, 'journal_events'::regclass)",
        ),
    }
}

/// Whether the tables of the journal are partitioned.
pub fn has_partitions(backend: DbBackend) -> bool {
    backend != DbBackend::Sqlite
}

/// The first entries of the journal in these topics after a position, each event once.
pub fn first_entries(backend: DbBackend, topics: Vec<String>, after: i64, limit: u64) -> SelectStatement {
    use journal_entries::Column;
    let columns = [Column::Position, Column::EventId, Column::Kind, Column::Subject];
    let mut entries = Query::select();
    entries.columns(columns).from(journal_entries::Entity).and_where(Column::Position.gt(after));
    if backend == DbBackend::Sqlite {
        let topics = Json::from(topics).to_string();
        let topics = Query::select()
            .column(Alias::new("value"))
            .from_function(Func::cust("json_each").arg(topics), Alias::new("topics"))
            .to_owned();
        entries.and_where(Expr::col(Column::Topic).in_subquery(topics));
    } else {
        // A nested loop over the topics, which reads no further in each than the limit.
        let topic = Expr::col((Alias::new("topics"), Alias::new("topics")));
        entries.and_where(Expr::col(Column::Topic).eq(topic)).order_by(Column::Position, Order::Asc).limit(limit);
        let each = Alias::new("of_topic");
        let of_each = columns.map(|column| Expr::col((each.clone(), column)));
        entries = Query::select()
            .exprs(of_each)
            .from_function(Func::cust("unnest").arg(topics), Alias::new("topics"))
            .join_lateral(JoinType::InnerJoin, entries, each, Expr::cust("true"))
            .to_owned();
    }
    entries.distinct().order_by(Column::Position, Order::Asc).limit(limit);
    entries
}

/// What days are taken together to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    Day,
    /// From Monday.
    Week,
    Month,
}

/// The period (UTC) that a time falls in, to group by. SQLite keeps times as text that starts with the day.
pub fn period<C: ColumnTrait>(backend: DbBackend, time: C, period: Period) -> SimpleExpr {
    let time = Expr::col(time.as_column_ref());
    let expression = match (backend, period) {
        (DbBackend::Sqlite, Period::Day) => "substr(?, 1, 10)",
        (DbBackend::Sqlite, Period::Week) => "date(substr(?, 1, 10), 'weekday 0', '-6 days')",
        (DbBackend::Sqlite, Period::Month) => "substr(?, 1, 7) || '-01'",
        (_, Period::Day) => "date_trunc('day', $1 at time zone 'UTC')",
        (_, Period::Week) => "date_trunc('week', $1 at time zone 'UTC')",
        (_, Period::Month) => "date_trunc('month', $1 at time zone 'UTC')",
    };
    Expr::cust_with_expr(expression, time)
}

/// The first day of a [`period`], as `YYYY-MM-DD`.
pub fn first_day(backend: DbBackend, period: SimpleExpr) -> SimpleExpr {
    match backend {
        DbBackend::Sqlite => period,
        _ => Expr::cust_with_expr("$1::date::text", period),
    }
}

/// The parameter of this number in a statement's text, counted from 1.
pub fn parameter(backend: DbBackend, number: usize) -> String {
    match backend {
        DbBackend::Sqlite => "?".to_owned(),
        _ => format!("${number}"),
    }
}

/// What the statement finds after `passed` rows, cut off after so many rows, to look for a value in. How many are passed is a
/// parameter, for any number may be asked for.
pub fn limited_after(statement: Statement, passed: u64, rows: u64) -> SimpleExpr {
    let mut values = statement.values.map_or_else(Vec::new, |values| values.0);
    values.push(passed.into());
    let parameter = parameter(statement.db_backend, values.len());
    Expr::cust_with_values(format!("{} LIMIT {rows} OFFSET {parameter}", statement.sql), values)
}

/// The exact sum of amounts, in hundredths. SQLite keeps amounts as floating point, so there each is made whole before it is
/// added.
pub fn sum_in_hundredths<C: ColumnTrait>(backend: DbBackend, amount: C) -> SimpleExpr {
    let amount = Expr::col(amount.as_column_ref());
    match backend {
        DbBackend::Sqlite => Expr::cust_with_expr("sum(cast(round(? * 100) as integer))", amount),
        _ => Expr::cust_with_expr("(sum($1) * 100)::bigint", amount),
    }
}

/// The statement that makes a transaction wait until no other fills the database. On SQLite the transaction that may write is
/// alone.
pub fn seeding_lock(backend: DbBackend) -> Vec<String> {
    /// The name of the lock, for locks have numbers: "seed" in ASCII.
    const LOCK: i32 = 0x7365_6564;
    match backend {
        DbBackend::Sqlite => Vec::new(),
        _ => vec![format!("select pg_advisory_xact_lock({LOCK})")],
    }
}

/// The statements that make the database number new rows after those that came with their numbers. SQLite does so by itself.
pub fn continue_numbers(backend: DbBackend) -> Vec<String> {
    const NUMBERED: [(&str, &str); 9] = [
        ("users", "id"),
        ("customers", "id"),
        ("drivers", "id"),
        ("restaurants", "id"),
        ("menus", "id"),
        ("dishes", "id"),
        ("orders", "id"),
        ("reviews", "id"),
        ("order_events", "position"),
    ];
    let statement = |(table, column)| {
        format!(
            "select setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) from {table} having count(*) > 0"
        )
    };
    match backend {
        DbBackend::Sqlite => Vec::new(),
        _ => NUMBERED.map(statement).into(),
    }
}

/// The pool for what only PostgreSQL does; `None` on SQLite.
pub fn postgres_pool(db: &DatabaseConnection) -> Option<&PgPool> {
    match db.get_database_backend() {
        DbBackend::Sqlite => None,
        _ => Some(db.get_postgres_connection_pool()),
    }
}

/// A text as a sort key, and to compare: by code point on both databases, whatever the collation of the database.
pub fn by_code_point(backend: DbBackend, text: SimpleExpr) -> SimpleExpr {
    match backend {
        DbBackend::Sqlite => text,
        _ => Expr::cust_with_expr("$1 collate \"C\"", text),
    }
}

/// The first characters of a text as a sort key, by code point. Indexes are over the very same expression.
pub fn text_key(backend: DbBackend, text: SimpleExpr, length: usize) -> SimpleExpr {
    match backend {
        DbBackend::Sqlite => Expr::cust_with_expr(format!("substr(?, 1, {length})"), text),
        _ => Expr::cust_with_expr(format!("left($1, {length}) collate \"C\""), text),
    }
}

#[cfg(test)]
mod tests {
    use entity::orders;
    use sea_orm::{EntityTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::BinOper};

    use super::*;

    #[test]
    fn how_many_rows_are_passed_is_a_parameter() {
        let text = |backend| {
            let ids = || orders::Entity::find().select_only().column(orders::Column::Id);
            let page = ids().filter(orders::Column::CustomerId.eq(7)).build(backend);
            let of_page =
                Expr::col(orders::Column::Id.as_column_ref()).binary(BinOper::In, limited_after(page, 20, 11));
            let statement = ids().filter(orders::Column::Currency.eq("USD")).filter(of_page).build(backend);
            assert_eq!(statement.values.map_or(0, |values| values.0.len()), 3, "{}", statement.sql);
            statement.sql.split_once(" IN ").map(|(_, page)| page.replace('"', ""))
        };
        let told = |customer, passed| {
            format!("(SELECT orders.id FROM orders WHERE orders.customer_id = {customer} LIMIT 11 OFFSET {passed})")
        };
        assert_eq!(text(DbBackend::Postgres), Some(told("$2", "$3")));
        assert_eq!(text(DbBackend::Sqlite), Some(told("?", "?")));
    }
}
