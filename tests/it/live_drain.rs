//! Graceful shutdown: connections are drained to other processes, and miss nothing.

use std::collections::HashMap;

use entity::{order_events, sea_orm_active_enums::OrderStatus};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, Person, Proxy, acts::status_name, rows::row_number};
use tokio::{net::TcpStream, sync::watch};

use crate::{
    process::eventually,
    sockets::{NEWER, Socket, WATCH, watched_order},
};

use OrderStatus::{Confirmed, Preparing, Ready};

const KITCHEN: &str =
    "subscription($id: ID!, $after: String) { event: restaurantOrderChanged(restaurantId: $id, after: $after) {
    cursor sequence status note order { id } } }";

/// What is noted with the last step of all.
const LAST: &str = "the last";

#[test]
fn a_rolling_restart_is_invisible_to_who_reconnects_with_after() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Postgres, &[("TIFFIN_SHUTDOWN_SPREAD_SECONDS", "1")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        // Steps are taken at a server that stays.
        let take_steps = async || {
            let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            for status in [Confirmed, Preparing, Ready] {
                staff.update_order_status(&order, status).await.expect_success();
            }
            order
        };
        let (mut leaving, mut next) = (city.another_server().await, city.another_server().await);
        let proxy = Proxy::before(&[&leaving]).await;
        let (kitchen, kitchen_id) = (staff.by_way_of(&proxy), restaurant.id());
        let (by_socket, by_stream) = (watch::Sender::new(0), watch::Sender::new(0));
        let both_told = async |count: usize| {
            for told in [&by_socket, &by_stream] {
                told.subscribe().wait_for(|told| *told >= count).await.expect("the kitchen listens");
            }
        };
        let first = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let restarts = async {
            let mut taken = 1;
            both_told(taken).await;
            for _ in 0..2 {
                proxy.turn_to(&[&next]);
                leaving.request_stop();
                take_steps().await;
                assert_eq!(leaving.ended().await.code(), Some(0), "{}", leaving.log());
                take_steps().await;
                taken += 8;
                both_told(taken).await;
                leaving = std::mem::replace(&mut next, city.another_server().await);
            }
            let document =
                "mutation($id: ID!) { cancelOrder(input: {orderId: $id, reason: \"the last\"}) { order { id } } }";
            staff.query(document, json!({ "id": first })).await.expect_success();
        };
        let (of_socket, of_stream, ()) = tokio::join!(
            follow_by_socket(&kitchen, &kitchen_id, &by_socket),
            follow_by_stream(&kitchen, &kitchen_id, &by_stream),
            restarts
        );
        let (of_socket, closes) = of_socket;
        assert_eq!(closes, [1012, 1012], "each restart sent it elsewhere");
        let (of_stream, ends) = of_stream;
        assert_eq!(ends, 2, "each restart sent it elsewhere");
        let rows = order_events::Entity::find().all(city.db()).await.unwrap();
        assert_eq!(rows.len(), 1 + 4 * 4 + 1);
        expect_each_once(&of_socket, &rows);
        expect_each_once(&of_stream, &rows);
    });
}

/// Follows a kitchen to the last step, beginning anew after the last one that was told whenever the server closes the socket: all
/// steps, and the codes of the closes.
async fn follow_by_socket(staff: &Person, restaurant: &str, told: &watch::Sender<usize>) -> (Vec<Answer>, Vec<u16>) {
    let (mut steps, mut closes): (Vec<Answer>, _) = (Vec::new(), Vec::new());
    loop {
        let mut stream = staff.subscribe(KITCHEN, after(restaurant, &steps)).await;
        loop {
            match stream.next_event_or_close().await {
                Ok(step) => steps.push(step),
                Err(code) => break closes.push(code),
            }
            told.send_replace(steps.len());
            if is_last(&steps) {
                return (steps, closes);
            }
        }
    }
}

/// The same over Server-Sent Events: all steps, and how often the stream ended.
async fn follow_by_stream(staff: &Person, restaurant: &str, told: &watch::Sender<usize>) -> (Vec<Answer>, usize) {
    let (mut steps, mut ends): (Vec<Answer>, _) = (Vec::new(), 0);
    loop {
        let mut stream = staff.listen(KITCHEN, after(restaurant, &steps)).await;
        while let Some(step) = stream.next_event_or_end().await {
            steps.push(step);
            told.send_replace(steps.len());
            if is_last(&steps) {
                return (steps, ends);
            }
        }
        ends += 1;
    }
}

fn after(restaurant: &str, steps: &[Answer]) -> Value {
    json!({ "id": restaurant, "after": steps.last().map(|step| step.at("/event/cursor")) })
}

fn is_last(steps: &[Answer]) -> bool {
    steps.last().is_some_and(|step| step.at("/event/note") == LAST)
}

/// Every row is told once, and those of each order one after the other.
fn expect_each_once(told: &[Answer], rows: &[order_events::Model]) {
    let mut of_orders: HashMap<i32, Vec<(i32, String)>> = HashMap::new();
    for step in told {
        let order = row_number(step.text("/event/order/id"));
        let step = (step.get("/event/sequence"), step.text("/event/status").to_owned());
        of_orders.entry(order).or_default().push(step);
    }
    let mut expected: HashMap<i32, Vec<(i32, String)>> = HashMap::new();
    for row in rows {
        expected.entry(row.order_id).or_default().push((row.sequence, status_name(row.status).to_owned()));
    }
    expected.values_mut().for_each(|steps| steps.sort());
    assert_eq!(of_orders, expected);
}

#[test]
fn a_server_that_is_told_to_stop_says_so_first_and_ends_at_once_when_told_twice() {
    tiffin_tests::run(async {
        let mut city = City::new(Database::Sqlite).await;
        city.stop().await;
        let settings = [("TIFFIN_SHUTDOWN_DELAY_SECONDS", "3600")];
        let mut server = city.another_server_with(&settings).await;
        let ready = async || {
            let response = reqwest::get(server.url("/health/ready")).await.expect("answered");
            let status = response.status().as_u16();
            (status, response.json::<Value>().await.expect("JSON")["status"].as_str().map(str::to_owned))
        };
        assert_eq!(ready().await, (200, Some("ok".to_owned())));
        server.request_stop();
        eventually("the server says that it is about to end", async || {
            ready().await == (503, Some("shutting_down".to_owned()))
        })
        .await;
        city.anonymous().at(&server).query("{ __typename }", json!({})).await.expect_success();
        server.request_stop();
        assert_eq!(server.ended().await.code(), Some(1), "{}", server.log());
    });
}

#[test]
fn sockets_leave_one_by_one_while_nobody_new_is_let_in() {
    tiffin_tests::run(async {
        // So long that the moment by chance of the socket below is as good as never now.
        let settings = [("TIFFIN_SHUTDOWN_SPREAD_SECONDS", "86000"), ("TIFFIN_SHUTDOWN_TIMEOUT_SECONDS", "86400")];
        let mut city = City::with_settings(Database::Sqlite, &settings).await;
        let (ann, order) = watched_order(&city).await;
        let mut socket = Socket::of(&ann, city.server(), NEWER).await;
        let mut stream = ann.listen(WATCH, json!({ "id": order })).await;
        stream.next_event().await.expect_success();
        city.server().request_stop();
        let address = city.server().address();
        eventually("nothing listens any more", async || TcpStream::connect(address).await.is_err()).await;
        let cancel = "mutation($id: ID!) { cancelOrder(input: {orderId: $id}) { order { status } } }";
        socket.subscribe("a", cancel, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["cancelOrder"]["order"]["status"], "CANCELLED");
        assert_eq!(stream.next_event().await.text("/orderStatusChanged/status"), "CANCELLED");
        city.server().request_stop();
        assert_eq!(city.server_mut().ended().await.code(), Some(1));
    });
}
