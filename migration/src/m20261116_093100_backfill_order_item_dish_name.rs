//! Keeps a dish's name in the order, second of three (backfill): the dish's present name where none was kept.
//!
//! Why: the name at the time of the order is not known any more. Lock: some rows at a time. Reversal: nothing to undo, the
//! column goes with the migration before.

use sea_orm_migration::prelude::*;

use crate::batches;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        fill(manager).await
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// Fills the items that have no name yet.
pub async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    batches::for_each_id_range(manager, "order_items", "order_id", |low, high| {
        format!(
            "update order_items set dish_name = (select name from dishes where id = order_items.dish_id)
             where order_id between {low} and {high} and dish_name is null"
        )
    })
    .await
}
