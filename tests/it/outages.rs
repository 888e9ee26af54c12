//! Outages of the database: one that restarts, and one that freezes.

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, PATIENCE, Person, Proxy, Server, builders::Restaurant};

use crate::process::eventually;

const CONNECTIONS: usize = 10;

/// Time-outs that are over soon, and a pool that is known.
const SHORT: &[(&str, &str)] = &[
    ("TIFFIN_DATABASE_MAX_CONNECTIONS", "10"),
    ("TIFFIN_DATABASE_ACQUIRE_TIMEOUT_SECONDS", "2"),
    ("TIFFIN_DATABASE_STATEMENT_TIMEOUT_SECONDS", "2"),
    ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "2"),
    ("TIFFIN_LIMITS_OPERATION_TIMEOUT_SECONDS", "4"),
];

const CATALOG: &str = "{ restaurants { nodes { id } } }";
const WHO_AM_I: &str = "{ me { id } }";

async fn readiness(server: &Server) -> u16 {
    let answer = reqwest::get(server.url("/health/ready")).await.expect("the server answers");
    answer.status().as_u16()
}

/// Lets the server open all the connections that it may, so that most of them lie unused afterwards.
async fn open_all_connections(city: &City, server: &Server) {
    let lock = city.db().begin().await.expect("a transaction begins");
    lock.execute_unprepared("lock table restaurants in access exclusive mode").await.expect("the table can be locked");
    let reader = city.anonymous().at(server);
    let readers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let reader = reader.clone();
            tokio::spawn(async move { reader.query(CATALOG, json!({})).await })
        })
        .collect();
    eventually("all connections are in use", async || {
        city.statements_that_wait_for_locks().await as usize == CONNECTIONS
    })
    .await;
    lock.rollback().await.expect("the lock can be let go");
    for answer in join_all(readers).await {
        answer.expect("no panic").expect_success();
    }
}

/// Sends operations one after the other, and gives the codes of those that failed and how often the server was not ready.
async fn try_everything(server: &Server, ann: &Person, restaurant: &Restaurant) -> (Vec<String>, usize) {
    let (mut failures, mut unready) = (Vec::new(), 0);
    let anonymous = Person::anonymous(server);
    for round in 0..CONNECTIONS {
        let answers: [Answer; 3] = [
            ann.query(WHO_AM_I, json!({})).await,
            anonymous.query(CATALOG, json!({})).await,
            ann.place_order(&restaurant.basket(&[(0, 1)])).await,
        ];
        unready += usize::from(readiness(server).await != 200);
        failures.extend(answers.iter().flat_map(Answer::problems).map(|problem| format!("{round}: {}", problem.code)));
    }
    (failures, unready)
}

#[test]
fn after_a_restart_of_the_database_at_most_one_operation_fails() {
    tiffin_tests::run(async {
        let settings = [("TIFFIN_DATABASE_MAX_CONNECTIONS", "10"), ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "15")];
        let city = City::with_settings(Database::Postgres, &settings).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        for _ in 0..2 {
            open_all_connections(&city, city.server()).await;
            let end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                 where application_name = 'tiffin' and datname = current_database()";
            let ended = city.db().execute_unprepared(end).await.expect("connections can be ended");
            assert!(ended.rows_affected() as usize >= CONNECTIONS, "{ended:?}");
            let (failures, unready) = try_everything(city.server(), &ann, &restaurant).await;
            assert!(failures.len() <= 1 && unready <= 1, "not ready {unready} times, {failures:?}");
        }
    });
}

/// A city whose people are at a server that reaches PostgreSQL by a line that can stand still.
async fn at_a_distance() -> (City, Proxy, Server) {
    let city = City::new(Database::Postgres).await;
    let line = Proxy::to(city.setting("DATABASE_URL")).await;
    let server = city.another_server_with(&[&[("DATABASE_URL", line.url())], SHORT].concat()).await;
    (city, line, server)
}

#[test]
fn a_database_that_stands_still_is_unavailable_in_time() {
    tiffin_tests::run(async {
        let (city, line, server) = at_a_distance().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await.at(&server);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status } }";
        let mut steps = ann.subscribe(watch, json!({"id": order})).await;
        assert_eq!(steps.next_event().await.text("/orderStatusChanged/status"), "PENDING");

        line.freeze();
        let socket = ann.try_subscribe(watch, json!({"id": order}));
        let stream = ann.request(watch, json!({"id": order})).header("accept", "text/event-stream").send();
        let (me, catalog, placed, socket, stream, ready) = tokio::join!(
            ann.query(WHO_AM_I, json!({})),
            async { city.anonymous().at(&server).query(CATALOG, json!({})).await },
            async { ann.place_order(&restaurant.basket(&[(0, 1)])).await },
            tokio::time::timeout(PATIENCE, socket),
            tokio::time::timeout(PATIENCE, stream),
            readiness(&server),
        );
        for answer in [me, placed] {
            answer.expect_code("UNAVAILABLE");
            assert_eq!(answer.status, 503);
        }
        catalog.expect_code("UNAVAILABLE");
        let socket = socket.expect("the socket is not left waiting").err().expect("nobody can say who asks");
        assert_eq!(socket.close_code, Some(1013), "{socket:?}");
        let stream = stream.expect("the stream is not left waiting").expect("there is an answer");
        assert_eq!((stream.status().as_u16(), ready), (503, 503));
        assert_eq!(reqwest::get(server.url("/health/live")).await.expect("it answers").status(), 200);

        line.mend();
        eventually("the server is ready again", async || readiness(&server).await == 200).await;
        ann.query(WHO_AM_I, json!({})).await.expect_success();
        ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        // Whoever was connected still is.
        ann.at(city.server()).cancel_order(&order).await.expect_success();
        assert_eq!(steps.next_event().await.text("/orderStatusChanged/status"), "CANCELLED");
    });
}

#[test]
fn of_a_database_that_was_replaced_without_a_word_at_most_one_operation_notices() {
    tiffin_tests::run(async {
        let (city, line, server) = at_a_distance().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await.at(&server);
        ann.query(WHO_AM_I, json!({})).await.expect_success();
        open_all_connections(&city, &server).await;
        line.silence();
        let (failures, unready) = try_everything(&server, &ann, &restaurant).await;
        assert!(failures.len() <= 1 && unready <= 1, "not ready {unready} times, {failures:?}");
    });
}
