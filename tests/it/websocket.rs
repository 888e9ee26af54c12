//! graphql-transport-ws by the letter of its PROTOCOL.md, on the bare socket; and by the client that pages use.

use serde_json::{Value, json};
use tiffin_tests::{City, Database, workspace};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message},
};

use crate::sockets::{CANCEL, NEWER, Socket, WATCH, handshake, watched_order};

/// An empty city: what these tests are about knows no database.
async fn city() -> City {
    City::new(Database::Sqlite).await
}

async fn open(city: &City) -> Socket {
    Socket::open(city.server(), NEWER).await
}

/// A socket of nobody in particular.
async fn acknowledged(city: &City) -> Socket {
    Socket::of(&city.anonymous(), city.server(), NEWER).await
}

/// The socket of a customer, and an order of hers.
async fn watching(city: &City) -> (Socket, String) {
    let (ann, order) = watched_order(city).await;
    (Socket::of(&ann, city.server(), NEWER).await, order)
}

#[test]
fn queries_and_mutations_run_over_the_socket() {
    tiffin_tests::run(async {
        let city = city().await;
        let (mut socket, order) = watching(&city).await;
        socket.subscribe("a", "{ __typename }", Value::Null).await;
        let next = json!({ "type": "next", "id": "a", "payload": { "data": { "__typename": "Query" } } });
        assert_eq!(socket.hear().await, next);
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "a" }));
        // The id is free again.
        socket.subscribe("a", CANCEL, json!({ "id": order })).await;
        let answer = socket.hear().await;
        assert_eq!(answer["payload"]["data"]["cancelOrder"]["order"]["status"], "CANCELLED", "{answer}");
        assert_eq!(socket.hear().await["type"], "complete");
    });
}

#[test]
fn pings_are_answered_before_and_after_the_acknowledgement() {
    tiffin_tests::run(async {
        let city = city().await;
        let mut socket = open(&city).await;
        socket.say(json!({ "type": "ping" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "pong" }));
        socket.say(json!({ "type": "pong", "payload": { "unasked": true } })).await;
        socket.say(json!({ "type": "connection_init", "payload": {} })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket.expect_nothing().await;
    });
}

#[test]
fn a_subscription_that_fails_validation_gets_one_error() {
    tiffin_tests::run(async {
        let city = city().await;
        let mut socket = acknowledged(&city).await;
        for (query, code) in [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            (WATCH, "BAD_USER_INPUT"),
            ("{ unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ] {
            socket.subscribe("a", query, Value::Null).await;
            let error = socket.hear().await;
            assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("a")), "{error}");
            assert_eq!(error["payload"][0]["extensions"]["code"], code, "{error}");
            socket.expect_nothing().await;
        }
    });
}

#[test]
fn a_subscription_ends_when_the_client_completes_it() {
    tiffin_tests::run(async {
        let city = city().await;
        let (mut socket, order) = watching(&city).await;
        socket.subscribe("a", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["orderStatusChanged"]["status"], "PENDING");
        socket.say(json!({ "type": "complete", "id": "a" })).await;
        socket.say(json!({ "type": "complete", "id": "unknown" })).await;
        socket.subscribe("b", CANCEL, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["id"], "b");
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "b" }));
        socket.expect_nothing().await;
        // The id may be used again, and the subscription of a finished order is completed by the server.
        socket.subscribe("a", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["orderStatusChanged"]["status"], "CANCELLED");
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "a" }));
    });
}

#[test]
fn what_breaks_the_protocol_closes_the_socket_with_its_code() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_WEBSOCKET_INIT_TIMEOUT_SECONDS", "1")]).await;

        Socket::shake_hands(handshake(city.server())).await.expect_close(4406, "Subprotocol not acceptable").await;
        open(&city).await.expect_close(4408, "Connection initialisation timeout").await;

        let invalid = [
            "",
            "no JSON",
            "[]",
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{ __typename }"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":[]}}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"ping","payload":1}"#,
        ];
        for message in invalid {
            let mut socket = acknowledged(&city).await;
            socket.send(Message::text(message)).await;
            socket.expect_close(4400, "Invalid message received").await;
        }
        let mut socket = acknowledged(&city).await;
        socket.send(Message::binary(r#"{"type":"ping"}"#)).await;
        socket.expect_close(4400, "Invalid message received").await;

        let mut socket = open(&city).await;
        socket.subscribe("a", "{ __typename }", Value::Null).await;
        socket.expect_close(4401, "Unauthorized").await;

        let mut socket = open(&city).await;
        let payload = json!({ "authorization": "Bearer nobody" });
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        socket.expect_close(4403, "Forbidden").await;

        let mut socket = acknowledged(&city).await;
        socket.say(json!({ "type": "connection_init" })).await;
        socket.expect_close(4429, "Too many initialisation requests").await;

        let (mut socket, order) = watching(&city).await;
        socket.subscribe("a", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["type"], "next");
        socket.subscribe("a", "{ __typename }", Value::Null).await;
        socket.expect_close(4409, "Subscriber for a already exists").await;
    });
}

#[test]
fn another_protocol_is_not_accepted() {
    tiffin_tests::run(async {
        let city = city().await;
        // This client refuses the server's silence about its protocol by itself, as the standard wants.
        let request = handshake(city.server()).with_sub_protocol("graphql-sse");
        let error = connect_async(request).await.expect_err("the protocols differ");
        assert!(matches!(error, Error::Protocol(_)), "{error}");
    });
}

#[test]
fn one_socket_runs_only_so_many_operations() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_WEBSOCKET_OPERATIONS", "2")]).await;
        let (mut socket, order) = watching(&city).await;
        for id in ["a", "b"] {
            socket.subscribe(id, WATCH, json!({ "id": order })).await;
            assert_eq!(socket.hear().await["id"], id);
        }
        socket.subscribe("c", WATCH, json!({ "id": order })).await;
        let error = socket.hear().await;
        assert_eq!(error["type"], "error", "{error}");
        assert_eq!(error["payload"][0]["extensions"]["code"], "RATE_LIMITED", "{error}");
        socket.say(json!({ "type": "complete", "id": "a" })).await;
        socket.subscribe("c", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["type"], "next");
    });
}

#[test]
fn a_process_has_only_so_many_sockets() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_WEBSOCKET_CONNECTIONS", "1")]).await;
        let first = acknowledged(&city).await;
        let request = handshake(city.server()).with_sub_protocol(NEWER);
        match connect_async(request).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 503),
            other => panic!("expected 503, got {other:?}"),
        }
        drop(first);
    });
}

#[test]
fn pages_of_foreign_origins_open_no_socket() {
    tiffin_tests::run(async {
        let settings = [("TIFFIN_HTTP_ALLOWED_ORIGINS", "https://app.example")];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let from = |origin: &str| {
            connect_async(handshake(city.server()).with_sub_protocol(NEWER).with_header("Origin", origin))
        };
        assert!(from("https://app.example").await.is_ok());
        assert!(from(&city.server().url("")).await.is_ok());
        match from("https://elsewhere.example").await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403),
            other => panic!("expected 403, got {other:?}"),
        }
    });
}

#[test]
fn a_server_that_stops_closes_its_sockets_for_a_reconnect() {
    tiffin_tests::run(async {
        let city = city().await;
        let (mut socket, order) = watching(&city).await;
        socket.subscribe("a", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["type"], "next");
        city.server().request_stop();
        socket.expect_close(1012, "Service restart").await;
    });
}

#[test]
fn the_published_client_understands_the_server() {
    tiffin_tests::run(async {
        let city = city().await;
        let operations = json!([
            { "query": "{ __typename }" },
            { "query": "{ unknown }" },
            { "query": "mutation { __typename }" },
            { "query": "subscription { orderStatusChanged(orderId: \"Order:1\") { status } }", "events": 1 },
        ]);
        let arguments = [&city.server().websocket_url(), &operations.to_string()];
        let printed = workspace::node_script("websocket.mjs", &arguments.map(String::as_str)).await;
        let outcomes: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        assert_eq!(outcomes[0]["results"], json!([{ "data": { "__typename": "Query" } }]));
        assert_eq!(outcomes[1]["refused"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(outcomes[2]["results"], json!([{ "data": { "__typename": "Mutation" } }]));
        // Nobody is signed in: the subscription is one event with the error, and ends.
        assert_eq!(outcomes[3]["results"].as_array().map(Vec::len), Some(1), "{outcomes}");
    });
}
