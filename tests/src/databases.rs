//! Isolated databases, one for each test: on PostgreSQL a copy of a migrated template database, on SQLite a copy of a migrated file.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use tokio::sync::OnceCell;

use crate::{PATIENCE, workspace};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// With Redis, as production runs.
    Postgres,
    /// A file and no Redis, as `cargo run` does.
    Sqlite,
}

/// The locale by which a PostgreSQL database folds and compares texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    /// By bytes: of letters it folds those of ASCII.
    C,
    /// As Turkish does: I is not the capital of i.
    Turkish,
}

/// A database that lives as long as this value.
pub struct TestDatabase {
    /// What the server is given as `DATABASE_URL`.
    pub url: String,
    /// The name on the PostgreSQL server; nothing is to be dropped for a file.
    name: Option<String>,
}

impl TestDatabase {
    /// A new database with all tables and no rows. `directory` is where a file goes.
    pub async fn create(database: Database, directory: &Path) -> Self {
        match database {
            Database::Postgres => {
                let template = postgres_template().await;
                create_postgres(&format!("template {template}")).await
            }
            Database::Sqlite => {
                let file = directory.join("tiffin.db");
                std::fs::copy(sqlite_template().await, &file).expect("the template file can be copied");
                TestDatabase { url: sqlite_url(&file), name: None }
            }
        }
    }

    /// A new PostgreSQL database of this locale with all tables and no rows. None where the server knows no such locale: it is of a
    /// version before 15, or was built without ICU.
    pub async fn create_in(locale: Locale) -> Option<Self> {
        let options = match locale {
            Locale::C => "template template0 locale 'C'",
            Locale::Turkish => "template template0 locale_provider icu icu_locale 'tr-TR'",
        };
        let database = match locale {
            Locale::C => create_postgres(options).await,
            Locale::Turkish if knows_icu().await => create_postgres(options).await,
            Locale::Turkish => return None,
        };
        migrate(&database.url).await;
        Some(database)
    }

    /// The one at this URL, which is empty, with all tables. It stays when this is dropped.
    pub async fn at(url: &str) -> Self {
        migrate(url).await;
        TestDatabase { url: url.to_owned(), name: None }
    }

    /// A connection for the test's own statements.
    pub async fn connect(&self) -> DatabaseConnection {
        connect(&self.url, 4).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        // Dropping happens inside a runtime, which must not be blocked by another one on the same thread.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async {
                let administration = connect(&administration_url(), 1).await;
                administration.execute_unprepared(&format!("drop database if exists {name} with (force)")).await
            })
        });
        if !matches!(dropped.join(), Ok(Ok(_))) {
            eprintln!("a test's database was left behind");
        }
    }
}

/// A PostgreSQL database without tables.
pub async fn scratch_postgres() -> TestDatabase {
    create_postgres("template template0").await
}

/// A copy that PostgreSQL makes of its database at this URL, whose connections are ended.
pub async fn copied_postgres(url: &str) -> TestDatabase {
    let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).expect("a database has a name");
    let administration = connect(&administration_url(), 1).await;
    let run =
        async |statement: &str| administration.execute_unprepared(statement).await.expect("it is the superuser's");
    run(&format!("alter database {name} allow_connections false")).await;
    run(&format!("select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '{name}'")).await;
    let copy = create_postgres(&format!("template {name}")).await;
    run(&format!("alter database {name} allow_connections true")).await;
    administration.close().await.expect("a connection can be closed");
    copy
}

/// Whether databases can have a locale of ICU's.
async fn knows_icu() -> bool {
    let administration = connect(&administration_url(), 1).await;
    let known = "select from pg_collation where collname = 'tr-TR-x-icu' and current_setting('server_version_num')::int >= 150000";
    let known = administration.execute_unprepared(known).await.expect("the server tells its locales");
    administration.close().await.expect("a connection can be closed");
    known.rows_affected() > 0
}

async fn create_postgres(options: &str) -> TestDatabase {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let name = format!("tiffin_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let administration = connect(&administration_url(), 1).await;
    // One of an earlier process with the same number may have been left behind.
    for statement in
        [format!("drop database if exists {name} with (force)"), format!("create database {name} {options}")]
    {
        administration.execute_unprepared(&statement).await.expect("a database can be created");
    }
    administration.close().await.expect("a connection can be closed");
    TestDatabase { url: with_database(&name), name: Some(name) }
}

/// The name of the template database: migrated once, by whichever test process comes first.
async fn postgres_template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("tiffin_template_{:016x}", migrations_hash());
            let administration = connect(&administration_url(), 1).await;
            let run = async |statement: String| {
                administration.execute_unprepared(&statement).await.expect("the template can be made")
            };
            run("select pg_advisory_lock(7460001)".to_owned()).await;
            let exists = format!("select from pg_database where datname = '{name}'");
            if run(exists).await.rows_affected() == 0 {
                run(format!("drop database if exists {name}_new")).await;
                run(format!("create database {name}_new template template0")).await;
                migrate(&with_database(&format!("{name}_new"))).await;
                run(format!("alter database {name}_new rename to {name}")).await;
            }
            administration.close().await.expect("a connection can be closed");
            name
        })
        .await
}

/// The template file: made beside the other build products, once for each state of the migrations.
async fn sqlite_template() -> &'static Path {
    static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let directory = workspace::build_directory().join("templates");
            std::fs::create_dir_all(&directory).expect("a folder can be made in the target folder");
            let file = directory.join(format!("template-{:016x}.db", migrations_hash()));
            if !file.exists() {
                // Made under a name of this process and then renamed, so that another process never sees half of it.
                let unfinished = file.with_extension(format!("{}.new", std::process::id()));
                migrate(&sqlite_url(&unfinished)).await;
                std::fs::rename(&unfinished, &file).expect("the template file can be renamed");
            }
            file
        })
        .await
}

async fn migrate(url: &str) {
    let database = connect(url, 2).await;
    migration::migrate(&database).await.expect("an empty database can be migrated");
    database.close().await.expect("a connection can be closed");
}

async fn connect(url: &str, connections: u32) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    // With either time-out the pool has a task that now and then spins for good (transact-rs/sqlx#3645).
    options.max_connections(connections).sqlx_logging(false).idle_timeout(None).max_lifetime(None);
    options.connect_timeout(PATIENCE).acquire_timeout(PATIENCE);
    // The server writes as well, and a busy machine keeps it at that.
    options.map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(PATIENCE));
    sea_orm::Database::connect(options)
        .await
        .unwrap_or_else(|error| panic!("no connection to the test database: {error}"))
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// A PostgreSQL superuser's URL.
fn administration_url() -> String {
    std::env::var("TEST_DATABASE_URL").expect(
        "TEST_DATABASE_URL is not set: run the tests with ./test, which starts a PostgreSQL for them, or set it to the URL of a \
         PostgreSQL superuser",
    )
}

/// The URL of another database on the same server.
fn with_database(name: &str) -> String {
    let url = administration_url();
    let (address, options) =
        url.split_once('?').map_or((url.as_str(), None), |(address, options)| (address, Some(options)));
    let start = address.find("://").map_or(0, |scheme| scheme + 3);
    let server = address[start..].find('/').map_or(address, |slash| &address[..start + slash]);
    match options {
        Some(options) => format!("{server}/{name}?{options}"),
        None => format!("{server}/{name}"),
    }
}

/// Changes with every change of a migration.
fn migrations_hash() -> u64 {
    let mut files: Vec<_> = std::fs::read_dir(workspace::root().join("migration/src"))
        .expect("the migrations can be listed")
        .map(|entry| entry.expect("the migrations can be listed").path())
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(&file).expect("a migration can be read").hash(&mut hasher);
    }
    hasher.finish()
}
