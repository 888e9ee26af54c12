//! Splits an order's total, first of three (expand): adds `subtotal`, `tax` and `currency`, all empty, and widens
//! `delivery_fee` to ten digits.
//!
//! Why: the ERD's total is without the fee and does not say what it is made of; fees in currencies without decimals need more
//! than four digits. Lock: an instant each: numeric(6,2) to (10,2) rewrites nothing, and the fee's check is taken off meanwhile, for
//! PostgreSQL would otherwise read the table again under its lock. Reversal: drops the columns and narrows the fee, which reads
//! the table under an exclusive lock and fails when a fee no longer fits.

use sea_orm_migration::{
    prelude::*,
    schema::{decimal_len_null, string_len_null},
};

use crate::dialect::{self, Rule};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The ERD's check, which the widening takes off and puts back; the last of the three looks at the rows again.
pub const DELIVERY_FEE: Rule = Rule {
    table: "orders",
    name: "orders_delivery_fee_check",
    postgres: "delivery_fee >= 0",
    sqlite: "new.delivery_fee >= 0",
};

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let subtotal = decimal_len_null(Orders::Subtotal, 10, 2)
            .check(("orders_subtotal_check", Expr::col(Orders::Subtotal).gte(0)))
            .take();
        let tax =
            decimal_len_null(Orders::Tax, 10, 2).check(("orders_tax_check", Expr::col(Orders::Tax).gte(0))).take();
        let currency = string_len_null(Orders::Currency, 3);
        dialect::add_columns(manager, Orders::Table, [subtotal, tax, currency]).await?;
        resize_delivery_fee(manager, 10).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        resize_delivery_fee(manager, 6).await?;
        dialect::check_rule(manager, &DELIVERY_FEE).await?;
        dialect::drop_columns(manager, Orders::Table, [Orders::Currency, Orders::Tax, Orders::Subtotal]).await
    }
}

/// SQLite does not keep the size of a decimal, so there it is nothing to change.
async fn resize_delivery_fee(manager: &SchemaManager<'_>, digits: u32) -> Result<(), DbErr> {
    if !dialect::is_postgres(manager) {
        return Ok(());
    }
    dialect::drop_rule(manager, &DELIVERY_FEE).await?;
    dialect::run(manager, &format!("alter table orders alter column delivery_fee type numeric({digits}, 2)")).await?;
    dialect::add_rule(manager, &DELIVERY_FEE).await
}

#[derive(DeriveIden, Clone, Copy)]
enum Orders {
    Table,
    Subtotal,
    Tax,
    Currency,
}
