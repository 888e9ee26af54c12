//! PostgreSQL behind PgBouncer: pooling by session, and where PgBouncer is new enough by transaction.
//!
//! `TEST_PGBOUNCER=/path/to/pgbouncer ./test pooler::` uses that one.

use std::{collections::HashSet, time::Duration};

use futures_util::future::{join, join_all};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};
use serde_json::json;
use tiffin_tests::{City, Database, Person, PgBouncer, Pooling, Server, Settings, run_command, scratch_postgres};

const WATCH: &str = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status sequence } }";

async fn text(db: &impl ConnectionTrait, sql: &str) -> String {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect("runs").expect("one row").try_get_by_index(0).expect("text")
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).idle_timeout(None).max_lifetime(None).map_sqlx_postgres_opts(
        // What sqlx asks of its own accord, and PgBouncer refuses.
        |options| options.extra_float_digits(None),
    );
    sea_orm::Database::connect(options).await.expect("the database can be reached")
}

#[test]
fn processes_that_start_together_behind_a_pooler_migrate_once_and_leave_nothing_behind() {
    tiffin_tests::run(async {
        for pooling in PgBouncer::poolings() {
            let database = scratch_postgres().await;
            let pooler = PgBouncer::start(&database.url, *pooling, &[("default_pool_size", "20")]).await;
            let url = pooler.url(&database.url);
            let directory = tempfile::tempdir().expect("a temporary directory can be made");
            let settings = settings(&[
                ("DATABASE_URL", &url),
                ("TIFFIN_ENV", "development"),
                ("TIFFIN_LISTEN", "127.0.0.1:0"),
                ("TIFFIN_LOG_FORMAT", "json"),
                ("TIFFIN_DEMO_SEED", "true"),
                ("TIFFIN_DATABASE_MAX_CONNECTIONS", "4"),
            ]);
            let start = || Server::start(directory.path(), &settings);
            let servers = tokio::join!(start(), start(), start());
            for server in [&servers.0, &servers.1, &servers.2] {
                let answer = Person::signing_in(server, "admin@demo.tiffin.example", "tiffin-demo").await;
                let answer = answer.query("{ orders { totalCount } }", json!({})).await;
                assert_eq!(answer.at("/orders/totalCount"), 300, "{pooling:?}: one of them made the city");
            }
            let db = database.connect().await;
            let locks = "select count(*)::text from pg_locks where locktype = 'advisory' \
                 and database = (select oid from pg_database where datname = current_database())";
            assert_eq!(text(&db, locks).await, "0", "{pooling:?}");
            // Whoever is lent a session has the settings of its role, whatever was done there before.
            let others: Vec<_> = join_all((0..8).map(|_| connect(&url))).await;
            let transactions = join_all(others.iter().map(|db| db.begin())).await;
            for transaction in transactions {
                let transaction = transaction.expect("a transaction begins");
                for setting in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
                    assert_eq!(text(&transaction, &format!("show {setting}")).await, "0", "{pooling:?}: {setting}");
                }
            }
        }
    });
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn orders_and_live_updates_go_through_a_pooler() {
    tiffin_tests::run(async {
        for pooling in PgBouncer::poolings() {
            // Fewer sessions than the servers have connections, where they are lent.
            let sessions = if *pooling == Pooling::Transaction { "4" } else { "40" };
            let city = City::new(Database::Postgres).await;
            let pooler =
                PgBouncer::start(city.setting("DATABASE_URL"), *pooling, &[("default_pool_size", sessions)]).await;
            let url = pooler.url(city.setting("DATABASE_URL"));
            let settings = [("DATABASE_URL", url.as_str()), ("TIFFIN_DATABASE_MAX_CONNECTIONS", "8")];
            let start = || city.another_server_with(&settings);
            let (one, other, third) = tokio::join!(start(), start(), start());
            let restaurant = city.restaurant().with_dishes(3).create().await;
            let staff = city.merchant_of(&restaurant).await;
            let ann = city.customer("Ann").await;
            // Many at once, each of several transactions.
            let lives = (0..24).map(async |number: usize| {
                let servers = [&one, &other, &third];
                let here = |person: &Person, turn: usize| person.at(servers[(number + turn) % 3]);
                let order = here(&ann, 0).has_ordered(&restaurant.basket(&[(number % 3, 1)])).await;
                let mut steps = here(&ann, 1).subscribe(WATCH, json!({"id": order})).await;
                assert_eq!(steps.next_event().await.text("/orderStatusChanged/status"), "PENDING");
                use entity::sea_orm_active_enums::OrderStatus::{Cancelled, Confirmed, Preparing};
                for (turn, status) in [Confirmed, Preparing, Cancelled].into_iter().enumerate() {
                    here(&staff, turn).update_order_status(&order, status).await.expect_success();
                }
                let told = steps.until_complete().await;
                let told: Vec<_> =
                    told.iter().map(|event| event.text("/orderStatusChanged/status").to_owned()).collect();
                assert_eq!(told, ["CONFIRMED", "PREPARING", "CANCELLED"], "{pooling:?}");
                order
            });
            let orders: HashSet<_> = join_all(lives).await.into_iter().collect();
            assert_eq!(orders.len(), 24);
            for order in &orders {
                assert_eq!(city.order_events(order).await.len(), 4);
            }
        }
    });
}

#[test]
fn a_pooler_that_lets_nobody_wait_is_unavailable() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        city.restaurant().create().await;
        let patience = [("default_pool_size", "3"), ("query_wait_timeout", "1")];
        let pooler = PgBouncer::start(city.setting("DATABASE_URL"), Pooling::Session, &patience).await;
        let url = pooler.url(city.setting("DATABASE_URL"));
        let other = connect(&url).await;
        other.execute_unprepared("select 1").await.expect("one of the three sessions is in use");
        let settings = [("DATABASE_URL", url.as_str()), ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "15")];
        let server = city.another_server_with(&settings).await;

        let lock = city.db().begin().await.expect("a transaction begins");
        let exclusive = "lock table restaurants in access exclusive mode";
        lock.execute_unprepared(exclusive).await.expect("the table can be locked");
        let anonymous = city.anonymous().at(&server);
        let ann = city.customer("Ann").await.at(&server);
        // They have the other two.
        let waits = join_all((0..2).map(|_| anonymous.query("{ restaurants { nodes { id } } }", json!({}))));
        let refused = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let answers = join(ann.query("{ me { id } }", json!({})), ann.query("{ me { name } }", json!({}))).await;
            lock.rollback().await.expect("the lock can be let go");
            answers
        };
        let (served, (one, two)) = join(waits, refused).await;
        served.into_iter().for_each(|answer| drop(answer.expect_success()));
        for answer in [one, two] {
            answer.expect_code("UNAVAILABLE");
            assert_eq!(answer.status, 503);
        }
        assert!(server.log().contains("query_wait_timeout"), "it was the pooler who said so");
        drop(other);
    });
}

#[test]
fn migrations_go_past_the_pooler_where_there_is_a_direct_address() {
    tiffin_tests::run(async {
        let database = scratch_postgres().await;
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let nowhere = "postgres://app@127.0.0.1:1/tiffin";
        let pairs = [("DATABASE_URL", nowhere), ("DATABASE_DIRECT_URL", &database.url)];
        let migrated = run_command(directory.path(), &settings(&pairs), &["migrate", "up"]).await.expect_success();
        assert!(migrated.lines().last().is_some_and(|line| line.ends_with(", 0 pending")), "{migrated}");
        let refused = run_command(
            directory.path(),
            &settings(&[("DATABASE_URL", &database.url), ("DATABASE_DIRECT_URL", nowhere)]),
            &["migrate", "up"],
        )
        .await;
        let said = refused.expect_failure("hunter2");
        assert!(said.contains("DATABASE_DIRECT_URL"), "{said}");
    });
}
