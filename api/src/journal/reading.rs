//! Reading the journal: the entries of topics in the order of their positions, and how far the numbering has come.

use entity::{journal_entries, journal_positions, journal_runs};
use sea_orm::{
    DbBackend,
    sea_query::{
        Alias, Asterisk, CommonTableExpression, Expr, ExprTrait, JoinType, Order, Query, SelectStatement, SimpleExpr,
        WithQuery,
    },
};

use crate::{database::dialect, events::Topic};

/// The table of entries in a statement of [`entries_after`], whose columns are those of `journal_entries` but for the topic.
pub const ENTRY: &str = "entry";
/// The id of the event, in an entry and in the present of a feed.
pub const EVENT_ID: &str = "event_id";
/// The number of the row that it has happened to, in an entry.
pub const SUBJECT: &str = "subject";

/// The column of [`position_in`].
const POSITION: &str = "journal_position";
/// The column of [`waits_in`].
const WAITS: &str = "journal_waits";
const LAST_RUN: &str = "last_run";
/// Ends a condition on the id of an event: it is in the gap that `gap` is.
const IN_GAP: &str = "between cast(gap.value ->> 'first_id' as bigint) and cast(gap.value ->> 'last_id' as bigint)";

/// A place in the journal: after it was read, no event with a smaller position can appear, nor one with the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub i64);

/// The position that a row of [`entries_after`] is at, and from which on a feed goes on after the rows of [`with_last_run`].
pub fn position_in(row: &sea_orm::QueryResult) -> Result<Position, sea_orm::DbErr> {
    Ok(Position(row.try_get("", POSITION)?))
}

/// Whether events waited to be numbered when a row of [`with_last_run`] was read.
pub fn waits_in(row: &sea_orm::QueryResult) -> Result<bool, sea_orm::DbErr> {
    row.try_get("", WAITS)
}

/// Selects the entries of these topics after a position, in order, and each event once. What a feed tells of them is to be joined to [`ENTRY`], and
/// its columns added; the caller cuts the statement off after `limit` rows.
pub fn entries_after(backend: DbBackend, topics: &[Topic], after: Position, limit: u64) -> SelectStatement {
    let mut entries = Query::select();
    entries
        .expr_as(Expr::col((ENTRY, journal_entries::Column::Position)), Alias::new(POSITION))
        .order_by((ENTRY, journal_entries::Column::Position), Order::Asc);
    if let [topic] = topics {
        entries
            .from_as(journal_entries::Entity, ENTRY)
            .and_where(Expr::col((ENTRY, journal_entries::Column::Topic)).eq(topic.to_string()))
            .and_where(Expr::col((ENTRY, journal_entries::Column::Position)).gt(after.0));
        return entries;
    }
    let topics = topics.iter().map(Topic::to_string).collect();
    entries.from_subquery(dialect::first_entries(backend, topics, after.0, limit), ENTRY);
    entries
}

/// A statement in which the present of a feed is read in one snapshot with how far the numbering has come. `present` gives rows with the id
/// of an event as [`EVENT_ID`], and may ask for [`is_numbered`]. Where it gives none, there is one row of nulls.
pub fn with_last_run(backend: DbBackend, present: SelectStatement) -> WithQuery {
    use journal_runs::Column;
    let last_run = Query::select()
        .columns([Column::LastPosition, Column::LastId, Column::Gaps])
        .from(journal_runs::Entity)
        .order_by(Column::Id, Order::Desc)
        .limit(1)
        .to_owned();
    let part = CommonTableExpression::new().table_name(LAST_RUN).query(last_run).to_owned();
    let select = Query::select()
        .expr_as(Expr::col((LAST_RUN, Column::LastPosition)), Alias::new(POSITION))
        .expr_as(Expr::cust(waits(backend, LAST_RUN)), Alias::new(WAITS))
        .column(("present", Asterisk))
        .from(LAST_RUN)
        .join_subquery(JoinType::LeftJoin, present, "present", Expr::cust("true"))
        // In the order of positions, for one who is cut off in the middle goes on after the last that was told. What is not in the journal comes
        // first: its cursor is expired.
        .left_join(
            journal_positions::Entity,
            Expr::col((journal_positions::Entity, journal_positions::Column::EventId)).equals(("present", EVENT_ID)),
        )
        .order_by_expr(Expr::cust("coalesce(journal_positions.position, 0)"), Order::Asc)
        .order_by(("present", EVENT_ID), Order::Asc)
        .to_owned();
    Query::with().cte(part).to_owned().query(select)
}

/// Whether the event with this id (a column of the statement's text) has its position, as of [`with_last_run`]: it is among the ids that were
/// read, and not in a gap.
pub fn is_numbered(backend: DbBackend, id: &str) -> SimpleExpr {
    let gaps = dialect::elements_of(backend, "last_run.gaps");
    Expr::cust(format!(
        "{id} <= (select last_id from last_run) and not exists (select 1 from last_run cross join {gaps} as gap \
         where {id} {IN_GAP})"
    ))
}

/// Whether events wait for the run after this one, as an expression over a row of a table of runs.
pub(super) fn waits(backend: DbBackend, run: &str) -> String {
    let gaps = dialect::elements_of(backend, &format!("{run}.gaps"));
    // The first event from where a gap begins is one look into an index. For any between its ends PostgreSQL would read all events.
    let first = "select min(id) from journal_events where id >= cast(gap.value ->> 'first_id' as bigint)";
    format!(
        "(exists (select 1 from journal_events where journal_events.id > {run}.last_id) \
         or exists (select 1 from {gaps} as gap where ({first}) <= cast(gap.value ->> 'last_id' as bigint)))"
    )
}
