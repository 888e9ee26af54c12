//! Slow clients and back-pressure: places are conflated (only the newest counts), steps are kept, and nobody else notices.

use entity::sea_orm_active_enums::OrderStatus;
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Person, both_databases, builders::Restaurant};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    metrics::metric,
    process::eventually,
    sockets::{NEWER, Socket, WATCH, connect_with_little_room},
};

use OrderStatus::{Confirmed, Delivered, PickedUp, Preparing, Ready};

/// An answer of many times what a client with little room can be sent ahead.
const HUGE: &str = "{ __schema { types { name description fields { name description args { name description } } } } }";

/// So many times the same, under other names: events that fill what room there is soon.
fn repeated(field: &str) -> String {
    (0..150).map(|number| format!("a{number}: {field} ")).collect()
}

both_databases! {
    async fn who_does_not_read_is_cut_off_and_nobody_else_notices(database: Database) {
        // Fewer connections to the database than clients that stall: were they held, nothing else would go on.
        let settings = [("TIFFIN_WEBSOCKET_SEND_TIMEOUT_SECONDS", "2"), ("TIFFIN_DATABASE_MAX_CONNECTIONS", "3")];
        let city = City::with_settings(database, &settings).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let duy = city.driver("Duy").await;
        let order = city.order(&ann, &restaurant).create().await.id();
        let mut stalled = Vec::new();
        for _ in 0..5 {
            let mut socket = Socket::with_little_room(&ann, city.server()).await;
            socket.subscribe("steps", WATCH, json!({ "id": order })).await;
            for id in ["a", "b", "c"] {
                socket.subscribe(id, HUGE, Value::Null).await;
            }
            stalled.push(socket);
        }
        let mut follower = ann.subscribe(WATCH, json!({ "id": order })).await;
        assert_eq!(follower.next_event().await.text("/orderStatusChanged/status"), "PENDING");
        for status in [Confirmed, Preparing, Ready] {
            staff.update_order_status(&order, status).await.expect_success();
            follower.next_event().await.expect_success();
        }
        let ends = [("transport", NEWER), ("reason", "stalled")];
        eventually("those that do not read are cut off", async || {
            metric(city.server(), "tiffin_connections", &[("transport", NEWER)]).await == 1
        }).await;
        assert!(metric(city.server(), "tiffin_operation_ends_total", &ends).await >= 5);
        duy.assign_driver(&order, &duy).await.expect_success();
        follower.next_event().await.expect_success();
        for status in [PickedUp, Delivered] {
            duy.update_order_status(&order, status).await.expect_success();
            follower.next_event().await.expect_success();
        }
        follower.expect_complete().await;
    }

    async fn who_reads_late_is_told_where_the_driver_is_and_not_all_the_way_there(database: Database) {
        let city = City::with_settings(database, &[("TIFFIN_WEBSOCKET_SEND_TIMEOUT_SECONDS", "600")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let duy = city.new_driver("Duy").located_at(20.0, 105.0).create().await;
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let document = format!(
            "subscription($id: ID!) {{ driverLocationChanged(orderId: $id) {{ lat {} }} }}",
            repeated("lng")
        );
        let mut socket = Socket::with_little_room(&ann, city.server()).await;
        socket.subscribe("a", &document, json!({ "id": order.id() })).await;
        let way = 150;
        for step in 1..=way {
            duy.move_to(20.0 + f64::from(step) / 1000.0, 105.0).await.expect_success();
        }
        let newest = 20.0 + f64::from(way) / 1000.0;
        let mut told = vec![0.0];
        while told.last() != Some(&newest) {
            let place = socket.hear().await["payload"]["data"]["driverLocationChanged"]["lat"].as_f64().unwrap();
            assert!(told.last() < Some(&place), "{place} after {told:?}");
            told.push(place);
        }
        assert!(told.len() < way as usize, "some were skipped: {told:?}");
    }

    async fn who_reads_late_misses_no_step(database: Database) {
        let city = City::with_settings(database, &[("TIFFIN_WEBSOCKET_SEND_TIMEOUT_SECONDS", "600")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let document = format!(
            "subscription($id: ID!) {{ restaurantOrderChanged(restaurantId: $id) {{ order {{ id }} {} }} }}",
            repeated("cursor")
        );
        let mut socket = Socket::with_little_room(&staff, city.server()).await;
        // What is told first shows that the subscription has begun.
        let mut placed = vec![ann.has_ordered(&restaurant.basket(&[(0, 1)])).await];
        socket.subscribe("a", &document, json!({ "id": restaurant.id() })).await;
        let order = |message: Value| message["payload"]["data"]["restaurantOrderChanged"]["order"]["id"].clone();
        let mut told = vec![order(socket.hear().await)];
        for _ in 0..60 {
            placed.push(ann.has_ordered(&restaurant.basket(&[(0, 1)])).await);
        }
        while told.len() < placed.len() {
            told.push(order(socket.hear().await));
        }
        assert_eq!(told, placed);
    }
}

#[test]
fn an_event_stream_that_is_not_read_ends() {
    tiffin_tests::run(async {
        let kitchen = UnreadKitchen::open(("TIFFIN_WEBSOCKET_SEND_TIMEOUT_SECONDS", "1")).await;
        eventually("its operation ends", async || {
            kitchen.place_order().await;
            kitchen.count("tiffin_operation_ends_total", &[("reason", "stalled")]).await == 1
        })
        .await;
        assert_eq!(kitchen.count("tiffin_operations", &[]).await, 0);
    });
}

/// The system ends it, and so knows nothing of operations.
#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_is_not_read_ends_whatever_it_carries() {
    tiffin_tests::run(async {
        let kitchen = UnreadKitchen::open(("TIFFIN_WEBSOCKET_PING_INTERVAL_SECONDS", "1")).await;
        eventually("the connection ends", async || {
            kitchen.place_order().await;
            kitchen.count("tiffin_connections", &[]).await == 0
        })
        .await;
    });
}

/// A kitchen that is watched by a stream of large events, and nobody reads them.
struct UnreadKitchen {
    city: City,
    restaurant: Restaurant,
    ann: Person,
    _connection: TcpStream,
}

impl UnreadKitchen {
    async fn open(setting: (&str, &str)) -> Self {
        let city = City::with_settings(Database::Sqlite, &[setting]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let document = format!(
            "subscription($id: ID!) {{ restaurantOrderChanged(restaurantId: $id) {{ {} }} }}",
            repeated("cursor")
        );
        let body = json!({ "query": document, "variables": { "id": restaurant.id() } }).to_string();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\naccept: text/event-stream\r\n\
             authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            staff.access_token().expect("signed in"),
            body.len()
        );
        let mut connection = connect_with_little_room(city.server()).await;
        connection.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
        let kitchen = UnreadKitchen { city, restaurant, ann, _connection: connection };
        eventually("the stream is open", async || kitchen.count("tiffin_operations", &[]).await == 1).await;
        kitchen
    }

    async fn place_order(&self) {
        self.ann.has_ordered(&self.restaurant.basket(&[(0, 1)])).await;
    }

    async fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let labels = [&[("transport", "event-stream")], labels].concat();
        metric(self.city.server(), name, &labels).await
    }
}
