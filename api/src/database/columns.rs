//! Rows with the columns that are asked for, and no others.

use entity::columns::{Cells, Columns, Partial};
use sea_orm::{
    ConnectionTrait, Iden, Statement,
    sea_query::{Expr, SelectStatement},
};

use crate::domain::error::Result;

/// Selects these columns of the rows that the statement finds; it selects nothing yet.
pub fn select_columns<R: Partial>(statement: &mut SelectStatement, columns: Columns) {
    let mut places = (0..R::NAMES.len()).filter(|place| columns.contains(*place)).peekable();
    if places.peek().is_none() {
        // SQLite knows no rows without columns.
        statement.expr(Expr::val(1));
    }
    for place in places {
        statement.expr(R::expression(place));
    }
}

/// The rows of a statement that selects these columns, by [`select_columns`], and nothing before them.
///
/// # Errors
/// The database has failed.
pub async fn read_selected<R: Partial>(
    db: &impl ConnectionTrait,
    statement: Statement,
    columns: Columns,
) -> Result<Vec<R>> {
    let rows = db.query_all_raw(statement).await?;
    let read = rows.iter().map(|row| R::read(&mut Cells::new(row, columns)));
    Ok(read.collect::<Result<_, _>>()?)
}

/// The rows that a statement finds; it selects nothing yet.
///
/// # Errors
/// The database has failed.
pub async fn read<R: Partial>(
    db: &impl ConnectionTrait,
    mut statement: SelectStatement,
    columns: Columns,
) -> Result<Vec<R>> {
    select_columns::<R>(&mut statement, columns);
    read_selected(db, db.get_database_backend().build(&statement), columns).await
}

/// The column of a row that a column of a table is read into.
pub fn column_of<R: Partial>(column: &impl Iden) -> Columns {
    Columns::named(R::NAMES, &[&column.to_string()])
}
