//! Database access: the connection pool, leases, transactions and time-outs, on PostgreSQL (production) and SQLite (nothing to install).

mod ask;
mod chain;
mod claim;
pub mod columns;
mod connection_pool;
mod database_watch;
pub mod dialect;
mod explain;
mod failure;
mod interrupt;
mod lease;
mod life;
pub mod literal;
mod open_connection;
mod pool;
mod present_time;
mod suspicion;
mod transaction;

use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use sea_orm::sqlx::{
    ConnectOptions, Connection as _,
    postgres::{PgConnectOptions, PgConnection},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use url::Url;

use crate::{config::DatabaseConfig, domain::error::Error, tls::Authorities};

use connection_pool::{Ageing, Connections, Terms};
use open_connection::DatabaseAddress;
use suspicion::Suspicion;

pub use chain::{Chain, Numbers, Writer, is_there, number_of};
pub use claim::claim;
pub use database_watch::DatabaseWatch;
pub use lease::{each_on_one_connection, on_one_connection};
pub use life::{Life, Lives};
pub use pool::Pool;
pub use present_time::set_clock;
pub use transaction::Transaction;

/// SQLite has one writer at a time, and a thread for each connection: more than a few are of no use.
const SQLITE_CONNECTIONS: usize = 8;
/// How long the ping of an idle connection may take, and no more than half of the acquire time-out; then the connection is replaced.
const PING_PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait beyond the database's own statement time-out, before the database counts as away.
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
/// one that reads first may not write any more once another has written.
pub async fn begin(db: &Pool) -> Result<Transaction, Error> {
    // Boxed: the future of every caller would otherwise hold the room for opening a connection.
    Ok(Transaction::begin(db).boxed().await?)
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
    let authorities = Some(Authorities::private(config.tls.authorities.as_deref())?.to_pem())
        .filter(|pem| !pem.is_empty() && !names_authorities(address));
    let with_settings = move |options: PgConnectOptions| {
        // `extra_float_digits` is for PostgreSQL 11 and older, and poolers refuse it.
        let options = options.application_name("tiffin").options(settings.clone()).extra_float_digits(None);
        match &authorities {
            Some(pem) => options.ssl_root_cert_from_pem(pem.clone()),
            None => options,
        }
    };
    // The pool retries until its time-out, and then knows no cause. One probe connection of our own tells it.
    let probe = with_settings(options.clone());
    let patience = Duration::from_secs(config.connect_timeout_seconds);
    let connection = tokio::time::timeout(patience, PgConnection::connect_with(&probe))
        .await
        .map_err(|_| explain::postgres_silent(&options, config.connect_timeout_seconds))?
        .map_err(|error| explain::postgres(variable, &options, &error))?;
    connection.close().await.ok();

    let connection = Duration::from_secs(config.acquire_timeout_seconds);
    let ageing = Ageing {
        oldest: Duration::from_secs(config.max_lifetime_seconds),
        idlest: Duration::from_secs(config.idle_timeout_seconds),
        trusted: Duration::from_secs(config.ping_after_idle_seconds),
        ping: PING_PATIENCE.min(connection / 2),
    };
    let patience = match purpose {
        Purpose::Serving => {
            let statement = Duration::from_secs(config.statement_timeout_seconds);
            Some(connection.max(statement).saturating_add(GRACE))
        }
        Purpose::Maintenance => None,
    };
    let options = logged(with_settings(options), config, purpose);
    let suspicion = Suspicion::default();
    let terms = Terms { most: most(config, purpose), patience: connection, ageing: Some(ageing) };
    let connections = Connections::new(DatabaseAddress::Postgres(Box::new(options)), terms, suspicion.clone())?;
    if purpose == Purpose::Serving {
        connections.open(config.min_connections as usize).await?;
    }
    Ok(Pool::new(connections, suspicion, patience))
}

/// Whether the address itself names the certificate authorities (`sslrootcert`), or libpq's variable does.
fn names_authorities(address: &str) -> bool {
    let names = ["sslrootcert", "ssl-root-cert", "ssl-ca"];
    let is_named = |url: Url| url.query_pairs().any(|(name, _)| names.contains(&&*name));
    address.parse().is_ok_and(is_named) || std::env::var_os("PGSSLROOTCERT").is_some()
}

async fn open_sqlite(config: &DatabaseConfig, address: &str, purpose: Purpose) -> anyhow::Result<Pool> {
    // A folder's name may hold what is special in an address, so the embedded file does not go through one.
    let embedded = config.is_embedded().then(|| config.embedded_file());
    let address = if embedded.is_some() { "sqlite:tiffin.db" } else { address };
    let parsed: SqliteConnectOptions = address.parse().map_err(|error| explain::address("DATABASE_URL", &error))?;
    let file = embedded.clone().unwrap_or_else(|| parsed.get_filename().to_owned());
    let busy_timeout = Duration::from_secs(config.lock_timeout_seconds);

    let options = match &embedded {
        Some(file) => parsed.filename(file),
        None => parsed,
    };
    let options = options
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(busy_timeout);
    let options = logged(options, config, purpose);
    let suspicion = Suspicion::default();
    let patience = Duration::from_secs(config.acquire_timeout_seconds);
    let terms = Terms { most: most(config, purpose).min(SQLITE_CONNECTIONS), patience, ageing: None };
    let connections = Connections::new(DatabaseAddress::Sqlite(Box::new(options)), terms, suspicion.clone())?;
    // A file that cannot be used is told at the start.
    connections.open(1).await.map_err(|error| explain::sqlite(&file, &error))?;
    Ok(Pool::new(connections, suspicion, None))
}

/// The largest size of the pool.
fn most(config: &DatabaseConfig, purpose: Purpose) -> usize {
    let most = config.max_connections as usize;
    match purpose {
        Purpose::Serving => most,
        Purpose::Maintenance => most.min(4),
    }
}

/// Statement logging: every one at debug (the library's default is info), slow ones as warnings.
fn logged<O: ConnectOptions>(options: O, config: &DatabaseConfig, purpose: Purpose) -> O {
    let options = options.log_statements(log::LevelFilter::Debug);
    match purpose {
        Purpose::Serving => options
            .log_slow_statements(log::LevelFilter::Warn, Duration::from_millis(config.slow_statement_milliseconds)),
        Purpose::Maintenance => options.log_slow_statements(log::LevelFilter::Off, Duration::ZERO),
    }
}

/// The session settings that each connection sends as it starts, without a round trip: PostgreSQL itself ends statements that hang.
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
        ("client_connection_check_interval", interrupt::CLIENT_CHECK.to_owned()),
        ("default_transaction_isolation", "read committed".to_owned()),
    ]
}

#[cfg(test)]
mod tests;
