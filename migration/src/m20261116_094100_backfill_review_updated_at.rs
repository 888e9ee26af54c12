//! Says when a review was last changed, second of three (backfill): when it was written, as far as is known.
//!
//! Why: reviews from before the column. Lock: some rows at a time. Reversal: nothing to undo, the column goes with the
//! migration before.

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

/// Fills the reviews that have no such time yet.
pub async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    batches::for_each_id_range(manager, "reviews", "id", |low, high| {
        format!(
            "update reviews set updated_at = created_at
             where id between {low} and {high} and updated_at is null"
        )
    })
    .await
}
