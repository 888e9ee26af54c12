mod cells;
mod endings;
mod leases;
mod losses;

use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secrecy::SecretString;

use super::{
    connection_pool::Left,
    open_connection::{BoundQuery, OpenConnection},
    *,
};
use crate::{
    config::{Config, Environment},
    domain::error::Code,
};

/// A database of its own for one test: on SQLite a file, on PostgreSQL the server's, where nothing is written.
fn sqlite(name: &str) -> DatabaseConfig {
    let mut config = Config::defaults(Environment::Development, true).database;
    config.data_directory = std::env::temp_dir().join(format!("tiffin database {}-{name}?#", std::process::id()));
    config
}

fn postgres() -> DatabaseConfig {
    let url = std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL is set: run the tests with ./test");
    let mut config = Config::defaults(Environment::Production, false).database;
    config.url = Some(SecretString::from(url));
    config
}

async fn value(db: &impl ConnectionTrait, sql: &str) -> String {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await.expect("runs").expect("one row");
    match db.get_database_backend() {
        DbBackend::Postgres => row.try_get_by_index::<String>(0).expect("text"),
        _ => row
            .try_get_by_index::<i64>(0)
            .map(|number| number.to_string())
            .or_else(|_| row.try_get_by_index(0))
            .expect("text"),
    }
}

#[tokio::test]
async fn sqlite_is_set_up_on_purpose() {
    let config = sqlite("settings");
    let db = connect(&config).await.expect("connects, in a folder that was not there and has a difficult name");
    assert!(config.embedded_file().is_file());
    for (pragma, expected) in
        [("journal_mode", "wal"), ("synchronous", "1"), ("foreign_keys", "1"), ("busy_timeout", "5000")]
    {
        assert_eq!(value(&db, &format!("pragma {pragma}")).await, expected, "{pragma}");
    }
    db.close().await.expect("closes");
    std::fs::remove_dir_all(&config.data_directory).expect("removed");
}

#[tokio::test]
async fn postgres_is_set_up_on_purpose() {
    let db = connect(&postgres()).await.expect("connects");
    for (setting, expected) in [
        ("statement_timeout", "15s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("client_connection_check_interval", "1s"),
        ("transaction_isolation", "read committed"),
        ("application_name", "tiffin"),
    ] {
        assert_eq!(value(&db, &format!("select current_setting('{setting}')")).await, expected, "{setting}");
    }
    let db = connect_for_maintenance(&postgres()).await.expect("connects");
    assert_eq!(value(&db, "select current_setting('statement_timeout')").await, "0");
}

#[tokio::test]
async fn a_connection_to_postgres_is_replaced_when_it_is_old_or_was_long_unused() {
    const PROCESS: &str = "select pg_backend_pid()::text";
    for limit in ["neither", "age", "idleness"] {
        let mut config = postgres();
        (config.max_connections, config.min_connections) = (1, 0);
        match limit {
            "age" => config.max_lifetime_seconds = 1,
            "idleness" => config.idle_timeout_seconds = 1,
            _ => {}
        }
        let db = connect(&config).await.expect("connects");
        let first = value(&db, PROCESS).await;
        assert_eq!(value(&db, PROCESS).await, first, "{limit}");
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(value(&db, PROCESS).await == first, limit == "neither", "{limit}");
    }
}

#[tokio::test]
async fn a_sqlite_transaction_may_write_after_another_has() {
    let config = sqlite("immediate");
    let db = connect(&config).await.expect("connects");
    db.execute_unprepared("create table counter (n integer); insert into counter values (0)").await.expect("runs");
    let rounds = (0..20).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            let transaction = begin(&db).await.expect("begins");
            let n: i64 = value(&transaction, "select n from counter").await.parse().expect("number");
            transaction.execute_unprepared(&format!("update counter set n = {}", n + 1)).await.expect("writes");
            transaction.commit().await.expect("commits");
        })
    });
    for round in rounds.collect::<Vec<_>>() {
        round.await.expect("no panic");
    }
    assert_eq!(value(&db, "select n from counter").await, "20");
    db.close().await.expect("closes");
    std::fs::remove_dir_all(&config.data_directory).expect("removed");
}

/// What a statement gives on this connection.
async fn text_on(connection: &mut OpenConnection, sql: &str) -> String {
    let query = BoundQuery::from(Statement::from_string(DbBackend::Postgres, sql));
    let row = connection.first(query).await.expect("runs").expect("one row");
    row.try_get_by_index(0).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_begin_leaves_no_transaction_open() {
    const NOW: &str = "select now()::text";
    let mut config = postgres();
    config.max_connections = 3;
    let db = connect(&config).await.expect("connects");
    for round in 0..2_000 {
        // Timers are rounded to the millisecond, and a `begin` takes less.
        let moment = std::time::Instant::now() + Duration::from_micros(round % 400);
        let patience = async {
            while std::time::Instant::now() < moment {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = begin(&db) => {}
            () = patience => {}
        }
    }
    let mut held = Vec::new();
    for _ in 0..config.max_connections {
        // Outside of a transaction each statement has a time of its own.
        let mut connection = db.take().await.expect("a connection").work(Left::ToRest);
        let (first, second) = (text_on(&mut connection, NOW).await, text_on(&mut connection, NOW).await);
        assert_ne!(first, second, "a connection of the pool is inside of a transaction");
        held.push(connection);
    }
}

#[tokio::test]
async fn refusals_say_what_to_do_and_no_password() {
    let mut cases = vec![
        ("sqlite:/nowhere/tiffin.db".to_owned(), "does its folder exist"),
        ("postgres://ann:hunter2@127.0.0.1:1/tiffin".to_owned(), "cannot reach PostgreSQL at 127.0.0.1:1"),
        ("postgres://ann:hunter2@127.0.0.1:1/tiffin?sslmode=perhaps".to_owned(), "DATABASE_URL cannot be used"),
    ];
    let known = postgres().address();
    let mut other = url::Url::parse(&known).expect("an address");
    other.set_path("/there_is_no_such_database");
    cases.push((other.to_string(), "has no database \"there_is_no_such_database\""));
    for (url, expected) in cases {
        let mut config = postgres();
        config.url = Some(SecretString::from(url));
        let said = connect(&config).await.expect_err("refused").to_string();
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
}

/// What a test of statement counts relies on: each statement is one line of JSON, inside of a transaction too.
#[tokio::test]
async fn every_statement_is_one_line_of_the_log() {
    let lines = CapturedLog::default();
    let writer = lines.clone();
    // For the whole process: SQLite's statements run in threads of their own. The other tests' lines are passed over.
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");
    let file = sqlite("log");
    for (name, config) in [("postgres", postgres()), ("sqlite", file.clone())] {
        let db = connect(&config).await.expect("connects");
        value(&db, &format!("select '1' as {name} union all select '2' order by 1")).await;
        let transaction = begin(&db).await.expect("begins");
        value(&transaction, &format!("select '3' as {name} union all select '4' order by 1")).await;
        transaction.commit().await.expect("commits");
        db.close().await.expect("closes");
        for number in ["1", "3"] {
            let start = format!("select '{number}' as {name} ");
            let found: Vec<_> =
                lines.statements().into_iter().filter(|(sql, _)| sql.trim().starts_with(&start)).collect();
            assert_eq!(found.len(), 1, "{start}: {found:?}");
            assert!(found[0].1 >= 1, "{found:?}");
        }
    }
    std::fs::remove_dir_all(&file.data_directory).expect("removed");
}

#[derive(Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    fn statements(&self) -> Vec<(String, u64)> {
        let bytes = self.0.lock().expect("no panic");
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("one object a line"))
            .filter(|line| line["target"] == "sqlx::query")
            .map(|line| {
                let statement = line["db.statement"].as_str().expect("text").to_owned();
                (statement, line["rows_returned"].as_u64().expect("a number"))
            })
            .collect()
    }
}

impl std::io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
