//! Lets sessions that ended long ago be found by when they ended.
//!
//! Why: the server deletes what is over for long enough, and read all sessions to find those. Lock: none that stops a writer. Reversal: drops
//! the index.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const ENDED: &str = "idx_sessions_ended_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_index_online(manager, ENDED, false, "sessions (ended_at) where ended_at is not null").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_index_online(manager, ENDED).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
