//! Fills `search_text` of the rows that have none.
//!
//! Why: rows from before the column are to be found as well. Rows that an older server still writes get theirs when they
//! are next changed. Lock: some rows at a time. Reversal: nothing to undo, the columns go with the migration before.

use sea_orm_migration::prelude::*;

use crate::batches;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        batches::fold_search_text(manager, "restaurants", &["name", "address"]).await?;
        batches::fold_search_text(manager, "dishes", &["name", "category", "description"]).await?;
        batches::fold_search_text(manager, "customers", &["name"]).await
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
