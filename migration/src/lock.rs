//! The lock of migrations: an advisory lock on PostgreSQL, the write transaction on SQLite, so that one process migrates at a time.

use std::time::Duration;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        DatabaseConnection, DatabaseTransaction, DbBackend, RuntimeErr, SqliteTransactionMode, SqlxPostgresConnector,
        Statement, TransactionOptions, TransactionTrait, sqlx::postgres::PgPoolOptions,
    },
};

use crate::{Direction, Migrator, Structure};

/// The key of the advisory lock: "tiffin" in ASCII.
const LOCK: i64 = 0x74_69_66_66_69_6e;

const POLL: Duration = Duration::from_millis(50);
/// How often the holder checks that it still has the lock.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What the transaction that holds the lock asks for: it stands still while migrations run. No setting is touched for anybody else, also
/// where a pooler lends the session to others afterwards; and no snapshot is taken, which `create index concurrently` would wait for.
const STAND_STILL: &str = "set local idle_in_transaction_session_timeout = 0";

/// Runs the migrations while no other process does.
pub async fn run_alone(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    match db.get_database_backend() {
        DbBackend::Postgres => run_locked(db, direction).await,
        DbBackend::Sqlite => run_in_transaction(db, direction).await,
        other => Err(DbErr::Migration(format!("{other:?} is not supported"))),
    }
}

/// The advisory lock belongs to a transaction on a connection of its own, so it is released with it, whatever happens. A session lock would
/// stay behind in the session of a pooler in transaction mode.
async fn run_locked(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    let holder = connect_once(db).await?;
    let outcome = async {
        let lock = acquire(&holder).await?;
        let worker = connect_once(db).await?;
        let outcome = tokio::select! {
            outcome = apply(&worker, direction) => outcome,
            lost = lost(&lock) => Err(lost),
        };
        worker.close().await?;
        // It is over either way, and with the connection at the latest.
        lock.rollback().await.ok();
        outcome
    }
    .await;
    holder.close().await?;
    outcome
}

/// One more connection to the same database, under the terms that migrations need instead of those of requests: a statement takes
/// its time, but does not wait long for a lock, as everybody else would wait behind it.
async fn connect_once(db: &DatabaseConnection) -> Result<DatabaseConnection, DbErr> {
    let options = db.get_postgres_connection_pool().connect_options();
    // Asked for as the connection starts: what is set later stays set for whoever is lent the session next.
    let options = options.as_ref().clone().options([("statement_timeout", "0"), ("lock_timeout", "30s")]);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Polls instead of waiting in the database: a waiting statement holds a snapshot, and `create index concurrently` of the process that has
/// the lock would wait for that in turn, a deadlock.
async fn acquire(holder: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let mut is_patient = false;
    loop {
        let transaction = holder.begin().await?;
        let statement =
            Statement::from_string(DbBackend::Postgres, format!("select pg_try_advisory_xact_lock({LOCK}) as taken"));
        let row = transaction.query_one_raw(statement).await?;
        if row.map(|row| row.try_get("", "taken")).transpose()? == Some(true) {
            return Ok(transaction);
        }
        transaction.rollback().await?;
        if !std::mem::replace(&mut is_patient, true) {
            tracing::info!("waiting for another process that migrates");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Ready, with the reason, when somebody else may have the lock.
async fn lost(lock: &DatabaseTransaction) -> DbErr {
    loop {
        if let Err(failure) = lock.execute_unprepared(STAND_STILL).await {
            return DbErr::Migration(format!("the lock that keeps others from migrating was lost: {failure}"));
        }
        tokio::time::sleep(HEARTBEAT).await;
    }
}

/// SQLite has one writer at a time: the transaction is the lock.
async fn run_in_transaction(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let transaction = db.begin_with_options(options).await?;
    match direction {
        // Tables cannot be dropped there in any order, for dropping one looks at those that refer to it.
        Direction::Fresh => {
            apply(&transaction, Direction::Down(None)).await?;
            apply(&transaction, Direction::Up(None)).await?;
        }
        Direction::Up(_) | Direction::Down(_) => apply(&transaction, direction).await?,
    }
    transaction.commit().await
}

async fn apply<'c, C>(connection: C, direction: Direction) -> Result<(), DbErr>
where
    C: IntoSchemaManagerConnection<'c> + Copy,
{
    match direction {
        // A newer binary may have come first while the lock was waited for.
        Direction::Up(_) if !Structure::read(connection).await?.additional.is_empty() => Ok(()),
        Direction::Up(steps) => Migrator::up(connection, steps).await,
        Direction::Down(steps) => Migrator::down(connection, steps).await,
        Direction::Fresh => Migrator::fresh(connection).await,
    }
}
