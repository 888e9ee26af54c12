//! SQL dialect of migrations: what differs between PostgreSQL and SQLite, a function for each difference.

use sea_orm_migration::{
    prelude::*,
    schema::{custom, string_len, timestamp_with_time_zone},
    sea_orm::{DbBackend, Statement},
};

pub fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// A required column that is the present moment unless told otherwise.
///
/// SQLite's own `current_timestamp` has another text form than the one SeaORM writes (RFC 3339), and would sort wrongly
/// among its values.
pub fn timestamp_default_now<C: IntoIden>(manager: &SchemaManager<'_>, column: C) -> ColumnDef {
    let now = if is_postgres(manager) {
        Expr::current_timestamp()
    } else {
        Expr::cust("(strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))")
    };
    timestamp_with_time_zone(column).default(now).take()
}

/// Creates the enum type on PostgreSQL; SQLite has none.
pub async fn create_enum(
    manager: &SchemaManager<'_>,
    name: &'static str,
    values: &[&'static str],
) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let values = values.join("', '");
    run(manager, &format!("create type {name} as enum ('{values}')")).await
}

pub async fn drop_enum(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    run(manager, &format!("drop type {name}")).await
}

/// A required column of an enum type that [`create_enum`] made; on SQLite a text that is checked.
pub fn enumeration<C: IntoIden>(
    manager: &SchemaManager<'_>,
    column: C,
    name: &'static str,
    values: &[&'static str],
) -> ColumnDef {
    if is_postgres(manager) {
        return custom(column, name);
    }
    let column = column.into_iden();
    let allowed = Expr::col(column.clone()).is_in(values.iter().copied());
    string_len(column, 20).check(allowed).take()
}

/// Builds an index with `create index concurrently` on PostgreSQL, which blocks no writer and must run outside a transaction. The invalid
/// index that an interrupted attempt left behind is replaced.
pub async fn create_index_online(
    manager: &SchemaManager<'_>,
    index: &str,
    unique: bool,
    on: &str,
) -> Result<(), DbErr> {
    let unique = if unique { "unique " } else { "" };
    if !is_postgres(manager) {
        return run(manager, &format!("create {unique}index {index} on {on}")).await;
    }
    run(manager, &format!("drop index concurrently if exists {index}")).await?;
    run(manager, &format!("create {unique}index concurrently {index} on {on}")).await
}

pub async fn drop_index_online(manager: &SchemaManager<'_>, index: &str) -> Result<(), DbErr> {
    let concurrently = if is_postgres(manager) { "concurrently " } else { "" };
    run(manager, &format!("drop index {concurrently}if exists {index}")).await
}

/// Builds the indexes of `new`, each with what it is over, and then drops those of `former`, whose work they do.
pub async fn replace_indexes_online(
    manager: &SchemaManager<'_>,
    former: &[(&str, impl AsRef<str>)],
    new: &[(&str, impl AsRef<str>)],
) -> Result<(), DbErr> {
    for (index, on) in new {
        create_index_online(manager, index, false, on.as_ref()).await?;
    }
    for (index, _) in former {
        drop_index_online(manager, index).await?;
    }
    Ok(())
}

/// What migrations that build an index and replace none have for the former ones.
pub const NONE: [(&str, &str); 0] = [];

/// A migration of which the one line says which indexes are replaced by which, each with what it is over: forward and back, and without a
/// transaction, in which PostgreSQL builds no index beside writers.
macro_rules! replaces_indexes {
    (|$manager:ident| $former:expr => $new:expr) => {
        #[async_trait::async_trait]
        impl MigrationTrait for Migration {
            async fn up(&self, $manager: &SchemaManager) -> Result<(), DbErr> {
                crate::dialect::replace_indexes_online($manager, &$former, &$new).await
            }

            async fn down(&self, $manager: &SchemaManager) -> Result<(), DbErr> {
                crate::dialect::replace_indexes_online($manager, &$new, &$former).await
            }

            fn use_transaction(&self) -> Option<bool> {
                Some(false)
            }
        }
    };
}
pub(crate) use replaces_indexes;

/// A column of short texts in the order of their code points, whatever the collation of the database; for an index.
pub fn by_code_point(manager: &SchemaManager<'_>, column: &str) -> String {
    if is_postgres(manager) { format!("{column} collate \"C\"") } else { column.to_owned() }
}

/// The first 100 characters of a text in the order of their code points, as lists are sorted by them; for an index.
pub fn text_key(manager: &SchemaManager<'_>, column: &str) -> String {
    if is_postgres(manager) {
        format!("(left({column}, 100)) collate \"C\"")
    } else {
        format!("substr({column}, 1, 100)")
    }
}

/// A rule that rows of a table must keep, added to a table that is already in use.
pub struct Rule {
    pub table: &'static str,
    pub name: &'static str,
    /// The condition over the table's columns.
    pub postgres: &'static str,
    /// The same over the columns of `new`, with a tolerance for floating decimals.
    pub sqlite: &'static str,
}

/// Makes the database refuse new rows that break the rule; rows that are already there are looked at by [`check_rule`].
///
/// PostgreSQL takes its lock for an instant only (`not valid`). SQLite cannot add a constraint, so a pair of triggers keeps it; as in a
/// constraint, a condition that is null is no offence.
pub async fn add_rule(manager: &SchemaManager<'_>, rule: &Rule) -> Result<(), DbErr> {
    let Rule { table, name, postgres, sqlite } = rule;
    if is_postgres(manager) {
        drop_rule(manager, rule).await?;
        return run(manager, &format!("alter table {table} add constraint {name} check ({postgres}) not valid")).await;
    }
    for event in ["insert", "update"] {
        run(
            manager,
            &format!(
                "create trigger {name}_{event} before {event} on {table} when ({sqlite}) is false \
                 begin select raise(abort, 'CHECK constraint failed: {name}'); end"
            ),
        )
        .await?;
    }
    Ok(())
}

/// Reads the whole table, beside its writers, and fails when a row breaks the rule.
pub async fn check_rule(manager: &SchemaManager<'_>, rule: &Rule) -> Result<(), DbErr> {
    let Rule { table, name, sqlite, .. } = rule;
    if is_postgres(manager) {
        return run(manager, &format!("alter table {table} validate constraint {name}")).await;
    }
    let broken = format!("select 1 from {table} as new where ({sqlite}) is false limit 1");
    let connection = manager.get_connection();
    let found = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), broken)).await?;
    match found {
        Some(_) => Err(DbErr::Migration(format!("a row of {table} breaks the rule {name}"))),
        None => Ok(()),
    }
}

pub async fn drop_rule(manager: &SchemaManager<'_>, rule: &Rule) -> Result<(), DbErr> {
    let Rule { table, name, .. } = rule;
    if is_postgres(manager) {
        return run(manager, &format!("alter table {table} drop constraint if exists {name}")).await;
    }
    for event in ["insert", "update"] {
        run(manager, &format!("drop trigger if exists {name}_{event}")).await?;
    }
    Ok(())
}

/// Turns the checked rule "this column is not null" into the column's own `not null`: PostgreSQL accepts the check as a proof and does not
/// scan the table. On SQLite the rule stays what it is.
pub async fn set_not_null(manager: &SchemaManager<'_>, rule: &Rule, column: &str) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let table = rule.table;
    run(manager, &format!("alter table {table} alter column {column} set not null")).await?;
    drop_rule(manager, rule).await
}

/// Undoes [`set_not_null`] and its rule.
pub async fn drop_not_null(manager: &SchemaManager<'_>, rule: &Rule, column: &str) -> Result<(), DbErr> {
    if is_postgres(manager) {
        let table = rule.table;
        run(manager, &format!("alter table {table} alter column {column} drop not null")).await?;
    }
    drop_rule(manager, rule).await
}

/// Runs a statement of one dialect.
pub async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await.map(|_| ())
}

/// Adds columns, one statement each, for SQLite takes one at a time.
pub async fn add_columns<T: IntoTableRef + Copy>(
    manager: &SchemaManager<'_>,
    table: T,
    columns: impl IntoIterator<Item = ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
    }
    Ok(())
}

/// Drops columns with what hangs on them alone, such as their checks.
pub async fn drop_columns<T: IntoTableRef + Copy, C: IntoIden>(
    manager: &SchemaManager<'_>,
    table: T,
    columns: impl IntoIterator<Item = C>,
) -> Result<(), DbErr> {
    for column in columns {
        manager.alter_table(Table::alter().table(table).drop_column(column).take()).await?;
    }
    Ok(())
}
