//! Builds the index that a restaurant's revenue is read from.
//!
//! Why: the sums of thirty days need the time and the amount of each delivered order, and read its row for them. What was delivered does
//! not change again, so an order is written into this index once. Lock: none that stops a writer. Reversal: the index goes.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 1] = [(
    "idx_orders_restaurant_id_delivered",
    "orders (restaurant_id, order_time, total_amount) where status = 'DELIVERED'",
)];

dialect::replaces_indexes!(|manager| dialect::NONE => INDEXES);
