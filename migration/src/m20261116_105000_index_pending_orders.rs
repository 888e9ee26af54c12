//! Builds the index that orders waiting for the restaurant's answer are found by.
//!
//! Why: every server looks each few seconds for those that nobody accepted in time, among all orders there ever were. Lock: none
//! that stops a writer. Reversal: drops the index.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEX: &str = "idx_orders_pending";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_index_online(manager, INDEX, false, "orders (order_time) where status = 'PENDING'").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_index_online(manager, INDEX).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
