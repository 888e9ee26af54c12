//! Connections to PostgreSQL, which production runs, and to SQLite, which needs nothing installed.

mod abandon;
mod claim;
mod explain;
mod failure;
mod life;
mod pool;
mod rest;
mod suspicion;
mod watch;

use std::time::Duration;

use anyhow::Context;
use sea_orm::{
    ConnectOptions, Database, DatabaseTransaction,
    sqlx::{
        Connection,
        postgres::{PgConnectOptions, PgConnection},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use tracing::Instrument;
use url::Url;

use crate::{config::DatabaseConfig, graphql::error::Error, tls::Authorities};

use pool::Patience;
use suspicion::Suspicion;

pub use abandon::{with_its_statements, with_their_statements};
pub use claim::claim;
pub use life::{Life, Lives};
pub use pool::Pool;
pub use watch::Watch;

/// SQLite has one writer at a time, and a thread for each connection: more than a few are of no use.
const SQLITE_CONNECTIONS: u32 = 8;
/// How long a connection may take to show that it is not broken, and no more than half of the time that there is to get one; then
/// another one is made.
const PING_PATIENCE: Duration = Duration::from_secs(1);
/// How much longer a statement may take than the database lets it, before the database counts as away.
const GRACE: Duration = Duration::from_secs(1);

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Requests: short statements, with time-outs on all that could hang.
    Serving,
    /// Migrations and bulk loads, which take the time they take.
    Maintenance,
}

/// The pool that requests are served from. The error is one sentence for the person who configured the address.
pub async fn connect(config: &DatabaseConfig) -> anyhow::Result<Pool> {
    open(config, Purpose::Serving).await
}

/// A small pool for migrations and bulk loads: no statement is cut off.
pub async fn connect_for_maintenance(config: &DatabaseConfig) -> anyhow::Result<Pool> {
    open(config, Purpose::Maintenance).await
}

/// Begins a transaction: READ COMMITTED on PostgreSQL; on SQLite one that may write from its first statement on (`begin immediate`), since
/// one that reads first and writes later is refused whenever another has written in between.
pub async fn begin(db: &Pool) -> Result<DatabaseTransaction, Error> {
    let pool = db.clone();
    // In a task of its own, which nobody can cancel: a `begin` that is dropped half-way leaves its connection in the pool with the
    // transaction open (launchbadge/sqlx#4385). When the caller is gone, the finished transaction is dropped and rolled back.
    let begin = abandon::as_here(async move { pool.begin().await });
    let begun = db.watch(tokio::spawn(begin.in_current_span())).await;
    Ok(begun.map_err(Error::internal)??)
}

async fn open(config: &DatabaseConfig, purpose: Purpose) -> anyhow::Result<Pool> {
    if config.is_embedded() {
        let folder = &config.data_directory;
        tokio::fs::create_dir_all(folder)
            .await
            .with_context(|| format!("cannot make the folder {} for the embedded database", folder.display()))?;
    }
    let address = match purpose {
        Purpose::Serving => config.address(),
        Purpose::Maintenance => config.direct_address(),
    };
    if address.starts_with("sqlite:") {
        return open_sqlite(config, &address, purpose).await;
    }
    open_postgres(config, &address, purpose).await
}

async fn open_postgres(config: &DatabaseConfig, address: &str, purpose: Purpose) -> anyhow::Result<Pool> {
    let is_direct = purpose == Purpose::Maintenance && config.direct_url.is_some();
    let variable = if is_direct { "DATABASE_DIRECT_URL" } else { "DATABASE_URL" };
    let options: PgConnectOptions = address.parse().map_err(|error| explain::address(variable, &error))?;
    let settings = postgres_settings(config, purpose);
    let authorities =
        Some(Authorities::private(&config.tls)?.to_pem()).filter(|pem| !pem.is_empty() && !names_authorities(address));
    let with_settings = move |options: PgConnectOptions| {
        // The last is what sqlx asks of PostgreSQL 11 and older, and poolers refuse.
        let options = options.application_name("tiffin").options(settings.clone()).extra_float_digits(None);
        match &authorities {
            Some(pem) => options.ssl_root_cert_from_pem(pem.clone()),
            None => options,
        }
    };
    // The pool tries again until its time is up and then knows no cause. One connection of our own tells it.
    let probe = with_settings(options.clone());
    let patience = Duration::from_secs(config.connect_timeout_seconds);
    let connection = tokio::time::timeout(patience, PgConnection::connect_with(&probe))
        .await
        .map_err(|_| explain::postgres_silent(&options, config.connect_timeout_seconds))?
        .map_err(|error| explain::postgres(variable, &options, &error))?;
    connection.close().await.ok();

    let suspicion = Suspicion::default();
    let mut pool = pool_options(config, address, purpose);
    pool.map_sqlx_postgres_opts(with_settings);
    pool.map_sqlx_postgres_pool_opts({
        let suspicion = suspicion.clone();
        move |pool| {
            let suspicion = suspicion.clone();
            pool.after_release(move |connection, _| Box::pin(rest::postgres(connection, suspicion.clone())))
        }
    });
    let (oldest, idlest) =
        (Duration::from_secs(config.max_lifetime_seconds), Duration::from_secs(config.idle_timeout_seconds));
    let trusted = Duration::from_secs(config.ping_after_idle_seconds);
    let ping_patience = PING_PATIENCE.min(Duration::from_secs(config.acquire_timeout_seconds) / 2);
    pool.map_sqlx_postgres_before_acquire({
        let suspicion = suspicion.clone();
        move |connection, metadata| {
            let fresh = metadata.age <= oldest && metadata.idle_for <= idlest && !suspicion.outdates(metadata.age);
            let suspect = metadata.idle_for >= trusted || suspicion.falls_on(metadata.idle_for);
            Box::pin(async move { Ok(fresh && (!suspect || answers(connection, ping_patience).await)) })
        }
    });
    let patience = match purpose {
        Purpose::Serving => {
            let connection = Duration::from_secs(config.acquire_timeout_seconds);
            let statement = Duration::from_secs(config.statement_timeout_seconds);
            Some(Patience { connection, answer: connection.max(statement).saturating_add(GRACE) })
        }
        Purpose::Maintenance => None,
    };
    Ok(Pool::new(Database::connect(pool).await?, suspicion, patience))
}

/// Whether the address says itself whom to believe (`sslrootcert`), or libpq's variable does.
fn names_authorities(address: &str) -> bool {
    let names = ["sslrootcert", "ssl-root-cert", "ssl-ca"];
    let is_named = |url: Url| url.query_pairs().any(|(name, _)| names.contains(&&*name));
    address.parse().is_ok_and(is_named) || std::env::var_os("PGSSLROOTCERT").is_some()
}

async fn answers(connection: &mut PgConnection, patience: Duration) -> bool {
    let answer = tokio::time::timeout(patience, connection.ping()).await;
    let answers = answer.is_ok_and(|answer| answer.is_ok());
    if !answers {
        tracing::debug!("an unused connection to the database turns out to be broken: it is replaced");
    }
    answers
}

async fn open_sqlite(config: &DatabaseConfig, address: &str, purpose: Purpose) -> anyhow::Result<Pool> {
    // A folder's name may hold what is special in an address, so the embedded file does not go through one.
    let embedded = config.is_embedded().then(|| config.embedded_file());
    let address = if embedded.is_some() { "sqlite:tiffin.db" } else { address };
    let parsed: SqliteConnectOptions = address.parse().map_err(|error| explain::address("DATABASE_URL", &error))?;
    let file = embedded.clone().unwrap_or_else(|| parsed.get_filename().to_owned());
    let busy_timeout = Duration::from_secs(config.lock_timeout_seconds);

    let mut pool = pool_options(config, address, purpose);
    pool.map_sqlx_sqlite_pool_opts(|pool| {
        pool.after_connect(|connection, _| Box::pin(abandon::tell_user(connection)))
            .after_release(|connection, _| Box::pin(rest::sqlite(connection)))
    });
    pool.map_sqlx_sqlite_before_acquire(|connection, _| {
        Box::pin(async move {
            abandon::tell_user(connection).await?;
            Ok(true)
        })
    });
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
    let connections = Database::connect(pool).await.map_err(|error| explain::sqlite(&file, &error))?;
    Ok(Pool::new(connections, Suspicion::default(), None))
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
        .test_before_acquire(false)
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
