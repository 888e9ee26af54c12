//! Subscriptions over multipart HTTP by the letter of Apollo's protocol, and by Apollo Client's own HttpLink.

use reqwest::{Response, StatusCode, header::ACCEPT};
use serde_json::{Value, json};
use tiffin_tests::{City, Database, PATIENCE, Person, Script, access_token, global_id};

use crate::sockets::{CANCEL, WATCH, watched_order};

/// As Apollo's documents print it.
const PRINTED: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json";

const REVOKE: &str = "mutation($input: RevokeSessionInput!) { revokeSession(input: $input) { __typename } }";

async fn city() -> City {
    City::new(Database::Sqlite).await
}

/// The parts of an answer, as they come.
struct Parts {
    response: Response,
    text: String,
}

impl Parts {
    async fn open(person: &Person, query: &str, variables: Value) -> Self {
        let response = person.request(query, variables).header(ACCEPT, PRINTED).send().await.expect("answered");
        assert_eq!(response.status(), StatusCode::OK);
        let of = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(of("content-type").as_deref(), Some("multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0"));
        assert_eq!(of("cache-control").as_deref(), Some("no-store, no-transform"));
        assert_eq!(of("content-encoding"), None);
        let mut parts = Parts { response, text: String::new() };
        parts.until("\r\n--graphql").await;
        parts
    }

    /// What has come before this text; none where the answer ends before it comes.
    async fn until(&mut self, text: &str) -> Option<String> {
        loop {
            if let Some((before, after)) = self.text.split_once(text) {
                let before = before.to_owned();
                self.text = after.to_owned();
                return Some(before);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something comes in time");
            self.text += std::str::from_utf8(&chunk.ok()??).expect("parts are whole");
        }
    }

    /// The next part, which is there before another one follows; none where it was the last.
    async fn next(&mut self) -> Option<Value> {
        if self.text.starts_with("--\r\n") {
            return None;
        }
        let part = self.until("\r\n--graphql").await?;
        if part == "--" {
            return None;
        }
        let json = part.strip_prefix("\r\nContent-Type: application/json\r\n\r\n");
        Some(serde_json::from_str(json.unwrap_or_else(|| panic!("no part: {part:?}"))).expect("a part is JSON"))
    }

    /// The next part that says something.
    async fn hear(&mut self) -> Value {
        loop {
            match self.next().await.expect("expected a part, got the end") {
                heartbeat if heartbeat == json!({}) => {}
                part => return part,
            }
        }
    }

    async fn expect_end(mut self) {
        self.until("--\r\n").await.expect("the end is said");
        assert_eq!(self.text, "");
        assert!(self.response.chunk().await.expect("the answer is whole").is_none());
    }
}

#[test]
fn a_subscription_is_told_in_parts() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_WEBSOCKET_PING_INTERVAL_SECONDS", "1")]).await;
        let (ann, order) = watched_order(&city).await;
        let mut parts = Parts::open(&ann, WATCH, json!({ "id": order })).await;
        assert_eq!(parts.next().await, Some(json!({})), "one shows that the stream is open");
        let payload = |status: &str| json!({ "payload": { "data": { "orderStatusChanged": { "status": status } } } });
        assert_eq!(parts.hear().await, payload("PENDING"));
        assert_eq!(parts.next().await, Some(json!({})), "it says that it lives");
        ann.query(CANCEL, json!({ "id": order })).await.expect_success();
        assert_eq!(parts.hear().await, payload("CANCELLED"));
        parts.expect_end().await;
    });
}

#[test]
fn what_goes_wrong_is_told_where_it_belongs() {
    tiffin_tests::run(async {
        let city = city().await;
        let (ann, order) = watched_order(&city).await;
        // What runs, and what is refused before, are no streams.
        for (query, variables, key) in [
            ("{ __typename }", Value::Null, "data"),
            ("subscription { unknown }", Value::Null, "errors"),
            (WATCH, Value::Null, "errors"),
        ] {
            let answer = ann.request(query, variables).header(ACCEPT, PRINTED).send().await.expect("answered");
            assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8", "{query}");
            let body: Value = answer.json().await.expect("JSON");
            assert!(body.get(key).is_some(), "{query}: {body}");
        }
        // An operation's own errors are its answer.
        let mut hidden = Parts::open(&city.anonymous(), WATCH, json!({ "id": order })).await;
        let part = hidden.hear().await;
        assert_eq!(part["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND", "{part}");
        hidden.expect_end().await;
        // Those of the connection are not.
        let session = city.session(ann.user()).await.id;
        let watching = ann.with_access_token(&access_token(ann.user().id, session, 3600));
        let mut parts = Parts::open(&watching, WATCH, json!({ "id": order })).await;
        assert_eq!(parts.hear().await["payload"]["data"]["orderStatusChanged"]["status"], "PENDING");
        let input = json!({ "sessionId": global_id("ActiveSession", session) });
        ann.query(REVOKE, json!({ "input": input })).await.expect_success();
        let part = parts.hear().await;
        assert_eq!(
            (&part["payload"], &part["errors"][0]["extensions"]["code"]),
            (&Value::Null, &json!("UNAUTHENTICATED"))
        );
        parts.expect_end().await;
    });
}

#[test]
fn a_stream_that_is_cut_off_has_no_end() {
    tiffin_tests::run(async {
        let city = city().await;
        let (ann, order) = watched_order(&city).await;
        let mut parts = Parts::open(&ann, WATCH, json!({ "id": order })).await;
        assert!(parts.hear().await["payload"]["data"].is_object());
        city.server().request_stop();
        // Clients take it for a lost connection, and ask again elsewhere.
        while let Some(part) = parts.next().await {
            assert_eq!(part, json!({}));
        }
        assert_eq!(parts.text, "");
    });
}

#[test]
fn apollo_client_follows_without_a_websocket() {
    tiffin_tests::run(async {
        let city = city().await;
        let (ann, order) = watched_order(&city).await;
        let operations = json!([
            { "query": "query { __typename }" },
            { "query": "subscription { unknown }" },
            { "query": WATCH, "variables": { "id": order }, "events": 1 },
            { "query": WATCH, "variables": { "id": order } },
        ]);
        let authorization = format!("Bearer {}", ann.access_token().expect("Ann is signed in"));
        let arguments = [city.server().url("/graphql"), authorization, operations.to_string()];
        let mut page = Script::start("multipart.mjs", &arguments.each_ref().map(String::as_str));
        let event = |status: &str| json!({ "orderStatusChanged": { "__typename": "OrderEvent", "status": status } });
        let refused = page.next::<Value>().await["event"].to_string();
        assert!(refused.contains("Unknown field"), "what is refused is an answer, and no stream: {refused}");
        for _ in 0..2 {
            assert_eq!(page.next::<Value>().await["event"], event("PENDING"));
        }
        ann.query(CANCEL, json!({ "id": order })).await.expect_success();
        assert_eq!(page.next::<Value>().await["event"], event("CANCELLED"));
        let outcomes = page.next::<Value>().await["outcomes"].clone();
        assert_eq!(outcomes[0]["results"], json!([{ "__typename": "Query" }]));
        assert_eq!(outcomes[2], json!({ "results": [event("PENDING")], "ended": "unsubscribed" }));
        assert_eq!(outcomes[3], json!({ "results": [event("PENDING"), event("CANCELLED")], "ended": "completed" }));
    });
}
