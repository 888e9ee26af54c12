//! Lets a driver's routes be read a page at a time, oldest first.
//!
//! Why: `personalData.routes` reads 1,000 points at a time, of which a driver may have hundreds of thousands; and a driver that is deleted
//! finds its points. Lock: none that stops a writer. Reversal: drops the index.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const BY_DRIVER_AND_TIME: &str = "idx_driver_locations_driver_id_recorded_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = "driver_locations (driver_id, recorded_at)";
        dialect::create_index_online(manager, BY_DRIVER_AND_TIME, false, on).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_index_online(manager, BY_DRIVER_AND_TIME).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
