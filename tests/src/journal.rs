//! Writes into the journal what a test writes past the server, as the server does.

use entity::{
    journal_events, order_events, orders, reviews,
    sea_orm_active_enums::OrderStatus::{self, Confirmed, Preparing, Ready},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, Statement};
use serde_json::json;

/// The id of the next event on SQLite, which counts no numbers by itself.
const NEXT_ID: &str =
    "select max(coalesce((select max(id) from journal_events), 0), (select max(last_id) from journal_runs)) + 1";

/// The id that the next event has on SQLite.
pub async fn next_event_id(db: &impl ConnectionTrait) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), NEXT_ID)).await;
    let row = row.expect("the journal can be read").expect("a number has a row");
    row.try_get_by_index(0).expect("it is a number")
}

/// Appends a step of the order, without asking for a run: a server finds it by itself.
pub async fn append_step(
    db: &impl ConnectionTrait,
    order: &orders::Model,
    event: &order_events::Model,
    driver_before: Option<i32>,
) {
    let mut topics = vec![
        format!("restaurant:{}", order.restaurant_id),
        format!("customer:{}", order.customer_id),
        "orders".to_owned(),
    ];
    topics.extend(event.driver_id.map(|driver| format!("driver:{driver}")));
    let former = driver_before.filter(|driver| event.driver_id != Some(*driver));
    topics.extend(former.map(|driver| format!("driver:{driver}")));
    let can_be_claimed = is_claimable(Some(event.status), event.driver_id);
    if can_be_claimed != is_claimable(event.previous_status, driver_before) {
        topics.push("claimable".to_owned());
    }
    let event = journal_events::ActiveModel {
        id: Set(event.position),
        kind: Set("ORDER_STEP".to_owned()),
        topics: Set(json!(topics)),
        subject: Set(order.id.into()),
        at: Set(event.at),
    };
    event.insert(db).await.expect("an event can be appended");
}

fn is_claimable(status: Option<OrderStatus>, driver: Option<i32>) -> bool {
    matches!(status, Some(Confirmed | Preparing | Ready)) && driver.is_none()
}

/// Appends that the review was posted, without asking for a run.
pub async fn append_review(db: &impl ConnectionTrait, review: &reviews::Model) {
    let (id, values) = match db.get_database_backend() {
        DbBackend::Sqlite => (format!("({NEXT_ID})"), "?, ?, ?"),
        _ => ("nextval('order_events_position_seq')".to_owned(), "$1, $2, $3"),
    };
    let insert =
        format!("insert into journal_events (id, kind, topics, subject, at) values ({id}, 'REVIEW_POSTED', {values})");
    let topics = json!([format!("reviews:{}", review.restaurant_id)]);
    let values = [topics.into(), i64::from(review.id).into(), review.created_at.into()];
    let event = Statement::from_sql_and_values(db.get_database_backend(), insert, values);
    db.execute_raw(event).await.expect("an event can be appended");
}
