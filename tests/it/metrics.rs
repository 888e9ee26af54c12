//! `/metrics`, and the limits of what it counts.

use entity::sea_orm_active_enums::OrderStatus;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Server};
use tokio_tungstenite::{connect_async, tungstenite::Error};

use crate::{
    process::eventually,
    sockets::{CANCEL, NEWER, OLDER, Socket, WATCH, handshake, watched_order},
};

/// The present value of what is counted under this name and these labels; 0 where nothing is.
pub async fn metric(server: &Server, name: &str, labels: &[(&str, &str)]) -> u64 {
    let page = reqwest::get(server.url("/metrics")).await.expect("the server answers").text().await.expect("a page");
    value(&page, name, labels)
}

fn value(page: &str, name: &str, labels: &[(&str, &str)]) -> u64 {
    let fits = |line: &&str| {
        let of_name = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        of_name && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    };
    let values = page.lines().filter(fits).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}

/// Connections, and operations that run on them, by this transport.
async fn open(server: &Server, transport: &str) -> (u64, u64) {
    let labels = [("transport", transport)];
    (metric(server, "tiffin_connections", &labels).await, metric(server, "tiffin_operations", &labels).await)
}

async fn ends(server: &Server, transport: &str, reason: &str) -> u64 {
    metric(server, "tiffin_operation_ends_total", &[("transport", transport), ("reason", reason)]).await
}

#[test]
fn what_is_open_and_how_it_ends_is_counted() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let server = city.server();
        let (ann, order) = watched_order(&city).await;
        let order = json!({ "id": order });
        for transport in [NEWER, OLDER, "event-stream"] {
            assert_eq!((open(server, transport).await, ends(server, transport, "completed").await), ((0, 0), 0));
        }

        let mut newer = Socket::of(&ann, server, NEWER).await;
        for id in ["a", "b"] {
            newer.subscribe(id, WATCH, order.clone()).await;
            assert_eq!(newer.hear().await["id"], id);
        }
        let mut older = Socket::of(&ann, server, OLDER).await;
        older.start("a", WATCH, order.clone()).await;
        assert_eq!(older.hear().await["id"], "a");
        let mut stream = ann.listen(WATCH, order.clone()).await;
        stream.next_event().await.expect_success();
        let lost = {
            let mut stream = ann.listen(WATCH, order.clone()).await;
            stream.next_event().await.expect_success();
            stream
        };
        assert_eq!(open(server, NEWER).await, (1, 2));
        assert_eq!(open(server, OLDER).await, (1, 1));
        assert_eq!(open(server, "event-stream").await, (2, 2));

        newer.say(json!({ "type": "complete", "id": "a" })).await;
        newer.subscribe("a", "{ unknown }", Value::Null).await;
        assert_eq!(newer.hear().await["type"], "error");
        drop(lost);
        eventually("its end is counted", async || ends(server, "event-stream", "client_gone").await == 1).await;
        ann.query(CANCEL, order).await.expect_success();
        stream.next_event().await.expect_success();
        stream.expect_complete().await;
        for (transport, reason, count) in [
            (NEWER, "client_completed", 1),
            (NEWER, "refused", 1),
            (NEWER, "completed", 1),
            (OLDER, "completed", 1),
            ("event-stream", "completed", 1),
        ] {
            let what = format!("operations of {transport} that end as {reason} are counted");
            eventually(&what, async || ends(server, transport, reason).await == count).await;
        }
        newer.send("no JSON".into()).await;
        older.say(json!({ "type": "connection_terminate" })).await;
        for transport in [NEWER, OLDER, "event-stream"] {
            eventually("nothing is open", async || open(server, transport).await == (0, 0)).await;
        }
        for code in ["4400", "1000"] {
            assert_eq!(metric(server, "tiffin_websocket_closes_total", &[("code", code)]).await, 1, "{code}");
        }
        assert_eq!(metric(server, "tiffin_http_responses_total", &[("status", "1xx")]).await, 2, "the two handshakes");
        reqwest::get(server.url("/nowhere")).await.expect("answered");
        assert_eq!(metric(server, "tiffin_http_responses_total", &[("status", "4xx")]).await, 1);
    });
}

#[test]
fn the_end_of_a_right_is_counted_as_that() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy, ivo) = (city.customer("Ann").await, city.driver("Duy").await, city.driver("Ivo").await);
        let order = city.order(&ann, &restaurant).status(OrderStatus::Ready).create().await.id();
        // Who could have claimed it, until somebody else has.
        let mut followed = ivo.subscribe(WATCH, json!({ "id": order })).await;
        followed.next_event().await.expect_success();
        duy.assign_driver(&order, &duy).await.expect_success();
        followed.expect_complete().await;
        eventually("it is counted", async || ends(city.server(), NEWER, "right_lost").await == 1).await;
        assert_eq!(ends(city.server(), NEWER, "completed").await, 0);
    });
}

#[test]
fn in_production_it_is_told_where_it_is_configured_and_nowhere_else() {
    tiffin_tests::run(async {
        let mut city = City::with_settings(Database::Sqlite, &[("TIFFIN_ENV", "production")]).await;
        let status = async |url: String| reqwest::get(url).await.expect("answered").status();
        assert_eq!(status(city.server().url("/metrics")).await, StatusCode::NOT_FOUND);

        city.stop().await;
        let own = city.another_server_with(&[("TIFFIN_METRICS_LISTEN", "127.0.0.1:0")]).await;
        assert_eq!(status(own.url("/metrics")).await, StatusCode::NOT_FOUND);
        let log = own.log();
        let line = log.lines().find(|line| line.contains("telling metrics")).expect("the log says where");
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let address = line["address"].as_str().expect("an address");
        let page =
            reqwest::get(format!("http://{address}/metrics")).await.expect("answered").text().await.expect("text");
        assert!(page.contains("# TYPE tiffin_connections gauge"), "{page}");
        assert_eq!(status(format!("http://{address}/graphql")).await, StatusCode::NOT_FOUND);
    });
}

#[test]
fn an_address_has_only_so_many_connections() {
    tiffin_tests::run(async {
        let settings =
            [("TIFFIN_WEBSOCKET_CONNECTIONS_PER_ADDRESS", "1"), ("TIFFIN_HTTP_TRUSTED_PROXIES", "127.0.0.0/8")];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let from = |address: &str| {
            let request = handshake(city.server()).with_sub_protocol(NEWER);
            connect_async(request.with_header("X-Forwarded-For", address))
        };
        let (first, _) = from("192.0.2.1").await.expect("a socket");
        let (_other, _) = from("192.0.2.2").await.expect("a socket");
        match from("192.0.2.1").await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), 429);
                let body: Value = serde_json::from_slice(response.body().as_deref().expect("a body")).expect("JSON");
                assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{body}");
            }
            other => panic!("expected 429, got {other:?}"),
        }
        drop(first);
        eventually("the place is free again", async || from("192.0.2.1").await.is_ok()).await;
    });
}

#[test]
fn a_process_runs_only_so_many_operations() {
    tiffin_tests::run(async {
        let settings = [("TIFFIN_WEBSOCKET_OPERATIONS_PER_PROCESS", "1")];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let (ann, order) = watched_order(&city).await;
        let mut stream = ann.listen(WATCH, json!({ "id": order })).await;
        stream.next_event().await.expect_success();
        let mut socket = Socket::of(&ann, city.server(), NEWER).await;
        socket.subscribe("a", "{ __typename }", Value::Null).await;
        let error = socket.hear().await;
        assert_eq!(
            (&error["type"], &error["payload"][0]["extensions"]["code"]),
            (&json!("error"), &json!("UNAVAILABLE"))
        );
        drop(stream);
        eventually("there is room again", async || open(city.server(), "event-stream").await.1 == 0).await;
        socket.subscribe("a", "{ __typename }", Value::Null).await;
        assert_eq!(socket.hear().await["type"], "next");
    });
}
