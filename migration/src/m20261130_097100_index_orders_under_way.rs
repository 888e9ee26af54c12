//! Builds the indexes that orders under way are listed by: all of them, and those of a restaurant.
//!
//! Why: what kitchens and admins look at all day is a handful among all orders there ever were. Two indexes with the status as a column, which
//! these and the driver's own make idle, go. Lock: none that stops a writer. Reversal: the former indexes come back.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 2] = [
    ("idx_orders_under_way", "orders (order_time, id) where status not in ('DELIVERED', 'CANCELLED')"),
    (
        "idx_orders_restaurant_id_under_way",
        "orders (restaurant_id, order_time, id) where status not in ('DELIVERED', 'CANCELLED')",
    ),
];

const FORMER: [(&str, &str); 2] = [
    ("idx_orders_customer_id_status", "orders (customer_id, status)"),
    ("idx_orders_driver_id_status", "orders (driver_id, status)"),
];

dialect::replaces_indexes!(|manager| FORMER => INDEXES);
