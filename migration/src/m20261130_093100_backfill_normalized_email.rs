//! Gives e-mail addresses one normal form, second of four (backfill).
//!
//! Why: rows from before the column are to be found by it. Of accounts with one address the verified one, then the older one, keeps it;
//! the log names the others, and `tiffin accounts collisions` lists them. Lock: some rows at a time. Reversal: nothing to undo, the
//! columns go with the migration before.

use sea_orm_migration::prelude::*;

use crate::normalized_email;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        normalized_email::fill(manager).await
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
