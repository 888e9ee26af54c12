//! Clock skew: processes whose machines have the wrong time keep deadlines by the database's clock. libfaketime (`TEST_FAKETIME`) moves the
//! clock of a process, and leaves its monotonic one alone.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, FixedOffset, Utc};
use entity::sea_orm_active_enums::OrderStatus::{Cancelled, Pending};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Server};

use crate::process::eventually;

/// Another time than the machine's, for processes, as a file says: `+16m`, `-8s`, `+0`.
struct OtherTime(PathBuf);

impl OtherTime {
    fn at(directory: &Path, offset: &str) -> Self {
        let time = OtherTime(directory.join("time"));
        time.set(offset);
        time
    }

    /// Makes the clock jump.
    fn set(&self, offset: &str) {
        std::fs::write(&self.0, offset).unwrap();
    }

    async fn server(&self, city: &City) -> Server {
        let library = std::env::var("TEST_FAKETIME").expect(
            "TEST_FAKETIME is not set: run the tests with ./test, which finds or installs libfaketime, or set it to libfaketime.so.1",
        );
        let settings = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", self.0.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        city.another_server_with(&settings).await
    }
}

async fn readiness(server: &Server) -> (u16, Value) {
    let answer = reqwest::get(server.url("/health/ready")).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Whether the log has this message, with about this offset.
fn says(server: &Server, message: &str, seconds: f64) -> bool {
    let log = server.log();
    log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|line| {
        line["message"].as_str().is_some_and(|said| said.contains(message))
            && line["offset_seconds"].as_f64().is_some_and(|offset| (offset - seconds).abs() < 3.0)
    })
}

fn minutes_ago(minutes: i64) -> DateTime<FixedOffset> {
    (Utc::now() - Duration::minutes(minutes)).fixed_offset()
}

#[test]
fn a_process_that_is_ahead_cancels_no_fresh_orders_and_refuses_nobody() {
    tiffin_tests::run(async {
        let mut city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        // The one that is ahead is the only one, and makes the job of an order that has none when it starts.
        city.stop().await;
        let overdue = city.order(&ann, &restaurant).placed_at(minutes_ago(20)).create().await;
        let time = OtherTime::at(city.directory(), "+16m");
        let ahead = time.server(&city).await;
        let fresh = ann.at(&ahead).has_ordered(&restaurant.basket(&[(0, 1)])).await;
        eventually("the overdue order is cancelled", async || city.order_row(&overdue.id()).await.status == Cancelled)
            .await;
        assert_eq!(city.order_row(&fresh).await.status, Pending);
        let age = "select (extract(epoch from clock_timestamp() - max(order_time)))::float8 from orders";
        let age = city.db().query_one_raw(Statement::from_string(city.db().get_database_backend(), age)).await;
        let age: f64 = age.unwrap().unwrap().try_get_by_index(0).unwrap();
        assert!((0.0..600.0).contains(&age), "it was placed {age} s ago by the database's clock");

        // What one gives out is good at the other.
        let right = city.another_server().await;
        let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { \
             accessToken accessTokenExpiresAt } } }";
        for (number, (here, there)) in [(&ahead, &right), (&right, &ahead)].into_iter().enumerate() {
            let email = format!("ben{number}@example.com");
            let input = json!({"name": "Ben", "email": email, "password": "correct horse battery staple"});
            let opened = city.anonymous().at(here).query(document, json!({ "input": input })).await;
            let lives = opened.get::<DateTime<Utc>>("/signUp/session/accessTokenExpiresAt") - Utc::now();
            assert!(lives > Duration::zero() && lives <= Duration::minutes(15), "{lives}");
            let ben = city.anonymous().at(there).with_access_token(opened.text("/signUp/session/accessToken"));
            assert_eq!(ben.query("{ me { email } }", json!({})).await.text("/me/email"), email);
        }

        // It says that it is off, and that it should not be asked.
        let (status, body) = readiness(&ahead).await;
        assert_eq!((status, &body["clock"]["status"]), (503, &json!("unavailable")), "{body}");
        let offset = body["clock"]["offsetSeconds"].as_f64().unwrap();
        assert!((955.0..965.0).contains(&offset), "{body}");
        assert!(says(&ahead, "far off", 960.0), "{}", ahead.log());
        assert_eq!(readiness(&right).await.0, 200);
        let metrics = reqwest::get(ahead.url("/metrics")).await.unwrap().text().await.unwrap();
        let told = metrics.lines().find_map(|line| line.strip_prefix("tiffin_clock_offset_seconds ")).unwrap();
        assert!((955.0..965.0).contains(&told.parse::<f64>().unwrap()), "{told}");
    });
}

#[test]
fn a_clock_that_jumps_is_noticed_and_not_followed() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let time = OtherTime::at(city.directory(), "+0");
        let server = time.server(&city).await;
        assert_eq!(readiness(&server).await.0, 200);
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await.at(&server);
        for (offset, seconds, code, message) in
            [("-8s", -8.0, 200, "is off from"), ("+16m", 960.0, 503, "far off"), ("+0", 0.0, 200, "agrees with")]
        {
            time.set(offset);
            let (status, body) = readiness(&server).await;
            assert_eq!(status, code, "{offset}: {body}");
            let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            let age = Utc::now() - city.order_row(&order).await.order_time.to_utc();
            assert!(age.abs() < Duration::minutes(5), "{offset}: {age}");
            eventually("the log says so", async || says(&server, message, seconds)).await;
        }
    });
}
