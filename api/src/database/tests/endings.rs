//! However a transaction ends, what is acknowledged after it is there, for everybody and after a restart.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use sea_orm::DbErr;

use super::*;

/// A pool of one connection, which everything comes over, and another pool that sees what is written.
struct Scene {
    config: DatabaseConfig,
    db: Pool,
    others: Pool,
    /// Names the tables, which PostgreSQL's are in one database.
    name: &'static str,
    next: i32,
}

impl Scene {
    async fn new(backend: DbBackend, name: &'static str) -> Self {
        let mut config = if backend == DbBackend::Sqlite { sqlite(name) } else { postgres() };
        let others = connect(&config).await.expect("connects");
        config.max_connections = 1;
        let db = connect(&config).await.expect("connects");
        for statement in [
            format!("drop table if exists {name}_bound, {name}"),
            format!("create table {name} (n integer primary key)"),
            format!("create table {name}_bound (n integer references {name} deferrable initially deferred)"),
        ] {
            // SQLite's file is new, and it drops one table at a time.
            if !(backend == DbBackend::Sqlite && statement.starts_with("drop")) {
                others.execute_unprepared(&statement).await.expect("the tables can be made");
            }
        }
        Scene { config, db, others, name, next: 0 }
    }

    async fn insert(&mut self, transaction: &Transaction) -> Result<(), DbErr> {
        self.next += 1;
        let insert = format!("insert into {} values ({})", self.name, self.next);
        transaction.execute_unprepared(&insert).await.map(drop)
    }

    /// Transactions of both kinds: those that are committed are there, and no other.
    async fn expect_all_is_well_after(mut self, ending: &str) {
        let mut acknowledged = Vec::new();
        for round in 0..6 {
            let transaction = begin(&self.db).await.expect("begins");
            self.insert(&transaction).await.expect("inserts");
            // The first is taken back: a connection that is within another transaction would stay there.
            if round % 2 == 1 {
                transaction.commit().await.expect("commits");
                acknowledged.push(self.next);
            }
        }
        let expected = acknowledged.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let rows = match self.db.get_database_backend() {
            DbBackend::Sqlite => "group_concat(n, ',')",
            _ => "string_agg(n::text, ',' order by n)",
        };
        let first = acknowledged[0] - 1;
        let kept = format!("select {rows} from {} where n >= {first} and n < 1000000", self.name);
        assert_eq!(text(&self.others, &kept).await, expected, "{ending}: as others see it");
        for pool in [&self.db, &self.others] {
            pool.close().await.expect("closes");
        }
        let after = connect(&self.config).await.expect("connects");
        assert_eq!(text(&after, &kept).await, expected, "{ending}: after a restart");
        if self.db.get_database_backend() == DbBackend::Sqlite {
            after.close().await.expect("closes");
            std::fs::remove_dir_all(&self.config.data_directory).expect("removed");
        } else {
            let drop = format!("drop table {0}_bound, {0}", self.name);
            after.execute_unprepared(&drop).await.expect("the tables can be dropped");
        }
    }
}

async fn text(db: &Pool, sql: &str) -> String {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let row = row.expect("runs").expect("one row");
    row.try_get_by_index::<Option<String>>(0).expect("text").unwrap_or_default()
}

async fn on_both(name: &'static str, ending: impl AsyncFn(&mut Scene)) {
    for backend in [DbBackend::Postgres, DbBackend::Sqlite] {
        let mut scene = Scene::new(backend, name).await;
        ending(&mut scene).await;
        scene.expect_all_is_well_after(&format!("{name} on {backend:?}")).await;
    }
}

#[tokio::test]
async fn a_transaction_that_is_dropped() {
    on_both("dropped", async |scene| {
        let transaction = begin(&scene.db).await.expect("begins");
        scene.insert(&transaction).await.expect("inserts");
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_fails() {
    on_both("failed", async |scene| {
        let transaction = begin(&scene.db).await.expect("begins");
        scene.insert(&transaction).await.expect("inserts");
        scene.next -= 1;
        scene.insert(&transaction).await.expect_err("the number is taken");
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_is_refused() {
    on_both("refused", async |scene| {
        let transaction = begin(&scene.db).await.expect("begins");
        scene.insert(&transaction).await.expect("inserts");
        let nowhere = format!("insert into {}_bound values (-1)", scene.name);
        transaction.execute_unprepared(&nowhere).await.expect("is looked at later");
        let failure = transaction.commit().await.expect_err("refers to nothing");
        assert_eq!(Error::from(failure).code, Code::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_nobody_waits_for() {
    on_both("abandoned", async |scene| {
        for microseconds in (0..400).step_by(5) {
            let transaction = begin(&scene.db).await.expect("begins");
            scene.insert(&transaction).await.expect("inserts");
            let moment = std::time::Instant::now() + Duration::from_micros(microseconds);
            let patience = async {
                while std::time::Instant::now() < moment {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                _ = transaction.commit() => {}
                () = patience => {}
            }
        }
        // What happened then is not known, and may be either.
        scene.next += 1;
    })
    .await;
}

#[tokio::test]
async fn a_panic() {
    on_both("panicked", async |scene| {
        let work = async {
            let transaction = begin(&scene.db).await.expect("begins");
            scene.insert(&transaction).await.expect("inserts");
            panic!("on purpose");
        };
        AssertUnwindSafe(work).catch_unwind().await.map(drop).expect_err("panics");
    })
    .await;
}

#[tokio::test]
async fn a_write_whose_time_is_up() {
    on_both("stopped", async |scene| {
        let endless = match scene.db.get_database_backend() {
            DbBackend::Sqlite => format!(
                "insert into {} with recursive counted(n) as \
                 (select 1000000 union all select n + 1 from counted where n < 1e15) select n from counted",
                scene.name
            ),
            _ => format!("insert into {} select 1000000 from pg_sleep(3600)", scene.name),
        };
        let work = on_one_connection(async {
            let transaction = begin(&scene.db).await.expect("begins");
            scene.insert(&transaction).await.expect("inserts");
            transaction.execute_unprepared(&endless).await
        });
        tokio::time::timeout(Duration::from_millis(300), work).await.expect_err("it does not end by itself");
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_on_sqlite() {
    let mut scene = Scene::new(DbBackend::Sqlite, "full").await;
    let pages: i64 = value(&scene.db, "pragma page_count").await.parse().expect("a number");
    scene.db.execute_unprepared(&format!("pragma max_page_count = {}", pages + 8)).await.expect("there is little room");
    scene.db.execute_unprepared("create table filling (bytes blob)").await.expect("there is still some");
    for _ in 0..3 {
        let transaction = begin(&scene.db).await.expect("begins");
        let filling = async {
            loop {
                scene.insert(&transaction).await?;
                transaction.execute_unprepared("insert into filling values (zeroblob(4000))").await?;
            }
        };
        let failure: Result<(), DbErr> = filling.await;
        let error = Error::from(failure.expect_err("there is no more room"));
        // A connection that was replaced does not know of the limit any more.
        assert_eq!(error.code, Code::Unavailable, "{error:?}");
        drop(transaction);
        if value(&scene.db, "pragma max_page_count").await.parse::<i64>().expect("a number") > pages + 8 {
            break;
        }
    }
    scene.db.execute_unprepared("pragma max_page_count = 1000000").await.expect("there is room again");
    scene.expect_all_is_well_after("a full disk").await;
}

#[tokio::test]
async fn a_session_that_postgres_ends_before_the_commit() {
    let mut scene = Scene::new(DbBackend::Postgres, "ended").await;
    let transaction = begin(&scene.db).await.expect("begins");
    scene.insert(&transaction).await.expect("inserts");
    let process = value(&transaction, "select pg_backend_pid()::text").await;
    let end = format!("select pg_terminate_backend({process}, 10000)::text");
    assert_eq!(value(&scene.others, &end).await, "true");
    let failure = transaction.commit().await.expect_err("nobody is there");
    assert_eq!(Error::from(failure).code, Code::Unavailable);
    scene.expect_all_is_well_after("a session that was ended").await;
}
