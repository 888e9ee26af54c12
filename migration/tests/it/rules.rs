//! What the database itself refuses.

use migration::migrate;
use sea_orm_migration::sea_orm::{DatabaseConnection, DbBackend};

use crate::scratch::{Scratch, execute, insert_erd_rows, on_both, value};

async fn filled(scratch: &Scratch) -> DatabaseConnection {
    let db = scratch.connect().await;
    migration::migrate_steps(&db, crate::scratch::erd_steps()).await.unwrap();
    insert_erd_rows(&db).await;
    migrate(&db).await.unwrap();
    db
}

/// Statements that break a rule, each with a piece of the message that names the rule.
const REFUSED: [(&str, &str); 31] = [
    ("update dishes set price = -0.01", "dishes_price_check"),
    ("update order_items set quantity = 0", "order_items_quantity_check"),
    ("update order_items set unit_price = -1", "order_items_unit_price_check"),
    ("update order_items set dish_name = null", "dish_name"),
    ("update reviews set rating = 0", "reviews_rating_check"),
    ("update reviews set rating = 6", "reviews_rating_check"),
    ("update reviews set updated_at = null", "updated_at"),
    ("update drivers set current_lat = 91", "drivers_current_lat_check"),
    ("update drivers set current_lng = -180.5", "drivers_current_lng_check"),
    ("update drivers set status = 'ASLEEP'", "ASLEEP"),
    ("update restaurants set lat = -91", "restaurants_lat_check"),
    ("update restaurants set lng = 181", "restaurants_lng_check"),
    ("update restaurants set delivery_fee = -1", "restaurants_delivery_fee_check"),
    ("update restaurants set tax_rate = -0.01", "restaurants_tax_rate_check"),
    ("update orders set total_amount = total_amount + 0.01", "orders_total_amount_sum_check"),
    ("update orders set tax = 0.01", "orders_total_amount_sum_check"),
    ("update orders set delivery_fee = -1, total_amount = subtotal - 1", "orders_delivery_fee_check"),
    ("update orders set subtotal = -1, delivery_fee = 1, total_amount = 0", "orders_subtotal_check"),
    ("update orders set tax = -0.10, total_amount = total_amount - 0.10", "orders_tax_check"),
    ("update orders set subtotal = null", "subtotal"),
    ("update orders set tax = null", "tax"),
    ("update orders set currency = null", "currency"),
    ("update orders set status = 'LOST'", "LOST"),
    ("update order_events set status = 'LOST'", "LOST"),
    ("update order_events set previous_status = 'LOST'", "LOST"),
    ("update order_events set sequence = 0", "order_events_sequence_check"),
    (
        "insert into driver_locations values (2, 1, 1, '2026-01-02T03:04:05+00:00', 91, 0, null, null)",
        "driver_locations_lat_check",
    ),
    (
        "insert into driver_locations values (2, 1, 1, '2026-01-02T03:04:05+00:00', 0, 181, null, null)",
        "driver_locations_lng_check",
    ),
    ("insert into users (email, role, normalized_email) values ('a@example.com', 'KING', 'a@example.com')", "KING"),
    ("insert into users (email) values ('a@example.com')", "normalized_email"),
    ("update customers set normalized_email = null", "normalized_email"),
];

on_both!(bad_rows_are_refused);
async fn bad_rows_are_refused(scratch: Scratch) {
    let db = filled(&scratch).await;
    let names_values = db.get_database_backend() == DbBackend::Postgres;
    for (sql, rule) in REFUSED {
        let error = execute(&db, sql).await.expect_err(sql).to_string();
        // A wrong enum value is named by PostgreSQL; SQLite names its unnamed check by its condition.
        let is_enum = rule == rule.to_uppercase();
        let expected = if is_enum && !names_values { "CHECK constraint failed" } else { rule };
        assert!(error.contains(expected), "{sql}: {error}");
    }
}

on_both!(a_bad_insert_is_refused_as_an_update_is);
async fn a_bad_insert_is_refused_as_an_update_is(scratch: Scratch) {
    let db = filled(&scratch).await;
    let insert = |amounts: &str| {
        format!(
            "insert into orders (id, customer_id, restaurant_id, order_time, delivery_address, currency, \
             subtotal, tax, delivery_fee, total_amount) \
             values (9, 1, 1, '2026-01-02T03:04:05+00:00', '{{}}', {amounts})"
        )
    };
    execute(&db, &insert("'USD', 10.10, 0.20, 2.99, 13.29")).await.unwrap();
    execute(&db, &insert("'USD', 10.10, 0.20, 2.99, 13.30")).await.unwrap_err();
    execute(&db, &insert("'USD', null, 0.20, 2.99, 13.29")).await.unwrap_err();
    execute(&db, &insert("null, 10.10, 0.20, 2.99, 13.29")).await.unwrap_err();
}

const UNIQUE: [&str; 12] = [
    "insert into customers (name, email, normalized_email) values ('x', 'hoa@example.com', 'x')",
    "insert into customers (name, email, normalized_email) values ('x', 'x', 'hoa@example.com')",
    "insert into menus (restaurant_id, name) values (1, 'Second menu')",
    "insert into drivers (name, phone, license_number, vehicle_type) values ('x', '3', 'L2', 'bike')",
    "insert into drivers (name, phone, license_number, vehicle_type) values ('x', '4', 'L1', 'bike')",
    "insert into reviews (customer_id, restaurant_id, rating, created_at, updated_at) \
     values (1, 1, 3, '2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05+00:00')",
    "insert into order_items (order_id, dish_id, quantity, unit_price, dish_name) values (1, 1, 1, 1, 'x')",
    "insert into users (email, normalized_email) values ('ADMIN@example.com', 'admin@example.com')",
    "insert into refresh_tokens (token_hash, session_id, created_at, generation) \
     values ('b', 1, '2026-01-02T03:04:05+00:00', 1)",
    "update customers set user_id = 1",
    "update orders set idempotency_key = 'key' where customer_id = 2",
    "update order_events set position = 1",
];

on_both!(what_is_unique_stays_so);
async fn what_is_unique_stays_so(scratch: Scratch) {
    let db = filled(&scratch).await;
    for sql in [
        "insert into users (id, email, normalized_email) values (1, 'Admin@Example.com', 'admin@example.com')",
        "insert into sessions (id, user_id, created_at, last_used_at, expires_at) values \
         (1, 1, '2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05+00:00')",
        "insert into refresh_tokens (token_hash, session_id, created_at, generation) \
         values ('a', 1, '2026-01-02T03:04:05+00:00', 1)",
    ] {
        execute(&db, sql).await.unwrap_or_else(|error| panic!("{error} in {sql}"));
    }
    for sql in UNIQUE {
        let error = execute(&db, sql).await.expect_err(sql);
        let message = error.to_string().to_lowercase();
        assert!(message.contains("unique"), "{sql}: {error}");
    }
    // Two customers may have thought of the same key.
    execute(&db, "update orders set idempotency_key = 'key' where id in (1, 2)").await.unwrap();
}

const REFERENCED: [&str; 5] = [
    "delete from customers where id = 1",
    "delete from restaurants where id = 1",
    "delete from dishes where id = 1",
    "insert into order_items (order_id, dish_id, quantity, unit_price, dish_name) values (1, 99, 1, 1, 'x')",
    "update customers set user_id = 99 where id = 1",
];

on_both!(what_is_referred_to_stays);
async fn what_is_referred_to_stays(scratch: Scratch) {
    let db = filled(&scratch).await;
    for sql in REFERENCED {
        let error = execute(&db, sql).await.expect_err(sql);
        assert!(error.to_string().to_lowercase().contains("foreign key"), "{sql}: {error}");
    }
}

on_both!(what_belongs_to_a_row_goes_with_it);
async fn what_belongs_to_a_row_goes_with_it(scratch: Scratch) {
    let db = filled(&scratch).await;
    execute(&db, "insert into users (id, email, normalized_email) values (1, 'm@example.com', 'm@example.com')")
        .await
        .unwrap();
    execute(&db, "insert into restaurant_members (restaurant_id, user_id) values (1, 1)").await.unwrap();
    execute(&db, "update customers set user_id = 1 where id = 1").await.unwrap();
    execute(&db, "update drivers set user_id = 1").await.unwrap();
    execute(&db, "delete from users").await.unwrap();
    assert_eq!(value(&db, "count(*)", "restaurant_members").await, "0");
    assert_eq!(value(&db, "count(user_id)", "customers").await, "0");
    assert_eq!(value(&db, "count(user_id)", "drivers").await, "0");

    let place = "insert into driver_locations values (2, 1, 1, '2026-01-02T03:04:05+00:00', 21, 105, null, null)";
    execute(&db, place).await.unwrap();
    execute(&db, "delete from drivers").await.unwrap();
    assert_eq!(value(&db, "count(*)", "driver_locations").await, "0");
    assert_eq!(value(&db, "count(driver_id)", "orders").await, "0");
    assert_eq!(value(&db, "count(driver_id)", "order_events").await, "0");

    execute(&db, "delete from orders").await.unwrap();
    assert_eq!(value(&db, "count(*)", "order_items").await, "0");
    assert_eq!(value(&db, "count(*)", "order_events").await, "0");

    execute(&db, "delete from reviews").await.unwrap();
    execute(&db, "delete from restaurants").await.unwrap();
    assert_eq!(value(&db, "count(*)", "menus").await, "0");
    assert_eq!(value(&db, "count(*)", "dishes").await, "0");
}

on_both!(the_defaults_of_the_erd_hold);
async fn the_defaults_of_the_erd_hold(scratch: Scratch) {
    let db = filled(&scratch).await;
    execute(&db, "insert into restaurants (id, name, address, phone, cuisine_type) values (9, 'x', 'x', 'x', 'x')")
        .await
        .unwrap();
    let new = "restaurants where id = 9 and avg_rating = 0 and total_orders = 0 and review_count = 0 \
               and is_active and currency = 'USD' and delivery_fee = 2.99 and tax_rate = 0 and search_text = ''";
    assert_eq!(value(&db, "count(*)", new).await, "1");
    execute(&db, "insert into users (email, normalized_email) values ('x@example.com', 'x@example.com')")
        .await
        .unwrap();
    assert_eq!(value(&db, "count(*)", "users where role = 'CUSTOMER' and is_active").await, "1");
    execute(
        &db,
        "insert into orders (id, customer_id, restaurant_id, delivery_address, currency, subtotal, tax, \
         delivery_fee, total_amount) values (9, 1, 1, '{}', 'USD', 1, 0, 0, 1)",
    )
    .await
    .unwrap();
    assert_eq!(value(&db, "status", "orders where id = 9").await, "PENDING");
    assert_eq!(value(&db, "status", "drivers where id = 1").await, "OFFLINE");
}
