//! Literals: values that stand in a statement's text and not among its parameters, for partial indexes and for cached plans.
//!
//! PostgreSQL plans with what it reads there. An index over `status = 'PENDING'` alone is used by a statement that says so itself, and by none
//! that says `status = $1`. With `LIMIT $1` a plan for any value is made for a tenth of all rows and so never chosen: the statement is planned
//! each time it runs, which for a page takes longer than running it. For values of which there are a few, as each makes a statement of
//! its own.

use sea_orm::{
    ColumnTrait, Statement,
    sea_query::{Expr, ExprTrait, SimpleExpr, Value},
};

/// The column has this value.
pub fn eq(column: impl ColumnTrait, value: impl Into<Value>) -> SimpleExpr {
    Expr::col(column.as_column_ref()).eq(Expr::Constant(value.into()))
}

/// The column has another value.
pub fn ne(column: impl ColumnTrait, value: impl Into<Value>) -> SimpleExpr {
    Expr::col(column.as_column_ref()).ne(Expr::Constant(value.into()))
}

/// The column has one of these values.
pub fn is_in<V: Into<Value>>(column: impl ColumnTrait, values: impl IntoIterator<Item = V>) -> SimpleExpr {
    Expr::col(column.as_column_ref()).is_in(values.into_iter().map(|value| Expr::Constant(value.into())))
}

/// What is true of no row.
pub fn never() -> SimpleExpr {
    Expr::Constant(false.into())
}

/// The statement, cut off after so many rows.
pub fn limited(mut statement: Statement, rows: u64) -> Statement {
    statement.sql = format!("{} LIMIT {rows}", statement.sql);
    statement
}

#[cfg(test)]
mod tests {
    use entity::{orders, sea_orm_active_enums::OrderStatus};
    use sea_orm::{DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

    use super::*;

    #[test]
    fn a_value_is_no_parameter() {
        let text = |backend, condition| {
            let select = orders::Entity::find().select_only().column(orders::Column::Id).filter(condition);
            let statement = select.build(backend);
            assert!(statement.values.is_none_or(|values| values.0.is_empty()), "{}", statement.sql);
            statement.sql.split_once("WHERE").map(|(_, condition)| condition.trim().to_owned())
        };
        let pending = || eq(orders::Column::Status, OrderStatus::Pending);
        let either = is_in(orders::Column::Status, [OrderStatus::Pending, OrderStatus::Ready]);
        let told = text(DbBackend::Postgres, pending());
        assert_eq!(told.as_deref(), Some(r#""orders"."status" = 'PENDING'::"order_status""#));
        assert_eq!(text(DbBackend::Sqlite, pending()).as_deref(), Some(r#""orders"."status" = 'PENDING'"#));
        assert_eq!(text(DbBackend::Sqlite, either).as_deref(), Some(r#""orders"."status" IN ('PENDING', 'READY')"#));
    }
}
