//! Background tasks on orders: the time-out of orders that nobody accepts, and steps that are told although the server that took them died.

use chrono::{DateTime, FixedOffset, Utc};
use entity::{
    drivers, journal_positions, order_events, orders,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, EntityTrait, PaginatorTrait, QueryOrder, QuerySelect, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use serde_json::json;
use tiffin_tests::{
    City, Database, both_databases,
    builders::Order,
    journal::{append_step, next_event_id},
};

use crate::process::eventually;

use OrderStatus::{Cancelled, Confirmed, Pending, Ready};

both_databases! {
    async fn an_order_that_nobody_accepts_in_time_is_cancelled_by_the_system(database: Database) {
        let mut city = City::with_settings(database, &[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "5")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let overdue = city.order(&ann, &restaurant).placed_at(minutes_ago(6)).create().await;
        let fresh = city.order(&ann, &restaurant).placed_at(minutes_ago(2)).create().await;
        let accepted = city.order(&ann, &restaurant).status(Confirmed).placed_at(minutes_ago(60)).create().await;

        // They have no jobs yet, as if an older version of the server had placed them.
        city.restart().await;
        let ann = ann.at(city.server());
        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status note } }";
        let told = ann.subscribe(watch, json!({"id": overdue.id()})).await.until_complete().await;
        let note = "Not accepted within 5 minutes.";
        assert_eq!(told.last().unwrap().at("/orderStatusChanged"), &json!({"status": "CANCELLED", "note": note}));

        let events = city.order_events(&overdue.id()).await;
        assert_eq!(events.len(), 2);
        assert_eq!((events[1].sequence, events[1].previous_status, events[1].status), (2, Some(Pending), Cancelled));
        assert_eq!(events[1].actor, "SYSTEM");
        for order in [&fresh, &accepted] {
            assert_eq!(city.order_row(&order.id()).await, order.row);
            assert_eq!(city.order_events(&order.id()).await, order.events);
        }
    }

    async fn every_step_is_numbered_once(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        for _ in 0..5 {
            let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            staff.update_order_status(&order, Confirmed).await.expect_success();
        }
        expect_all_numbered(city, 10).await;
    }

    async fn a_step_that_was_written_but_never_said_is_said(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, duy) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(Ready).driver(&duy).create().await;
        let watch = "subscription($id: ID!) { event: orderStatusChanged(orderId: $id) { sequence } }";
        let mut of_ann = ann.subscribe(watch, json!({"id": order.id()})).await;
        let watch = "subscription($id: ID!) { event: restaurantOrderChanged(restaurantId: $id) { sequence } }";
        let mut of_kitchen = staff.subscribe(watch, json!({"id": restaurant.id()})).await;
        let mut of_duy = duy.subscribe("subscription { event: driverOrderChanged { sequence } }", json!({})).await;
        let latest = order.events.len();
        for stream in [&mut of_ann, &mut of_kitchen, &mut of_duy] {
            assert_eq!(stream.next_event().await.get::<usize>("/event/sequence"), latest);
        }
        // A server that ends between writing and saying it; the release is one that the driver must hear of.
        write_release(city, &order).await;
        for stream in [&mut of_ann, &mut of_kitchen, &mut of_duy] {
            assert_eq!(stream.next_event().await.get::<usize>("/event/sequence"), latest + 1);
        }
        expect_all_numbered(city, latest + 1).await;
    }
}

fn minutes_ago(minutes: i64) -> DateTime<FixedOffset> {
    (Utc::now() - chrono::Duration::minutes(minutes)).fixed_offset()
}

/// Waits until so many events, which must be all, have positions, which are the numbers from 1 on.
async fn expect_all_numbered(city: &City, count: usize) {
    let expected: Vec<_> = order_events::Entity::find()
        .select_only()
        .column(order_events::Column::Position)
        .order_by_asc(order_events::Column::Position)
        .into_tuple::<i64>()
        .all(city.db())
        .await
        .unwrap();
    assert_eq!(expected.len(), count);
    let positions = journal_positions::Entity::find().order_by_asc(journal_positions::Column::Position);
    eventually("all are numbered", async || positions.clone().count(city.db()).await.unwrap() == count as u64).await;
    let numbered = positions.all(city.db()).await.unwrap();
    assert_eq!(numbered.iter().map(|row| row.event_id).collect::<Vec<_>>(), expected);
    assert!(numbered.iter().zip(1..).all(|(row, position)| row.position == position), "{numbered:?}");
}

/// Takes the order from its driver as the server does, without telling anybody.
async fn write_release(city: &City, order: &Order) {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let transaction = city.db().begin_with_options(options).await.unwrap();
    let row = orders::ActiveModel { id: Set(order.row.id), driver_id: Set(None), ..Default::default() };
    row.update(&transaction).await.unwrap();
    let driver = drivers::ActiveModel {
        id: Set(order.row.driver_id.unwrap()),
        status: Set(DriverStatus::Available),
        ..Default::default()
    };
    driver.update(&transaction).await.unwrap();
    let last = order.events.last().unwrap().clone();
    let mut event = order_events::ActiveModel {
        order_id: Set(last.order_id),
        sequence: Set(last.sequence + 1),
        status: Set(last.status),
        previous_status: Set(Some(last.status)),
        actor: Set("SYSTEM".to_owned()),
        at: Set(Utc::now().fixed_offset()),
        published_at: Set(Some(Utc::now().fixed_offset())),
        ..Default::default()
    };
    if city.database() == Database::Sqlite {
        event.position = Set(next_event_id(&transaction).await);
    }
    let event = event.insert(&transaction).await.unwrap();
    append_step(&transaction, &order.row, &event, last.driver_id).await;
    transaction.commit().await.unwrap();
}
