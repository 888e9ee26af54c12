//! Splits an order's total, second of three (backfill): fills `subtotal`, `tax` and `currency` of the rows in the ERD's form, and
//! makes their total what was to be paid.
//!
//! Why: in those rows the total is without the fee. The subtotal is the sum of the items (an order without items keeps its
//! total as the subtotal), the tax was none, the total becomes subtotal + fee. A row with a subtotal is in the new form and is left
//! alone, so the backfill may be repeated. Lock: some rows at a time. Reversal: puts the rows back into the ERD's
//! form, where the total is without the fee; what was tax then counts as price.

use sea_orm_migration::prelude::*;

use crate::{batches, dialect};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        fill(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let total = amount(manager, "subtotal + tax");
        batches::for_each_id_range(manager, "orders", "id", |low, high| {
            format!(
                "update orders set total_amount = {total}, subtotal = null, tax = null, currency = null
                 where id between {low} and {high} and subtotal is not null"
            )
        })
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// Fills the rows that still are in the ERD's form.
pub async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let items =
        "coalesce((select sum(quantity * unit_price) from order_items where order_id = orders.id), total_amount)";
    let subtotal = amount(manager, items);
    let total = amount(manager, &format!("{items} + delivery_fee"));
    batches::for_each_id_range(manager, "orders", "id", |low, high| {
        format!(
            "update orders set
               subtotal = {subtotal},
               tax = 0,
               total_amount = {total},
               currency = (select currency from restaurants where id = orders.restaurant_id)
             where id between {low} and {high} and subtotal is null"
        )
    })
    .await
}

/// An expression over amounts; on SQLite rounded, for decimals are floating there.
fn amount(manager: &SchemaManager<'_>, expression: &str) -> String {
    if dialect::is_postgres(manager) { expression.to_owned() } else { format!("round({expression}, 2)") }
}
