//! Counts the reviews that are there into `restaurants.review_count`.
//!
//! Why: reviews written before the column existed. Lock: some restaurants at a time. Reversal: nothing to undo, the
//! column goes with the migration before.

use sea_orm_migration::prelude::*;

use crate::batches;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        batches::for_each_id_range(manager, "restaurants", "id", |low, high| {
            format!(
                "update restaurants
                 set review_count = (select count(*) from reviews where restaurant_id = restaurants.id)
                 where id between {low} and {high}"
            )
        })
        .await
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
