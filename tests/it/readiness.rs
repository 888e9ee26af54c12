//! Readiness probe: with all dependencies there, and with the database or Redis away, also at the start.

use serde_json::{Value, json};
use tiffin_tests::{City, Database, EventStream, Proxy, RedisServer, Server};

use crate::process::{SECRET, eventually, get};

/// What `/health/ready` answers.
pub async fn readiness(server: &Server) -> (u16, Value) {
    let (status, text) = get(server, "/health/ready").await;
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
}

/// Everything is there.
pub async fn expect_ready(server: &Server, database: &str, broker: &str) {
    let (status, body) = readiness(server).await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")), "{body:#}");
    for (part, kind) in [("database", database), ("broker", broker)] {
        assert_eq!((&body[part]["kind"], &body[part]["status"]), (&json!(kind), &json!("ok")), "{body:#}");
        assert!(body[part]["latencyMilliseconds"].is_number(), "{body:#}");
    }
    assert_eq!(get(server, "/health/live").await.0, 200);
}

/// The server is so, for want of this part and no other.
async fn expect_away(server: &Server, expected: (u16, &str), away: &str, there: &str) {
    let (code, body) = readiness(server).await;
    assert_eq!((code, body["status"].as_str().unwrap()), expected, "{body:#}");
    assert_eq!((&body[away]["status"], &body[there]["status"]), (&json!("unavailable"), &json!("ok")), "{body:#}");
    assert_eq!(get(server, "/health/live").await.0, 200, "no restart would help");
}

/// It serves without its Redis.
async fn expect_degraded(server: &Server) {
    expect_away(server, (200, "degraded"), "broker", "database").await;
}

#[test]
fn the_embedded_server_is_ready() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        expect_ready(city.server(), "sqlite", "in-process").await;
    });
}

#[test]
fn what_is_away_is_named_until_it_is_back() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let database = Proxy::to(city.setting("DATABASE_URL")).await;
        let redis = Proxy::to(city.setting("REDIS_URL")).await;
        let server = city.another_server_with(&[("DATABASE_URL", database.url()), ("REDIS_URL", redis.url())]).await;
        let ann = city.customer("Ann").await.at(&server);
        expect_ready(&server, "postgresql", "redis").await;

        database.cut();
        expect_away(&server, (503, "unavailable"), "database", "broker").await;
        ann.place_order(&restaurant.basket(&[(0, 1)])).await.expect_code("UNAVAILABLE");
        database.mend();
        eventually("the server is ready again", async || readiness(&server).await.0 == 200).await;

        for break_line in [Proxy::cut, Proxy::freeze] {
            break_line(&redis);
            expect_degraded(&server).await;
            ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            redis.mend();
            eventually("Redis is back", async || readiness(&server).await.1["status"] == "ok").await;
            expect_ready(&server, "postgresql", "redis").await;
        }
    });
}

#[test]
fn servers_start_while_their_redis_is_away_and_tell_each_other_when_it_is_there() {
    tiffin_tests::run(async {
        for break_line in [Proxy::cut, Proxy::freeze] {
            let redis = Proxy::to(&std::env::var("TEST_REDIS_URL").unwrap()).await;
            break_line(&redis);
            let city = City::with_settings(Database::Postgres, &[("REDIS_URL", redis.url())]).await;
            let other = city.another_server().await;
            for server in [city.server(), &other] {
                expect_degraded(server).await;
                assert!(server.log().contains("Redis is away"), "{}", server.log());
            }
            let restaurant = city.restaurant().with_dishes(1).create().await;
            let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await.at(&other));
            let kitchen = "subscription($id: ID!) { restaurantOrderChanged(restaurantId: $id) { order { id } } }";
            let mut kitchen = staff.subscribe(kitchen, json!({"id": restaurant.id()})).await;
            let basket = restaurant.basket(&[(0, 1)]);
            let first = ann.has_ordered(&basket).await;

            redis.mend();
            expect_order(&mut kitchen, &first).await;
            for server in [city.server(), &other] {
                eventually("Redis is there", async || readiness(server).await.1["status"] == "ok").await;
            }
            let second = ann.has_ordered(&basket).await;
            expect_order(&mut kitchen, &second).await;
        }
    });
}

async fn expect_order(kitchen: &mut EventStream, order: &str) {
    assert_eq!(kitchen.next_event().await.text("/restaurantOrderChanged/order/id"), order);
}

#[test]
fn a_redis_that_refuses_the_password_is_an_error_of_each_attempt_and_is_used_once_it_takes_it() {
    tiffin_tests::run(async {
        let redis = RedisServer::start().await;
        let url = redis.url().replace("redis://", &format!("redis://tiffin:{SECRET}@"));
        let city = City::with_settings(Database::Postgres, &[("REDIS_URL", &url)]).await;
        expect_degraded(city.server()).await;
        let log = city.server().log();
        let said = log.lines().find(|line| line.contains("\"ERROR\"")).unwrap();
        assert!(said.contains("WRONGPASS") && said.contains("REDIS_URL") && !log.contains(SECRET), "{log}");

        let required = city.another_server_with(&[("TIFFIN_BROKER_REQUIRED", "true")]).await;
        expect_away(&required, (503, "unavailable"), "broker", "database").await;
        for (server, is_healthy) in [(city.server(), true), (&required, false)] {
            let address = server.address().to_string();
            let checked = city.run_command(&["--listen", &address, "healthcheck"]).await;
            assert_eq!(checked.code == Some(0), is_healthy, "{checked:#?}");
        }

        redis.ask(&["acl", "setuser", "tiffin", "on", &format!(">{SECRET}"), "~*", "&*", "+@all"]);
        for server in [city.server(), &required] {
            eventually("Redis lets us in", async || readiness(server).await.1["status"] == "ok").await;
        }
    });
}
