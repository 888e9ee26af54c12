//! GraphQL over Server-Sent Events by the letter of its PROTOCOL.md, and by its own client.

use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_TYPE},
};
use serde_json::{Value, json};
use tiffin_tests::{City, Database, EventSource, workspace};

use crate::sockets::{CANCEL, WATCH, watched_order};

/// An empty city: what these tests are about knows no database.
async fn city() -> City {
    City::new(Database::Sqlite).await
}

#[test]
fn every_operation_is_answered_by_results_and_a_completion() {
    tiffin_tests::run(async {
        let city = city().await;
        let (ann, order) = watched_order(&city).await;
        let mut query = ann.listen("{ __typename }", Value::Null).await;
        assert_eq!(query.next_event().await.body, json!({ "data": { "__typename": "Query" } }));
        query.expect_complete().await;

        let mut watch = ann.listen(WATCH, json!({ "id": order })).await;
        assert_eq!(watch.next_event().await.text("/orderStatusChanged/status"), "PENDING");
        let mut mutation = ann.listen(CANCEL, json!({ "id": order })).await;
        assert_eq!(mutation.next_event().await.text("/cancelOrder/order/status"), "CANCELLED");
        mutation.expect_complete().await;
        assert_eq!(watch.next_event().await.text("/orderStatusChanged/status"), "CANCELLED");
        watch.expect_complete().await;
    });
}

#[test]
fn what_is_no_valid_operation_is_said_on_the_stream() {
    tiffin_tests::run(async {
        let city = city().await;
        for (query, code) in [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("{ unknown }", "GRAPHQL_VALIDATION_FAILED"),
            (WATCH, "BAD_USER_INPUT"),
        ] {
            let mut stream = city.anonymous().listen(query, Value::Null).await;
            let refusal = stream.next_event().await;
            refusal.expect_code(code);
            assert_eq!(refusal.body.get("data"), None);
            stream.expect_complete().await;
        }
    });
}

#[test]
fn what_is_no_request_is_an_error_of_http() {
    tiffin_tests::run(async {
        let city = city().await;
        let url = city.server().url("/graphql");
        let http = reqwest::Client::new();
        let stream = |method: Method, url: &str| http.request(method, url).header(ACCEPT, "text/event-stream");
        let post = |content_type, body| stream(Method::POST, &url).header(CONTENT_TYPE, content_type).body(body);
        let query = r#"{"query":"{ __typename }"}"#;
        for (request, status) in [
            (post("application/json", "no JSON"), 400),
            (post("application/json", r#"{"variables":{}}"#), 400),
            (post("text/plain", query), 415),
            (stream(Method::PUT, &url), 405),
            (post("application/json", query).bearer_auth("nobody"), 401),
        ] {
            let response = request.send().await.expect("answered");
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
            let body: Value = response.json().await.expect("JSON");
            assert!(body["errors"][0]["extensions"]["code"].is_string(), "{body}");
        }
    });
}

#[test]
fn a_get_streams_but_never_changes_anything() {
    tiffin_tests::run(async {
        let city = city().await;
        let http = reqwest::Client::new();
        let get = |query: &str, name: &str| {
            let parameters = [("query", query), ("operationName", name)];
            let url = Url::parse_with_params(&city.server().url("/graphql"), parameters).expect("a URL");
            http.get(url).header(ACCEPT, "text/event-stream")
        };
        let mut stream = EventSource::open(get("subscription Own { driverOrderChanged { status } }", "Own")).await;
        stream.next_event().await.expect_code("UNAUTHENTICATED");
        stream.expect_complete().await;

        for mutation in ["mutation Named { __typename }", "query Other { __typename } mutation Named { __typename }"] {
            let response = get(mutation, "Named").send().await.expect("answered");
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(response.headers()[ALLOW], "POST");
        }
    });
}

#[test]
fn who_takes_json_too_gets_a_stream_for_subscriptions_only() {
    tiffin_tests::run(async {
        let city = city().await;
        let http = reqwest::Client::new();
        let accepting = "application/graphql-response+json, application/json, text/event-stream";
        let ask = async |query: &str| {
            let request = http.post(city.server().url("/graphql")).header(ACCEPT, accepting);
            let response = request.json(&json!({ "query": query })).send().await.expect("answered");
            response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned()
        };
        assert_eq!(ask("{ __typename }").await, "application/graphql-response+json; charset=utf-8");
        assert_eq!(ask("subscription { driverOrderChanged { status } }").await, "text/event-stream; charset=utf-8");
    });
}

#[test]
fn a_stream_is_neither_compressed_nor_held_back_and_shows_that_it_lives() {
    tiffin_tests::run(async {
        let settings = [("TIFFIN_WEBSOCKET_PING_INTERVAL_SECONDS", "1")];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let (ann, order) = watched_order(&city).await;
        let request = ann.request(WATCH, json!({ "id": order })).header(ACCEPT_ENCODING, "gzip");
        let mut stream = EventSource::open(request).await;
        assert_eq!(stream.header("content-encoding"), None);
        assert_eq!(stream.header("cache-control"), Some("no-store, no-transform"));
        assert_eq!(stream.header("x-accel-buffering"), Some("no"));
        assert_eq!(stream.next_event().await.text("/orderStatusChanged/status"), "PENDING");
        assert_eq!(stream.comments, 1, "one tells that the stream is open");
        stream.next_comment().await;
        stream.next_comment().await;
    });
}

#[test]
fn streams_and_sockets_are_counted_together() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_WEBSOCKET_CONNECTIONS", "1")]).await;
        let (ann, order) = watched_order(&city).await;
        let mut stream = ann.listen(WATCH, json!({ "id": order })).await;
        stream.next_event().await.expect_success();
        let second = ann.request("{ __typename }", Value::Null).header(ACCEPT, "text/event-stream");
        let response = second.send().await.expect("answered");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{body}");
    });
}

#[test]
fn a_stream_ends_with_its_server_and_asks_for_a_reconnect() {
    tiffin_tests::run(async {
        let city = city().await;
        let (ann, order) = watched_order(&city).await;
        let mut stream = ann.listen(WATCH, json!({ "id": order })).await;
        stream.next_event().await.expect_success();
        city.server().request_stop();
        // Without a completion: the client asks again, elsewhere.
        stream.expect_end().await;
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
            { "query": "subscription { orderStatusChanged(orderId: \"Order:1\") { status } }" },
        ]);
        let arguments = [&city.server().url("/graphql"), &operations.to_string()];
        let printed = workspace::node_script("event_stream.mjs", &arguments.map(String::as_str)).await;
        let outcomes: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        assert_eq!(outcomes[0]["results"], json!([{ "data": { "__typename": "Query" } }]));
        let refusal = &outcomes[1]["results"][0]["errors"][0]["extensions"]["code"];
        assert_eq!(refusal, "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(outcomes[2]["results"], json!([{ "data": { "__typename": "Mutation" } }]));
        // Nobody is signed in: the subscription is one event with the error, and ends.
        let refusal = &outcomes[3]["results"][0]["errors"][0]["extensions"]["code"];
        assert_eq!((refusal, outcomes[3]["results"].as_array().map(Vec::len)), (&json!("NOT_FOUND"), Some(1)));
    });
}
