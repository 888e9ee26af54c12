//! Lets a driver carry one order at a time.
//!
//! Why: of two assignments that come at once one wins because of conditional updates; this is the constraint under them, for what
//! must never be. Lock: none that stops a writer. Reversal: drops the index.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEX: &str = "idx_orders_driver_id_under_way";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = "orders (driver_id) where driver_id is not null and status not in ('DELIVERED', 'CANCELLED')";
        dialect::create_index_online(manager, INDEX, true, on).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_index_online(manager, INDEX).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
