//! Gives each order that has no history its first event: the present status, at the time of the order.
//!
//! Why: an order's history and the feeds start with sequence 1; how an older order came to its status is not known. The events
//! count as published, for nobody waits for them. Lock: some rows at a time. Reversal: nothing to undo, the table goes
//! with the migration before.

use sea_orm_migration::prelude::*;

use crate::{batches, dialect};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // PostgreSQL counts the position by itself.
        let (column, value) = if dialect::is_postgres(manager) {
            ("", "")
        } else {
            (", position", ", (select coalesce(max(position), 0) from order_events) + row_number() over (order by id)")
        };
        batches::for_each_id_range(manager, "orders", "id", |low, high| {
            format!(
                "insert into order_events (order_id, sequence, status, driver_id, actor, at, published_at{column})
                 select id, 1, status, driver_id, 'SYSTEM', order_time, order_time{value}
                 from orders
                 where id between {low} and {high}
                   and not exists (select 1 from order_events where order_id = orders.id)
                 order by id"
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
