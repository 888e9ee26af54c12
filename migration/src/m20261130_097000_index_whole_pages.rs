//! Builds the indexes that pages of orders and reviews are read by anew, with the id as the last column, and drops those without it.
//!
//! Why: these lists are sorted by a time and then by the id. By an index that ends with the time a page was sorted again, and beyond a few
//! hundred rows PostgreSQL rather read and sorted all orders of the customer. Lock: none that stops a writer. Reversal: the former
//! indexes come back.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 5] = [
    ("idx_orders_page", "orders (order_time, id)"),
    ("idx_orders_customer_id_page", "orders (customer_id, order_time, id)"),
    ("idx_orders_restaurant_id_page", "orders (restaurant_id, order_time, id)"),
    ("idx_orders_driver_id_page", "orders (driver_id, order_time, id)"),
    ("idx_reviews_customer_id_page", "reviews (customer_id, created_at, id)"),
];

const FORMER: [(&str, &str); 5] = [
    ("idx_orders_order_time", "orders (order_time)"),
    ("idx_orders_customer_id_order_time", "orders (customer_id, order_time)"),
    ("idx_orders_restaurant_id_order_time", "orders (restaurant_id, order_time)"),
    ("idx_orders_driver_id_order_time", "orders (driver_id, order_time)"),
    ("idx_reviews_customer_id_created_at", "reviews (customer_id, created_at)"),
];

dialect::replaces_indexes!(|manager| FORMER => INDEXES);
