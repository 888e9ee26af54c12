//! Backfills in batches: changes many rows a few at a time, so that no lock is held for long and an interrupted run goes on where it was.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{QueryResult, Statement},
};

use crate::{dialect, search_text};

const ROWS: i32 = 5_000;

/// Runs the statement that `sql` makes for each range of ids, both ends included, over a whole table.
///
/// The statement must be idempotent: it leaves alone what it has already done. Outside a transaction each range commits by itself.
pub async fn for_each_id_range(
    manager: &SchemaManager<'_>,
    table: &str,
    id: &str,
    sql: impl Fn(i32, i32) -> String,
) -> Result<(), DbErr> {
    let bounds = query(manager, format!("select min({id}) as low, max({id}) as high from {table}")).await?;
    let Some(bounds) = bounds.first() else {
        return Ok(());
    };
    let (Some(mut low), Some(high)) =
        (bounds.try_get::<Option<i32>>("", "low")?, bounds.try_get::<Option<i32>>("", "high")?)
    else {
        return Ok(());
    };
    while low <= high {
        let end = Ord::min(low.saturating_add(ROWS - 1), high);
        dialect::run(manager, &sql(low, end)).await?;
        let Some(next) = end.checked_add(1) else {
            break;
        };
        low = next;
    }
    Ok(())
}

/// Fills `search_text` of the rows that have none from the named columns, a line each.
pub async fn fold_search_text(manager: &SchemaManager<'_>, table: &str, columns: &[&str]) -> Result<(), DbErr> {
    fold_rows(manager, table, columns, "search_text = ''", "\n").await
}

/// Folds `search_text` of the rows that have one again, where folding has changed since: from the named columns, with this between them.
pub async fn refold_search_text(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
    between: &str,
) -> Result<(), DbErr> {
    fold_rows(manager, table, columns, "search_text <> ''", between).await
}

async fn fold_rows(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
    which: &str,
    between: &str,
) -> Result<(), DbErr> {
    let selected = columns.join(", ");
    let mut last = i32::MIN;
    loop {
        let rows = query(
            manager,
            format!(
                "select id, search_text, {selected} from {table} where id > {last} and {which} order by id limit {ROWS}"
            ),
        )
        .await?;
        let Some(newest) = rows.last() else {
            return Ok(());
        };
        last = newest.try_get("", "id")?;
        let batch = manager.begin().await?;
        for row in &rows {
            fold_row(&batch, table, columns, between, row).await?;
        }
        batch.commit().await?;
    }
}

async fn fold_row(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
    between: &str,
    row: &QueryResult,
) -> Result<(), DbErr> {
    let mut parts = Vec::new();
    for column in columns {
        parts.extend(row.try_get::<Option<String>>("", column)?);
    }
    let folded: Vec<_> = parts.iter().map(|part| search_text::fold(part)).collect();
    let folded = folded.join(between);
    let read: String = row.try_get("", "search_text")?;
    if folded == read {
        return Ok(());
    }
    // Compare-and-set: a text that a server has folded since is newer than the one read here.
    let update = Query::update()
        .table(Alias::new(table))
        .value("search_text", folded)
        .and_where(Expr::col("id").eq(row.try_get::<i32>("", "id")?))
        .and_where(Expr::col("search_text").eq(read))
        .take();
    manager.execute(update).await
}

async fn query(manager: &SchemaManager<'_>, sql: String) -> Result<Vec<QueryResult>, DbErr> {
    let connection = manager.get_connection();
    connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await
}
