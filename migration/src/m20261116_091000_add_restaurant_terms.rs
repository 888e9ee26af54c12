//! Adds what a restaurant charges by: `currency` (ISO 4217), `delivery_fee` and `tax_rate` (0.08 is 8 %).
//!
//! Why: prices are meaningless without a currency, and the server computes fees and taxes itself. Lock: an instant; the
//! defaults are constants, so no row is written. Reversal: drops the columns; all restaurants had better be on the defaults.

use sea_orm_migration::{
    prelude::*,
    schema::{decimal_len, string_len},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let delivery_fee = decimal_len(Restaurants::DeliveryFee, 10, 2)
            .default(2.99)
            .check(("restaurants_delivery_fee_check", Expr::col(Restaurants::DeliveryFee).gte(0)))
            .take();
        let tax_rate = decimal_len(Restaurants::TaxRate, 5, 4)
            .default(0)
            .check(("restaurants_tax_rate_check", Expr::col(Restaurants::TaxRate).gte(0)))
            .take();
        let currency = string_len(Restaurants::Currency, 3).default("USD").take();
        dialect::add_columns(manager, Restaurants::Table, [currency, delivery_fee, tax_rate]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(
            manager,
            Restaurants::Table,
            [Restaurants::TaxRate, Restaurants::DeliveryFee, Restaurants::Currency],
        )
        .await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Restaurants {
    Table,
    Currency,
    DeliveryFee,
    TaxRate,
}
