//! The process: its commands, its start with and without its dependencies, and its shutdown.

use std::{path::Path, time::Duration};

use sea_orm::{ConnectionTrait, DatabaseConnection, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use serde_json::json;
use tempfile::TempDir;
use tiffin_tests::{
    City, Database, Outcome, PATIENCE, Person, Server, Settings, TestDatabase, both_databases, run_command,
    scratch_postgres,
};

use crate::readiness::expect_ready;

/// A password that must not be told.
pub const SECRET: &str = "hunter2";
fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

/// Asks until it is so.
pub async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("it does not happen that {what}"));
}

#[test]
fn every_command_explains_itself() {
    tiffin_tests::run(async {
        let commands: [&[&str]; 19] = [
            &[],
            &["serve"],
            &["migrate"],
            &["migrate", "up"],
            &["migrate", "down"],
            &["migrate", "status"],
            &["migrate", "fresh"],
            &["seed"],
            &["accounts"],
            &["accounts", "collisions"],
            &["accounts", "keep"],
            &["accounts", "set-email"],
            &["jobs"],
            &["jobs", "list"],
            &["jobs", "retry"],
            &["jobs", "discard"],
            &["schema"],
            &["config"],
            &["healthcheck"],
        ];
        let directory = directory();
        for command in commands {
            let help = run_command(directory.path(), &Vec::new(), &[command, &["--help"]].concat()).await;
            let usage = [&["Usage: tiffin"], command].concat().join(" ");
            assert!(help.expect_success().contains(&usage), "{command:?}");
        }
        assert!(directory.path().read_dir().expect("a folder").next().is_none(), "asking leaves nothing behind");
        let unknown = run_command(directory.path(), &Vec::new(), &["deliver"]).await;
        assert!(unknown.code == Some(2) && unknown.stderr.contains("deliver"), "{unknown:#?}");
    });
}

#[test]
fn the_configuration_is_told_without_its_secrets() {
    tiffin_tests::run(async {
        let directory = directory();
        for (database, redis, shown) in [
            ("postgres://app:hunter2@db.example/tiffin", "redis://:hunter2@cache.example", "app:***@db.example"),
            (
                "postgres://db.example/tiffin?password=hunter2",
                "redis://app:hunter2@cache.example",
                "db.example/tiffin?***",
            ),
        ] {
            let settings = settings(&[
                ("DATABASE_URL", database),
                ("REDIS_URL", redis),
                ("TIFFIN_LISTEN", "[::1]:9"),
                ("TIFFIN_ACCOUNTS_TOKEN_KEYS", "2026=hunter2-aB3dE5fG7hI9jK1lM3nO5pQ7rS9"),
            ]);
            let printed = run_command(directory.path(), &settings, &["config"]).await.expect_success();
            assert!(printed.contains(shown) && printed.contains("***@cache.example"), "{printed}");
            assert!(printed.contains("listen = \"[::1]:9\"") && !printed.contains(SECRET), "{printed}");
        }
    });
}

/// A database without tables, for commands.
pub struct Empty {
    directory: TempDir,
    url: String,
    _postgres: Option<TestDatabase>,
}

impl Empty {
    pub async fn new(database: Database) -> Self {
        let directory = directory();
        let postgres = match database {
            Database::Postgres => Some(scratch_postgres().await),
            Database::Sqlite => None,
        };
        let file = || format!("sqlite://{}?mode=rwc", directory.path().join("new.db").display());
        let url = postgres.as_ref().map_or_else(file, |database| database.url.clone());
        Empty { directory, url, _postgres: postgres }
    }

    pub async fn run(&self, environment: &str, arguments: &[&str]) -> Outcome {
        let settings = settings(&[("DATABASE_URL", &self.url), ("TIFFIN_ENV", environment)]);
        run_command(self.directory.path(), &settings, arguments).await
    }

    /// How many migrations are applied and pending after this, by the last line printed.
    pub async fn migrate(&self, arguments: &[&str]) -> (u32, u32) {
        let printed = self.run("development", &[&["migrate"], arguments].concat()).await.expect_success();
        let numbers: Vec<_> =
            printed.lines().last().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
        let lines = printed.lines().filter(|line| line.starts_with("applied") || line.starts_with("pending")).count();
        assert!(numbers.len() == 2 && lines as u32 == numbers[0] + numbers[1], "{printed}");
        (numbers[0], numbers[1])
    }

    async fn connect(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.expect("the database can be reached")
    }
}

both_databases! {
    async fn the_structure_goes_up_and_down_and_up_again(database: Database) {
        let empty = Empty::new(database).await;
        let (applied, all) = empty.migrate(&["status"]).await;
        assert!(applied == 0 && all > 1, "{applied} of {all}");
        let refused = empty.run("development", &["serve", "--no-migrate", "--listen", "127.0.0.1:0"]).await;
        let said = refused.expect_failure(SECRET);
        assert!(said.contains("tiffin migrate up"), "{said}");

        assert_eq!(empty.migrate(&["up"]).await, (all, 0));
        assert_eq!(empty.migrate(&["up"]).await, (all, 0));
        assert_eq!(empty.migrate(&["down"]).await, (all - 1, 1));
        assert_eq!(empty.migrate(&["down", &(all - 1).to_string()]).await, (0, all));
        assert_eq!(empty.migrate(&["up"]).await, (all, 0));

        let db = empty.connect().await;
        let ann = "insert into customers (name, email, normalized_email) values ('Ann', 'ann@example.com', 'ann@example.com')";
        db.execute_unprepared(ann).await.expect("the tables are there");
        for destructive in [["migrate", "fresh"], ["migrate", "down"]] {
            let said = empty.run("production", &destructive).await.expect_failure(SECRET);
            assert!(said.contains("--yes"), "{said}");
        }
        assert!(db.execute_unprepared(ann).await.is_err(), "Ann is still there, and her address is taken");
        db.close().await.expect("a connection can be closed");
        assert_eq!(empty.migrate(&["fresh"]).await, (all, 0));
        let db = empty.connect().await;
        db.execute_unprepared(ann).await.expect("nobody is there any more");
    }
}

/// Starts a server that cannot start; gives what it says.
async fn refusal(directory: &Path, pairs: &[(&str, &str)]) -> String {
    let usual = [
        ("TIFFIN_LISTEN", "127.0.0.1:0"),
        ("TIFFIN_ENV", "development"),
        ("TIFFIN_DATABASE_CONNECT_TIMEOUT_SECONDS", "1"),
    ];
    run_command(directory, &settings(&[&usual, pairs].concat()), &["serve"]).await.expect_failure(SECRET)
}

#[test]
fn a_database_that_cannot_be_used_is_named_in_a_sentence() {
    tiffin_tests::run(async {
        let directory = directory();
        let there =
            std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL is not set: run the tests with ./test");
        let changed = |change: &dyn Fn(&mut reqwest::Url)| {
            let mut url: reqwest::Url = there.parse().expect("a URL");
            change(&mut url);
            url.to_string()
        };
        let stranger = changed(&|url| {
            url.set_username("tiffin_nobody").expect("a name");
            url.set_password(Some(SECRET)).expect("a password");
        });
        let wrong_password = changed(&|url| url.set_password(Some(SECRET)).expect("a password"));
        let missing = changed(&|url| url.set_path("/tiffin_missing"));
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let silent = format!("postgres://app:hunter2@{}/tiffin", silent.local_addr().expect("bound"));
        for (url, said) in [
            ("mysql://app:hunter2@localhost/tiffin", "DATABASE_URL begins with postgres://"),
            ("hunter2", "DATABASE_URL begins with postgres://"),
            ("postgres://app:hunter2@127.0.0.1:notaport/tiffin", "DATABASE_URL is not a valid address"),
            ("postgres://app:hunter2@127.0.0.1:1/tiffin", "127.0.0.1:1"),
            (&stranger, "tiffin_nobody"),
            (&wrong_password, "password"),
            (&missing, "tiffin_missing"),
            (&silent, "127.0.0.1"),
            ("sqlite:///nowhere/at/all/tiffin.db", "/nowhere/at/all"),
        ] {
            let sentence = refusal(directory.path(), &[("DATABASE_URL", url)]).await;
            assert!(sentence.contains(said), "{url}: {sentence}");
        }
    });
}

#[test]
fn an_address_that_is_none_of_a_redis_is_named_before_anything_is_migrated() {
    tiffin_tests::run(async {
        let empty = Empty::new(Database::Postgres).await;
        for (url, said) in [
            ("http://:hunter2@localhost", "REDIS_URL begins with redis://"),
            ("redis://:hunter2@127.0.0.1:notaport", "REDIS_URL is not a valid address"),
            ("redis://:hunter2@127.0.0.1/notanumber", "REDIS_URL is not a valid address"),
        ] {
            let sentence = refusal(empty.directory.path(), &[("DATABASE_URL", &empty.url), ("REDIS_URL", url)]).await;
            assert!(sentence.contains(said), "{url}: {sentence}");
        }
        assert_eq!(empty.migrate(&["status"]).await.0, 0);
    });
}

pub async fn get(server: &Server, path: &str) -> (u16, String) {
    let response = reqwest::get(server.url(path)).await.expect("the server answers");
    (response.status().as_u16(), response.text().await.expect("the answer can be read"))
}

both_databases! {
    async fn in_production_a_token_says_who_asks_and_nothing_else_does(database: Database) {
        let mut city = City::with_settings(database, &[("TIFFIN_ENV", "production")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, admin) = (city.customer("Ann").await, city.admin().await);
        ann.place_order(&restaurant.basket(&[(0, 1)])).await.expect_success();
        let claimed = city.anonymous().request("{ me { id } }", json!({})).header("X-Development-User", &admin.user().email);
        let claimed = claimed.send().await.expect("the server answers").text().await.expect("the answer can be read");
        assert_eq!(claimed, r#"{"data":{"me":null}}"#);
        let catalog = city.anonymous().query("{ restaurants { nodes { id } } }", json!({})).await;
        assert_eq!(catalog.text("/restaurants/nodes/0/id"), restaurant.id());
        assert_eq!(get(city.server(), "/").await.0, 404, "GraphiQL is for development");

        city.stop().await;
        let developing = city.another_server_with(&[("TIFFIN_ENV", "development")]).await;
        admin.at(&developing).query("{ orders { totalCount } }", json!({})).await.expect_success();
        let (status, page) = get(&developing, "/").await;
        assert!(status == 200 && page.contains("graphiql"), "{status} {page}");
    }

    async fn orders_outlive_a_restart(database: Database) {
        let mut city = City::new(database).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = ann.has_ordered(&restaurant.basket(&[(0, 2)])).await;
        let document = "query($id: ID!) { order(id: $id) { status totalAmount items { quantity } events { sequence } } }";
        let before = ann.query(document, json!({"id": order})).await.expect_success();
        city.restart().await;
        let ann = ann.at(city.server());
        assert_eq!(ann.query(document, json!({"id": order})).await.body, before.body);
        ann.cancel_order(&order).await.expect_success();
    }

    async fn a_server_that_stops_finishes_what_it_began(database: Database) {
        let mut city = City::new(database).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status } }";
        let mut steps = ann.subscribe(watch, json!({"id": order})).await;
        steps.next_event().await;

        let lock = lock_orders(&city).await;
        let request = tokio::spawn({
            let (ann, basket) = (ann.clone(), restaurant.basket(&[(0, 3)]));
            async move { ann.place_order(&basket).await }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        city.server().request_stop();
        eventually("the server says that it stops", async || city.server().log().contains("shutting down")).await;
        assert!(!request.is_finished(), "the order waits for the lock");
        lock.rollback().await.expect("the lock can be let go");

        let answer = request.await.expect("no panic");
        assert_eq!(answer.at("/placeOrder/order/items/0/quantity"), 3);
        steps.expect_close(1012).await;
        assert_eq!(city.server_mut().ended().await.code(), Some(0), "{}", city.server().log());
        city.order_row(answer.text("/placeOrder/order/id")).await;
    }
}

/// Keeps everybody from writing orders until it is rolled back.
async fn lock_orders(city: &City) -> sea_orm::DatabaseTransaction {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let lock = city.db().begin_with_options(options).await.expect("a transaction begins");
    match city.database() {
        Database::Postgres => {
            lock.execute_unprepared("lock table orders in exclusive mode").await.expect("the table can be locked");
        }
        Database::Sqlite => {}
    }
    lock
}

#[test]
fn queries_outlive_the_end_of_all_connections_to_the_database() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        city.restaurant().with_dishes(1).create().await;
        let ended = "select pg_terminate_backend(pid) from pg_stat_activity \
             where application_name = 'tiffin' and datname = current_database()";
        let (mut served, mut cut) = (0, 0);
        for _ in 0..20 {
            let anonymous = city.anonymous();
            let asking = futures_util::future::join_all((0..10).map(|_| ask(&anonymous)));
            let ending = async {
                let ended = city.db().execute_unprepared(ended).await.expect("connections can be ended");
                ended.rows_affected()
            };
            let (answers, ended) = tokio::join!(asking, ending);
            served += answers.into_iter().filter(|served| *served).count();
            cut += ended;
        }
        eventually("queries are answered", async || ask(&city.anonymous()).await).await;
        assert!(served > 0, "the server was away all the time");
        // A round may find none, when the one before it ended them all.
        assert!(cut > 0, "the server had connections to end");
        expect_ready(city.server(), "postgresql", "redis").await;
    });
}

/// Whether a query was answered; if it was not, the database was away.
async fn ask(person: &Person) -> bool {
    let answer = person.query("{ restaurants { nodes { name menu { dishes { nodes { name } } } } } }", json!({})).await;
    if answer.problems().is_empty() {
        assert_eq!(answer.list("/restaurants/nodes/0/menu/dishes/nodes").len(), 1);
        return true;
    }
    assert!(answer.problems().iter().all(|problem| problem.code == "UNAVAILABLE"), "{answer}");
    false
}

#[test]
fn two_servers_may_start_on_one_empty_database() {
    tiffin_tests::run(async {
        let directory = directory();
        for _ in 0..3 {
            let database = scratch_postgres().await;
            let settings = settings(&[
                ("DATABASE_URL", &database.url),
                ("TIFFIN_ENV", "development"),
                ("TIFFIN_LISTEN", "127.0.0.1:0"),
                ("TIFFIN_LOG_FORMAT", "json"),
                ("TIFFIN_DEMO_SEED", "true"),
            ]);
            let start = || Server::start(directory.path(), &settings);
            let (one, other) = tokio::join!(start(), start());
            for server in [&one, &other] {
                let admin = Person::signing_in(server, "admin@demo.tiffin.example", "tiffin-demo").await;
                let answer = admin.query("{ orders { totalCount } customers { totalCount } }", json!({})).await;
                assert_eq!(answer.at("/orders/totalCount"), 300, "one of the two made the city");
                assert_eq!(answer.at("/customers/totalCount"), 40);
            }
        }
    });
}
