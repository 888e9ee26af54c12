//! Cost limits: whoever has used up a window waits for the next one, and nobody else does.

use reqwest::Response;
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, Person, Proxy, RIGHTS_CHECK, Server, both_databases};

use crate::sockets::{NEWER, Socket};

/// A hundred restaurants with three fields each.
const CATALOG: &str = "{ restaurants(first: 100) { nodes { id name avgRating } } }";

const WATCH: &str = r#"subscription { orderStatusChanged(orderId: "Order:1") { status } }"#;

/// A window that a few operations use up, and that no test outlives.
const NARROW: &[(&str, &str)] = &[
    ("TIFFIN_LIMITS_COMPLEXITY", "1000"),
    ("TIFFIN_LIMITS_DOCUMENT_BYTES", "10000"),
    ("TIFFIN_LIMITS_VIEWER_COST", "1500"),
    ("TIFFIN_LIMITS_VIEWER_COST_WINDOW_SECONDS", "3600"),
];

async fn catalog(person: &Person) -> Answer {
    person.query(CATALOG, json!({})).await
}

/// Asks until it is refused, and says how often it was not.
async fn use_up(person: &Person) -> usize {
    use_up_with(person, CATALOG).await
}

async fn use_up_with(person: &Person, document: &str) -> usize {
    for answered in 0..1000 {
        let answer = person.query(document, json!({})).await;
        if !answer.problems().is_empty() {
            expect_limited(&answer);
            return answered;
        }
    }
    panic!("a thousand operations were not too much");
}

#[track_caller]
fn expect_limited(answer: &Answer) {
    answer.expect_code("RATE_LIMITED");
    let retry_after = answer.body["errors"][0]["extensions"]["retryAfter"].as_u64();
    assert!(retry_after.is_some_and(|seconds| (1..=3600).contains(&seconds)), "{answer}");
    assert_eq!(answer.status, 429);
    assert!(answer.body.get("data").is_none(), "{answer}");
}

async fn forwarded_for(server: &Server, address: &str) -> Response {
    let request = reqwest::Client::new().post(server.url("/graphql")).header("X-Forwarded-For", address);
    request.json(&json!({"query": CATALOG})).send().await.expect("the server answers")
}

both_databases! {
    async fn a_window_that_is_used_up_is_refused_before_anything_runs(database: Database) {
        let city = City::with_settings(database, NARROW).await;
        let ann = city.customer("Ann").await;
        let before = use_up(&city.anonymous()).await;
        assert!((1..10).contains(&before), "{before}");
        let (answer, statements) = city.server().statements_during(catalog(&city.anonymous())).await;
        expect_limited(&answer);
        assert_eq!(statements.count(), 0, "{statements}");
        use_up_with(&city.anonymous(), "{ __typename }").await;
        let watch = city.anonymous().subscribe(WATCH, json!({})).await;
        watch.expect_refusal().await.expect_code("RATE_LIMITED");

        catalog(&ann).await.expect_success();
        assert_eq!(use_up(&ann).await + 1, before, "a user has a window of their own, as wide as the others");
        catalog(&city.customer("Ben").await).await.expect_success();
    }

    async fn what_is_refused_costs_by_its_length(database: Database) {
        let city = City::with_settings(database, NARROW).await;
        let anonymous = city.anonymous();
        let nonsense = "nonsense ".repeat(1_000);
        let mut refused = 0;
        while anonymous.query(&nonsense, json!({})).await.expect_one_of(&["GRAPHQL_PARSE_FAILED", "RATE_LIMITED"]) != "RATE_LIMITED" {
            refused += 1;
            assert!(refused < 100, "that much nonsense was not too much");
        }
        expect_limited(&catalog(&anonymous).await);
    }

    async fn a_token_over_its_limit_costs_no_statement(database: Database) {
        let city = City::with_settings(database, NARROW).await;
        let ann = city.customer("Ann").await;
        let mut socket = Socket::of(&ann, city.server(), NEWER).await;
        let ping = json!({ "type": "ping", "payload": ann.connection_init() });
        use_up(&ann).await;
        use_up_with(&ann, "{ __typename }").await;

        let asking = async {
            for _ in 0..3 {
                expect_limited(&catalog(&ann).await);
            }
            // A socket goes on with the token that it has, and is told when to try again.
            socket.say(ping).await;
            let pong = socket.hear().await;
            assert!(pong["payload"]["retryAfter"].is_u64() && pong["payload"]["expiresAt"].is_null(), "{pong}");
            let mut another = Socket::open(city.server(), NEWER).await;
            another.say(json!({ "type": "connection_init", "payload": ann.connection_init() })).await;
            another.expect_close(1013, "Try again later").await;
        };
        let ((), statements) = city.server().all_statements_during(asking).await;
        // But for the look at all who are connected, which nobody asked for.
        assert_eq!(statements.count_of(&["restaurant_members"]), statements.count_of(RIGHTS_CHECK), "{statements}");
    }
}

#[test]
fn processes_on_one_redis_count_together() {
    tiffin_tests::run(async {
        for redis in [None, Some(("REDIS_URL", ""))] {
            let settings: Vec<_> = NARROW.iter().copied().chain(redis).collect();
            let city = City::with_settings(Database::Postgres, &settings).await;
            let other = city.another_server().await;
            let before = use_up(&city.anonymous()).await;
            let elsewhere = use_up(&city.anonymous().at(&other)).await;
            // Without a Redis, each process counts for itself.
            assert_eq!(elsewhere, if redis.is_none() { 0 } else { before });
        }
    });
}

#[test]
fn addresses_behind_a_trusted_proxy_have_windows_of_their_own() {
    tiffin_tests::run(async {
        let mut city = City::with_settings(Database::Sqlite, NARROW).await;
        city.stop().await;
        let settings = [("TIFFIN_HTTP_TRUSTED_PROXIES", "127.0.0.0/8, ::1/128")];
        let mut behind = city.another_server_with(&settings).await;
        let limited = async |server: &Server, address: &str| {
            for _ in 0..10 {
                let response = forwarded_for(server, address).await;
                if response.status() == 429 {
                    let retry_after = response.headers()["retry-after"].to_str().expect("text").parse::<u64>();
                    let body: Value = response.json().await.expect("JSON");
                    assert_eq!(json!(retry_after.expect("seconds")), body["errors"][0]["extensions"]["retryAfter"]);
                    return true;
                }
            }
            false
        };
        assert!(limited(&behind, "203.0.113.9").await);
        assert_eq!(forwarded_for(&behind, "203.0.113.10").await.status(), 200);
        assert_eq!(
            forwarded_for(&behind, "203.0.113.9, 203.0.113.10").await.status(),
            200,
            "the client wrote the first"
        );
        assert_eq!(forwarded_for(&behind, "203.0.113.10, 203.0.113.9").await.status(), 429);
        assert_eq!(forwarded_for(&behind, "2001:db8:1:2:3::4").await.status(), 200);
        assert!(limited(&behind, "2001:db8:1:2:a::b").await, "one network of 64 bits is one client's");
        assert_eq!(forwarded_for(&behind, "2001:db8:1:2:3::4").await.status(), 429);

        behind.stop().await;
        city.start_again().await;
        assert!(limited(city.server(), "203.0.113.9").await);
        assert_eq!(forwarded_for(city.server(), "203.0.113.10").await.status(), 429, "nobody is believed by default");
    });
}

#[test]
fn without_its_redis_a_process_goes_on_and_counts_for_itself() {
    tiffin_tests::run(async {
        let redis = std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL is not set: run the tests with ./test");
        let redis = Proxy::to(&redis).await;
        let settings = [NARROW, &[("REDIS_URL", redis.url())]].concat();
        let city = City::with_settings(Database::Postgres, &settings).await;
        let before = use_up(&city.anonymous()).await;
        redis.cut();
        let ann = city.customer("Ann").await;
        catalog(&ann).await.expect_success();
        assert_eq!(use_up(&ann).await + 1, before);
    });
}
