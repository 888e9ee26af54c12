//! Builds the indexes that pages are read by: reviews of a restaurant and of a customer, orders of a customer and of a driver, the
//! orders that a driver can claim, and the orders of a dish.
//!
//! Why: a page by cursor is one read of an index in its order, and a dish may be deleted only when nobody ordered it. Lock: none
//! that stops a writer. Reversal: drops the indexes.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 5] = [
    ("idx_reviews_restaurant_id_created_at", "reviews (restaurant_id, created_at, id)"),
    ("idx_reviews_customer_id_created_at", "reviews (customer_id, created_at)"),
    ("idx_orders_customer_id_order_time", "orders (customer_id, order_time)"),
    ("idx_orders_driver_id_order_time", "orders (driver_id, order_time)"),
    ("idx_order_items_dish_id", "order_items (dish_id)"),
];

const CLAIMABLE: (&str, &str) = (
    "idx_orders_claimable",
    "orders (order_time, id) where driver_id is null and status in ('CONFIRMED', 'PREPARING', 'READY')",
);

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (index, on) in INDEXES {
            dialect::create_index_online(manager, index, false, on).await?;
        }
        if dialect::is_postgres(manager) {
            dialect::create_index_online(manager, CLAIMABLE.0, false, CLAIMABLE.1).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (index, _) in INDEXES.into_iter().chain([CLAIMABLE]) {
            dialect::drop_index_online(manager, index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
