//! Lets the order that a driver carried at a time be found in its history, by an index that takes the place of one on the driver alone.
//!
//! Why: each point of a route is written with the order that was carried then. Lock: none that stops a writer. Reversal: the old
//! index comes back.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const BY_DRIVER: &str = "idx_order_events_driver_id";
const BY_DRIVER_AND_TIME: &str = "idx_order_events_driver_id_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_index_online(manager, BY_DRIVER_AND_TIME, false, "order_events (driver_id, at)").await?;
        dialect::drop_index_online(manager, BY_DRIVER).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_index_online(manager, BY_DRIVER, false, "order_events (driver_id)").await?;
        dialect::drop_index_online(manager, BY_DRIVER_AND_TIME).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
