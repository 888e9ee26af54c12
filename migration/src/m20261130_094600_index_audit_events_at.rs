//! Lets entries of the record that are kept for long enough be found by their time.
//!
//! Why: the record grew for ever; the server deletes what is older than `accounts.audit_days`, a thousand entries at a time. Lock: none that
//! stops a writer. Reversal: drops the index.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const BY_TIME: &str = "idx_audit_events_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_index_online(manager, BY_TIME, false, "audit_events (at)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_index_online(manager, BY_TIME).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
