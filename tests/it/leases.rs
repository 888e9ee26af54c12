//! Connection leases: an operation takes one connection to the database, sends nothing but its statements there, and gives it back.

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, Person, Proxy, both_databases};

/// One connection, for which nobody waits long.
const ONE_CONNECTION: &[(&str, &str)] =
    &[("TIFFIN_DATABASE_MAX_CONNECTIONS", "1"), ("TIFFIN_DATABASE_ACQUIRE_TIMEOUT_SECONDS", "5")];

const NESTED: &str = "{
    me { name }
    restaurants { nodes { name menu { name dishes { nodes { name } totalCount } } reviews { nodes { rating } } } }
    orders { nodes { status items { quantity dish { name } } restaurant { name } } totalCount }
}";

const RENAME: &str = r#"mutation($id: ID!) { updateCustomer(input: {id: $id, name: "Anne"}) { customer { name orders { totalCount } } } }"#;

#[test]
fn a_statement_is_one_round_trip_and_nothing_else_is_said() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let line = Proxy::to(city.setting("DATABASE_URL")).await;
        let server = city.another_server_with(&[("DATABASE_URL", line.url())]).await;
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let ann = city.customer("Ann").await.at(&server);
        ann.has_ordered(&restaurant.basket(&[(0, 1), (1, 2)])).await;
        // The server has tasks of its own, so more may be said meanwhile, and statements are prepared where they are new.
        let mut heard = Vec::new();
        for _ in 0..20 {
            let before = line.round_trips();
            let (answer, statements) = server.statements_during(ann.query(NESTED, json!({}))).await;
            answer.expect_success();
            heard.push((line.round_trips() - before, statements.count()));
            if heard.last().is_some_and(|(round_trips, statements)| round_trips == statements) {
                assert!(statements.count() > 6, "{statements}");
                return;
            }
        }
        panic!("round trips, and statements of the request: {heard:?}");
    });
}

#[test]
fn an_order_and_a_step_take_three_round_trips_each() {
    const PLACE: &str = "mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id totalAmount items { lineTotal } } } }";
    const STEP: &str =
        "mutation($id: ID!) { updateOrderStatus(input: {orderId: $id, status: CONFIRMED}) { order { status } } }";
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let line = Proxy::to(city.setting("DATABASE_URL")).await;
        let server = city.another_server_with(&[("DATABASE_URL", line.url())]).await;
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let (ann, staff) = (city.customer("Ann").await.at(&server), city.merchant_of(&restaurant).await.at(&server));
        let input = restaurant.basket(&[(0, 1), (1, 2)]);
        // The journal's sequencer, which each step wakes, waits meanwhile: what it says is no part of the operation.
        let held = city.db().begin().await.expect("a transaction can begin");
        held.execute_unprepared("select pg_advisory_xact_lock(1785689458)").await.expect("the lock is free");
        // Who asks, what is known, and the order, whose items are then known as well.
        let mut heard = Vec::new();
        for _ in 0..20 {
            let before = line.round_trips();
            let placed = ann.query(PLACE, json!({"input": input})).await;
            let after_order = line.round_trips();
            staff.query(STEP, json!({"id": placed.text("/placeOrder/order/id")})).await.expect_success();
            heard.push((after_order - before, line.round_trips() - after_order));
        }
        // The server has tasks of its own, so more may be said meanwhile, and statements are prepared where they are new.
        let fewest = (heard.iter().map(|(order, _)| *order).min(), heard.iter().map(|(_, step)| *step).min());
        assert_eq!(fewest, (Some(3), Some(3)), "{heard:?}");
    });
}

/// What somebody does who looks around and orders, all at once.
async fn everything(person: &Person, basket: &serde_json::Value) -> Vec<Answer> {
    let (nested, placed, profile) = tokio::join!(
        join_all((0..5).map(|_| person.query(NESTED, json!({})))),
        join_all((0..3).map(|_| person.place_order(basket))),
        person.query(RENAME, json!({"id": person.customer_id()})),
    );
    nested.into_iter().chain(placed).chain([profile]).collect()
}

both_databases! {
    async fn one_connection_is_enough_for_everything_at_once(database: Database) {
        let city = City::with_settings(database, ONE_CONNECTION).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        // Those who only listen hold none.
        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status order { restaurant { name } } } }";
        let mut streams = Vec::new();
        for _ in 0..5 {
            let mut stream = ann.subscribe(watch, json!({"id": order})).await;
            assert_eq!(stream.next_event().await.text("/orderStatusChanged/status"), "PENDING");
            streams.push(stream);
        }
        let basket = restaurant.basket(&[(0, 1)]);
        let (of_ann, of_ben) = tokio::join!(everything(&ann, &basket), everything(&ben, &basket));
        for answer in of_ann.into_iter().chain(of_ben) {
            answer.expect_success();
        }
        ann.cancel_order(&order).await.expect_success();
        for stream in &mut streams {
            assert_eq!(stream.next_event().await.text("/orderStatusChanged/status"), "CANCELLED");
        }
    }
}
