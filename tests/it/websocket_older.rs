//! subscriptions-transport-ws by the letter of its PROTOCOL.md, on the bare socket; and by its own client.

use serde_json::{Value, json};
use tiffin_tests::{City, Database, workspace};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::sockets::{CANCEL, NEWER, OLDER, Socket, WATCH, handshake, watched_order};

/// An empty city: what these tests are about knows no database.
async fn city() -> City {
    City::new(Database::Sqlite).await
}

/// The socket of a customer, and an order of hers.
async fn watching(city: &City) -> (Socket, String) {
    let (ann, order) = watched_order(city).await;
    (Socket::of(&ann, city.server(), OLDER).await, order)
}

#[test]
fn operations_run_until_they_are_stopped() {
    tiffin_tests::run(async {
        let city = city().await;
        let (mut socket, order) = watching(&city).await;
        // Its own client may send an empty name.
        let payload = json!({ "query": "query A { __typename }", "operationName": "", "variables": {} });
        socket.say(json!({ "type": "start", "id": "a", "payload": payload })).await;
        let data = json!({ "type": "data", "id": "a", "payload": { "data": { "__typename": "Query" } } });
        assert_eq!(socket.hear().await, data);
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "a" }));

        socket.start("a", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["orderStatusChanged"]["status"], "PENDING");
        socket.say(json!({ "type": "stop", "id": "unknown" })).await;
        socket.say(json!({ "type": "stop", "id": "a" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "a" }));
        socket.start("b", CANCEL, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["cancelOrder"]["order"]["status"], "CANCELLED");
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "b" }));
        // The server ends what has ended.
        socket.start("c", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["orderStatusChanged"]["status"], "CANCELLED");
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "c" }));
    });
}

#[test]
fn an_operation_takes_the_place_of_an_earlier_one_with_its_id() {
    tiffin_tests::run(async {
        let city = city().await;
        let (mut socket, order) = watching(&city).await;
        socket.start("a", WATCH, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["orderStatusChanged"]["status"], "PENDING");
        socket.start("a", CANCEL, json!({ "id": order })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["cancelOrder"]["order"]["status"], "CANCELLED");
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "a" }));
        // Nothing of the first one follows.
        socket.start("b", "{ __typename }", Value::Null).await;
        assert_eq!(socket.hear().await["id"], "b");
    });
}

#[test]
fn what_cannot_run_is_refused_by_one_error() {
    tiffin_tests::run(async {
        let city = city().await;
        let mut socket = Socket::of(&city.anonymous(), city.server(), OLDER).await;
        for (query, code) in [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            (WATCH, "BAD_USER_INPUT"),
        ] {
            socket.start("a", query, Value::Null).await;
            let error = socket.hear().await;
            assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("a")), "{error}");
            assert_eq!(error["payload"]["extensions"]["code"], code, "{error}");
        }
        for (message, answer, id) in [
            ("no JSON", "connection_error", Value::Null),
            (r#"{"type":"ping"}"#, "connection_error", Value::Null),
            (r#"{"type":"subscribe","id":"1","payload":{"query":"{ __typename }"}}"#, "error", json!("1")),
            (r#"{"type":"start","id":"2","payload":{"query":"{ __typename }","variables":[]}}"#, "error", json!("2")),
        ] {
            socket.send(Message::text(message)).await;
            let error = socket.hear().await;
            assert_eq!((&error["type"], &error["id"]), (&json!(answer), &id), "{error}");
            assert_eq!(error["payload"]["extensions"]["code"], "BAD_USER_INPUT", "{error}");
        }
        socket.start("a", "{ __typename }", Value::Null).await;
        assert_eq!(socket.hear().await["type"], "data", "the socket goes on");
    });
}

#[test]
fn who_may_not_use_the_connection_is_told_why() {
    tiffin_tests::run(async {
        let city = city().await;
        let mut socket = Socket::open(city.server(), OLDER).await;
        let payload = json!({ "authorization": "Bearer nobody" });
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        let error = socket.hear().await;
        assert_eq!(error["type"], "connection_error", "{error}");
        assert_eq!(error["payload"]["extensions"]["code"], "UNAUTHENTICATED", "{error}");
        socket.expect_close(4403, "Forbidden").await;

        let mut socket = Socket::open(city.server(), OLDER).await;
        socket.start("a", "{ __typename }", Value::Null).await;
        assert_eq!(socket.hear().await["type"], "connection_error");
        socket.expect_close(4401, "Unauthorized").await;
    });
}

#[test]
fn the_connection_ends_when_the_client_terminates_it() {
    tiffin_tests::run(async {
        let city = city().await;
        let mut socket = Socket::of(&city.anonymous(), city.server(), OLDER).await;
        socket.say(json!({ "type": "connection_terminate" })).await;
        socket.expect_close(1000, "Normal closure").await;
    });
}

#[test]
fn the_connection_is_kept_alive() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_WEBSOCKET_PING_INTERVAL_SECONDS", "1")]).await;
        let mut socket = Socket::of(&city.anonymous(), city.server(), OLDER).await;
        assert!(matches!(socket.next().await, Message::Ping(_)));
        assert_eq!(socket.hear().await, json!({ "type": "ka" }));
    });
}

#[test]
fn of_two_protocols_the_one_that_the_client_names_first_is_spoken() {
    tiffin_tests::run(async {
        let city = city().await;
        // Python's gql names the older one first, and takes it for granted.
        for (first, second) in [(OLDER, NEWER), (NEWER, OLDER)] {
            let request = handshake(city.server()).with_sub_protocol(first).with_sub_protocol(second);
            let (_, response) = connect_async(request).await.expect("a socket");
            assert_eq!(response.headers()["sec-websocket-protocol"], first);
        }
    });
}

#[test]
fn its_own_client_understands_the_server() {
    tiffin_tests::run(async {
        let city = city().await;
        let operations = json!([
            { "query": "{ __typename }" },
            { "query": "{ unknown }" },
            { "query": "mutation { __typename }" },
            { "query": "subscription { orderStatusChanged(orderId: \"Order:1\") { status } }", "events": 1 },
            { "query": "{ __typename }" },
        ]);
        let arguments = [&city.server().websocket_url(), &operations.to_string()];
        let printed = workspace::node_script("websocket_older.mjs", &arguments.map(String::as_str)).await;
        let outcomes: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        let completed = |name| json!({ "results": [{ "data": { "__typename": name } }], "ended": "completed" });
        assert_eq!(outcomes[0], completed("Query"));
        assert_eq!(outcomes[1]["refused"]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(outcomes[2], completed("Mutation"));
        // Nobody is signed in: the subscription is one event with the error.
        assert_eq!(outcomes[3]["results"].as_array().map(Vec::len), Some(1), "{outcomes}");
        assert_eq!(outcomes[4], completed("Query"));
    });
}
