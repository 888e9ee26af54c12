//! What becomes of rows that were written in the ERD's form.

use migration::{migrate, migrate_steps};
use sea_orm_migration::sea_orm::{DatabaseConnection, DbBackend};

use crate::scratch::{Scratch, erd_steps, execute, insert_erd_rows, on_both, steps_to, value};

async fn grown(scratch: &Scratch) -> DatabaseConnection {
    let db = scratch.connect().await;
    migrate_steps(&db, erd_steps()).await.unwrap();
    insert_erd_rows(&db).await;
    migrate(&db).await.unwrap();
    db
}

/// The amounts of an order, to two digits on both databases.
async fn amounts(db: &DatabaseConnection, order: i32) -> [String; 4] {
    let mut amounts = Vec::new();
    for column in ["subtotal", "tax", "delivery_fee", "total_amount"] {
        let cents = format!("round({column} * 100)");
        let cents = value(db, &cents, &format!("orders where id = {order}")).await;
        let cents: f64 = cents.parse().unwrap();
        amounts.push(format!("{:.2}", cents / 100.0));
    }
    amounts.try_into().unwrap()
}

on_both!(totals_are_split);
async fn totals_are_split(scratch: Scratch) {
    let db = grown(&scratch).await;
    assert_eq!(amounts(&db, 1).await, ["20.40", "0.00", "2.99", "23.39"]);
    assert_eq!(amounts(&db, 2).await, ["10.10", "0.00", "0.00", "10.10"]);
    assert_eq!(amounts(&db, 3).await, ["7.00", "0.00", "1.50", "8.50"], "without items");
    assert_eq!(amounts(&db, 70000).await, ["0.60", "0.00", "0.10", "0.70"], "another batch");
    assert_eq!(value(&db, "count(*)", "orders where currency = 'USD'").await, "4");
}

on_both!(histories_start);
async fn histories_start(scratch: Scratch) {
    let db = grown(&scratch).await;
    let started = "order_events where sequence = 1 and previous_status is null and actor = 'SYSTEM' \
                   and published_at = at and feed_transaction = 0";
    assert_eq!(value(&db, "count(*)", started).await, "4");
    assert_eq!(value(&db, "count(distinct position)", started).await, "4");
    assert_eq!(
        value(
            &db,
            "count(*)",
            "order_events e join orders o on o.id = e.order_id and o.status = e.status and o.order_time = e.at"
        )
        .await,
        "4"
    );
    assert_eq!(value(&db, "driver_id", "order_events where order_id = 2").await, "1");
}

on_both!(names_times_and_counts_are_filled);
async fn names_times_and_counts_are_filled(scratch: Scratch) {
    let db = grown(&scratch).await;
    assert_eq!(value(&db, "dish_name", "order_items where order_id = 70000").await, "Chè");
    assert_eq!(value(&db, "count(*)", "reviews where updated_at = created_at").await, "2");
    assert_eq!(value(&db, "review_count", "restaurants where id = 1").await, "2");
    assert_eq!(value(&db, "review_count", "restaurants where id = 2").await, "0");
}

on_both!(search_text_is_folded);
async fn search_text_is_folded(scratch: Scratch) {
    let db = grown(&scratch).await;
    assert_eq!(value(&db, "search_text", "customers where id = 1").await, "dang thi hoa");
    assert_eq!(value(&db, "search_text", "restaurants where id = 1").await, "pho bo\n1 pho hue");
    assert_eq!(value(&db, "search_text", "restaurants where id = 2").await, "kasehaus\n2 strasse");
    assert_eq!(value(&db, "search_text", "dishes where id = 1").await, "pho\nsoup\nnong");
    assert_eq!(value(&db, "search_text", "dishes where id = 2").await, "che\ndessert");
}

on_both!(what_an_older_server_writes_after_the_backfill_is_split_too);
async fn what_an_older_server_writes_after_the_backfill_is_split_too(scratch: Scratch) {
    let db = scratch.connect().await;
    migrate_steps(&db, steps_to("backfill_order_amounts")).await.unwrap();
    insert_erd_rows(&db).await;
    migrate(&db).await.unwrap();
    assert_eq!(amounts(&db, 1).await, ["20.40", "0.00", "2.99", "23.39"]);
}

on_both!(a_row_in_the_new_form_is_left_alone);
async fn a_row_in_the_new_form_is_left_alone(scratch: Scratch) {
    let db = scratch.connect().await;
    migrate_steps(&db, steps_to("add_order_amounts")).await.unwrap();
    insert_erd_rows(&db).await;
    execute(&db, "update orders set subtotal = 20.40, tax = 1.63, currency = 'EUR', total_amount = 25.02 where id = 1")
        .await
        .unwrap();
    migrate(&db).await.unwrap();
    assert_eq!(amounts(&db, 1).await, ["20.40", "1.63", "2.99", "25.02"]);
    assert_eq!(value(&db, "currency", "orders where id = 1").await, "EUR");
}

on_both!(a_total_that_does_not_add_up_stops_the_migration);
async fn a_total_that_does_not_add_up_stops_the_migration(scratch: Scratch) {
    let db = scratch.connect().await;
    migrate_steps(&db, steps_to("backfill_order_amounts")).await.unwrap();
    insert_erd_rows(&db).await;
    execute(&db, "update orders set subtotal = 1, tax = 0, currency = 'USD', total_amount = 99 where id = 1")
        .await
        .unwrap();
    let error = migrate(&db).await.unwrap_err().to_string();
    assert!(error.contains("orders_total_amount_sum_check"), "{error}");
    execute(&db, "update orders set total_amount = 3.99 where id = 1").await.unwrap();
    migrate(&db).await.unwrap();
}

on_both!(new_rows_count_on_from_the_old);
async fn new_rows_count_on_from_the_old(scratch: Scratch) {
    let db = grown(&scratch).await;
    let position = match db.get_database_backend() {
        DbBackend::Postgres => "default",
        _ => "(select max(position) + 1 from order_events)",
    };
    execute(
        &db,
        &format!(
            "insert into order_events (order_id, sequence, status, previous_status, actor, at, position) \
             values (1, 2, 'DELIVERED', 'DELIVERED', 'User:7', '2026-01-02T03:04:05+00:00', {position})"
        ),
    )
    .await
    .unwrap();
    assert_eq!(value(&db, "position", "order_events where sequence = 2").await, "5");
}
