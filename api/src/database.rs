//! Connections to PostgreSQL, which production runs, and to SQLite, which needs nothing installed.

mod abandon;
mod explain;

use std::time::Duration;

use anyhow::Context;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
    sqlx::{
        Connection,
        postgres::{PgConnectOptions, PgConnection},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use tracing::Instrument;

use crate::{config::DatabaseConfig, graphql::error::Error};

pub use abandon::{with_its_statements, with_their_statements};

/// SQLite has one writer at a time, and a thread for each connection: more than a few are of no use.
const SQLITE_CONNECTIONS: u32 = 8;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Requests: short statements, with time-outs on all that could hang.
    Serving,
    /// Migrations and bulk loads, which take the time they take.
    Maintenance,
}

/// The pool that requests are served from. The error is one sentence for the person who configured the address.
pub async fn connect(config: &DatabaseConfig) -> anyhow::Result<DatabaseConnection> {
    open(config, Purpose::Serving).await
}

/// A small pool for migrations and bulk loads: no statement is cut off.
pub async fn connect_for_maintenance(config: &DatabaseConfig) -> anyhow::Result<DatabaseConnection> {
    open(config, Purpose::Maintenance).await
}

/// Begins a transaction: READ COMMITTED on PostgreSQL; on SQLite one that may write from its first statement on (`begin immediate`), since
/// one that reads first and writes later is refused whenever another has written in between.
pub async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let db = db.clone();
    // In a task of its own, which nobody can cancel: a `begin` that is dropped half-way leaves its connection in the pool with the
    // transaction open (launchbadge/sqlx#4385). When the caller is gone, the finished transaction is dropped and rolled back.
    let begin = abandon::as_here(async move { db.begin_with_options(options).await });
    let begun = tokio::spawn(begin.in_current_span());
    Ok(begun.await.map_err(Error::internal)??)
}

async fn open(config: &DatabaseConfig, purpose: Purpose) -> anyhow::Result<DatabaseConnection> {
    if config.is_embedded() {
        let folder = &config.data_directory;
        tokio::fs::create_dir_all(folder)
            .await
            .with_context(|| format!("cannot make the folder {} for the embedded database", folder.display()))?;
    }
    let address = config.address();
    if address.starts_with("sqlite:") {
        return open_sqlite(config, &address, purpose).await;
    }
    open_postgres(config, &address, purpose).await
}

async fn open_postgres(config: &DatabaseConfig, address: &str, purpose: Purpose) -> anyhow::Result<DatabaseConnection> {
    let options: PgConnectOptions = address.parse().map_err(|error| explain::address(&error))?;
    let settings = postgres_settings(config, purpose);
    // The pool tries again until its time is up and then knows no cause. One connection of our own tells it.
    let probe = options.clone().options(settings.clone());
    let patience = Duration::from_secs(config.connect_timeout_seconds);
    let connection = tokio::time::timeout(patience, PgConnection::connect_with(&probe))
        .await
        .map_err(|_| explain::postgres_silent(&options, config.connect_timeout_seconds))?
        .map_err(|error| explain::postgres(&options, &error))?;
    connection.close().await.ok();

    let mut pool = pool_options(config, address, purpose);
    abandon::close_what_runs(&mut pool);
    pool.map_sqlx_postgres_opts(move |options| options.application_name("tiffin").options(settings.clone()));
    let (oldest, idlest) =
        (Duration::from_secs(config.max_lifetime_seconds), Duration::from_secs(config.idle_timeout_seconds));
    pool.map_sqlx_postgres_before_acquire(move |_, connection| {
        let fresh = connection.age <= oldest && connection.idle_for <= idlest;
        Box::pin(async move { Ok(fresh) })
    });
    Ok(Database::connect(pool).await?)
}

async fn open_sqlite(config: &DatabaseConfig, address: &str, purpose: Purpose) -> anyhow::Result<DatabaseConnection> {
    // A folder's name may hold what is special in an address, so the embedded file does not go through one.
    let embedded = config.is_embedded().then(|| config.embedded_file());
    let address = if embedded.is_some() { "sqlite:tiffin.db" } else { address };
    let parsed: SqliteConnectOptions = address.parse().map_err(|error| explain::address(&error))?;
    let file = embedded.clone().unwrap_or_else(|| parsed.get_filename().to_owned());
    let busy_timeout = Duration::from_secs(config.lock_timeout_seconds);

    let mut pool = pool_options(config, address, purpose);
    abandon::interrupt_what_runs(&mut pool);
    pool.max_connections(config.max_connections.min(SQLITE_CONNECTIONS));
    pool.map_sqlx_sqlite_opts(move |options| {
        let options = match &embedded {
            Some(file) => options.filename(file),
            None => options,
        };
        options
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(busy_timeout)
    });
    Database::connect(pool).await.map_err(|error| explain::sqlite(&file, &error))
}

/// The pool's size, its pings and its log, each set on purpose: the defaults ping before every use and log every statement at info.
fn pool_options(config: &DatabaseConfig, address: &str, purpose: Purpose) -> ConnectOptions {
    let mut options = ConnectOptions::new(address);
    let (most, least) = match purpose {
        Purpose::Serving => (config.max_connections, config.min_connections),
        Purpose::Maintenance => (config.max_connections.min(4), 0),
    };
    options
        .max_connections(most)
        .min_connections(least)
        .acquire_timeout(Duration::from_secs(config.acquire_timeout_seconds))
        // With either of them the pool has a task that looks after its connections, and now and then spins for good when it counts
        // them (transact-rs/sqlx#3645). PostgreSQL's connections are judged when they are taken, and a file's do not age.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire_if_idle_for(Duration::from_secs(config.ping_after_idle_seconds))
        .record_stmt_in_spans(false)
        .sqlx_logging_level(log::LevelFilter::Debug);
    match purpose {
        Purpose::Serving => options.sqlx_slow_statements_logging_settings(
            log::LevelFilter::Warn,
            Duration::from_millis(config.slow_statement_milliseconds),
        ),
        Purpose::Maintenance => {
            options.sqlx_slow_statements_logging_settings(log::LevelFilter::Off, Duration::from_secs(0))
        }
    };
    options
}

/// What each connection asks of PostgreSQL when it begins, at no cost: statements that hang are ended by the database.
fn postgres_settings(config: &DatabaseConfig, purpose: Purpose) -> [(&'static str, String); 5] {
    let seconds = |seconds: u64| format!("{seconds}s");
    let (statement, lock, idle) = match purpose {
        Purpose::Serving => (
            seconds(config.statement_timeout_seconds),
            seconds(config.lock_timeout_seconds),
            seconds(config.idle_in_transaction_timeout_seconds),
        ),
        Purpose::Maintenance => (seconds(0), seconds(config.lock_timeout_seconds), seconds(0)),
    };
    [
        ("statement_timeout", statement),
        ("lock_timeout", lock),
        ("idle_in_transaction_session_timeout", idle),
        ("client_connection_check_interval", abandon::CLIENT_CHECK.to_owned()),
        ("default_transaction_isolation", "read committed".to_owned()),
    ]
}

#[cfg(test)]
mod tests;
