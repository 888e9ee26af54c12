//! Cancellation: when a client has gone or its time is up, its statement ends in the database too.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, both_databases};

/// How long a statement may go on that nobody waits for: the database looks every second, and the machine may be busy. Far less than
/// the statement would take, and than any time-out that is set here.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection, and time-outs that nobody reaches.
const ONE_CONNECTION: &[(&str, &str)] = &[
    ("TIFFIN_DATABASE_MAX_CONNECTIONS", "1"),
    ("TIFFIN_DATABASE_ACQUIRE_TIMEOUT_SECONDS", "60"),
    ("TIFFIN_DATABASE_STATEMENT_TIMEOUT_SECONDS", "600"),
    ("TIFFIN_LIMITS_OPERATION_TIMEOUT_SECONDS", "600"),
];

const ENDLESS: &str = "{ restaurants { nodes { id } } }";
const QUICK: &str = "{ me { id } }";

/// Makes every reading of restaurants take longer than anybody waits, by the database's own work.
async fn make_restaurants_endless(city: &City) {
    let rename = "alter table restaurants rename to restaurants_at_rest";
    let view = match city.database() {
        Database::Postgres => {
            "create view restaurants as select rest.* from restaurants_at_rest rest
             right join (select pg_sleep(3600)) sleep on true"
        }
        Database::Sqlite => {
            "create view restaurants as select rest.* from restaurants_at_rest rest where 0 <
             (with recursive counted(n) as (select 1 union all select n + 1 from counted where n < 1e15) select count(*) from counted)"
        }
    };
    for statement in [rename, view] {
        city.db().execute_unprepared(statement).await.expect("the schema can be changed");
    }
}

async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("it does not happen that {what}"));
}

/// Whether PostgreSQL sleeps for a server, or SQLite has had the server at work since then.
async fn is_at_work(city: &City, idle: Duration) -> bool {
    match city.database() {
        Database::Postgres => {
            let sleeping =
                "select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
            let statement = Statement::from_string(city.db().get_database_backend(), sleeping);
            city.db().query_one_raw(statement).await.expect("runs").is_some()
        }
        Database::Sqlite => city.server().usage().processor > idle + Duration::from_millis(300),
    }
}

both_databases! {
    async fn a_statement_whose_client_has_gone_is_ended(database: Database) {
        let city = City::with_settings(database, ONE_CONNECTION).await;
        city.restaurant().create().await;
        make_restaurants_endless(&city).await;
        let ann = city.customer("Ann").await;
        ann.query(QUICK, json!({})).await.expect_success();

        let idle = city.server().usage().processor;
        let asking = tokio::spawn({
            let anonymous = city.anonymous();
            async move { anonymous.query(ENDLESS, json!({})).await }
        });
        eventually("the statement runs", async || is_at_work(&city, idle).await).await;
        asking.abort();
        let next = tokio::time::timeout(PATIENCE, ann.query(QUICK, json!({}))).await;
        next.expect("the only connection is free again").expect_success();
        expect_at_rest(&city).await;
    }

    async fn a_statement_whose_subscriber_has_gone_is_ended(database: Database) {
        let city = City::with_settings(database, ONE_CONNECTION).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).create().await;
        make_restaurants_endless(&city).await;

        let idle = city.server().usage().processor;
        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { order { restaurant { name } } } }";
        let watching = ann.subscribe(watch, json!({"id": order.id()})).await;
        eventually("the statement runs", async || is_at_work(&city, idle).await).await;
        drop(watching);
        let next = tokio::time::timeout(PATIENCE, ann.query(QUICK, json!({}))).await;
        next.expect("the only connection is free again").expect_success();
        expect_at_rest(&city).await;
    }

    async fn a_statement_is_ended_with_its_operation(database: Database) {
        // A statement has a time-out of its own on PostgreSQL, which is no longer than the operation's: so there it may be either.
        let settings = [
            ONE_CONNECTION,
            &[
                ("TIFFIN_DATABASE_STATEMENT_TIMEOUT_SECONDS", "2"),
                ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "2"),
                ("TIFFIN_LIMITS_OPERATION_TIMEOUT_SECONDS", "2"),
            ],
        ]
        .concat();
        let city = City::with_settings(database, &settings).await;
        city.restaurant().create().await;
        make_restaurants_endless(&city).await;
        let answer: Answer = city.anonymous().query(ENDLESS, json!({})).await;
        answer.expect_code("TIMEOUT");
        let ann = city.customer("Ann").await;
        let next = tokio::time::timeout(PATIENCE, ann.query(QUICK, json!({}))).await;
        next.expect("the only connection is free again").expect_success();
        expect_at_rest(&city).await;
    }
}

/// On SQLite the one connection was the statement's own thread: that it is free is all there is to know.
async fn expect_at_rest(city: &City) {
    if city.database() == Database::Postgres {
        eventually("the database is at rest", async || !is_at_work(city, Duration::ZERO).await).await;
    }
}
