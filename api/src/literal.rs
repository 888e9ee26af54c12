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

use crate::dialect;

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

/// The statement, cut off after so many rows.
pub fn limited(mut statement: Statement, rows: u64) -> Statement {
    statement.sql = format!("{} LIMIT {rows}", statement.sql);
    statement
}

/// What the statement finds after `passed` rows, cut off after so many rows, to look for a value in. How many are passed is a
/// parameter, for any number may be asked for.
pub fn limited_after(statement: Statement, passed: u64, rows: u64) -> SimpleExpr {
    let mut values = statement.values.map_or_else(Vec::new, |values| values.0);
    values.push(passed.into());
    let parameter = dialect::parameter(statement.db_backend, values.len());
    Expr::cust_with_values(format!("{} LIMIT {rows} OFFSET {parameter}", statement.sql), values)
}

#[cfg(test)]
mod tests {
    use entity::{orders, sea_orm_active_enums::OrderStatus};
    use sea_orm::{DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::BinOper};

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
