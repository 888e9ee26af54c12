//! One process migrates at a time.

use std::time::Duration;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        DatabaseConnection, DbBackend, RuntimeErr, SqliteTransactionMode, SqlxPostgresConnector, Statement,
        TransactionOptions, TransactionTrait,
        sqlx::{Executor, postgres::PgPoolOptions},
    },
};

use crate::{Direction, Migrator};

/// The name of the lock on PostgreSQL, where locks have numbers: "tiffin" in ASCII.
const LOCK: i64 = 0x74_69_66_66_69_6e;

const POLL: Duration = Duration::from_millis(50);

/// Runs the migrations while no other process does.
pub async fn run_alone(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    match db.get_database_backend() {
        DbBackend::Postgres => run_locked(db, direction).await,
        DbBackend::Sqlite => run_in_transaction(db, direction).await,
        other => Err(DbErr::Migration(format!("{other:?} is not supported"))),
    }
}

/// The lock belongs to a connection of its own, so it is released with it, whatever happens.
async fn run_locked(db: &DatabaseConnection, direction: Direction) -> Result<(), DbErr> {
    let holder = connect_once(db).await?;
    let outcome = async {
        acquire(&holder).await?;
        let worker = connect_once(db).await?;
        let outcome = apply(&worker, direction).await;
        worker.close().await?;
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
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute("set statement_timeout = 0; set lock_timeout = '30s'").await?;
                Ok(())
            })
        })
        .connect_with(options.as_ref().clone())
        .await
        .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Asks again and again instead of waiting in the database: a waiting statement holds a snapshot, which `create index concurrently`
/// of the process that has the lock would wait for in turn.
async fn acquire(holder: &DatabaseConnection) -> Result<(), DbErr> {
    loop {
        let statement =
            Statement::from_string(DbBackend::Postgres, format!("select pg_try_advisory_lock({LOCK}) as taken"));
        let row = holder.query_one_raw(statement).await?;
        if row.map(|row| row.try_get("", "taken")).transpose()? == Some(true) {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
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
    C: IntoSchemaManagerConnection<'c>,
{
    match direction {
        Direction::Up(steps) => Migrator::up(connection, steps).await,
        Direction::Down(steps) => Migrator::down(connection, steps).await,
        Direction::Fresh => Migrator::fresh(connection).await,
    }
}
