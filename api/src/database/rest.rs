//! A connection goes back to its pool only when it is at rest: nothing runs on it, and no transaction is open. Any other is closed, and
//! the pool makes a new one: the next one who uses it would inherit whatever was left there.
//!
//! sqlx counts the transactions of a connection. When it could not end one, the count stays, and the next transaction on that connection
//! would be a savepoint within one that nobody commits, or that is no more: SQLite rolls a transaction back by itself when the disk is
//! full, reading or writing fails, memory runs out or a statement is interrupted, and then refuses the `rollback` that follows.

use std::time::Duration;

use sea_orm::sqlx::{Connection, Postgres, Result, Sqlite, SqliteConnection, postgres::PgConnection};
use sqlx_core::{database::Database, transaction::TransactionManager};

use super::{failure, suspicion::Suspicion};

/// How long a connection to PostgreSQL may take to come to rest after its use. What is left of an answer that was not read to its end
/// arrives within that time, and so does the end of a transaction that was dropped; what does not is a statement that runs.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whether the connection is at rest. Nothing is sent or waited for where nothing is outstanding.
pub(super) async fn postgres(connection: &mut PgConnection, suspicion: Suspicion) -> Result<bool> {
    match tokio::time::timeout(PATIENCE, connection.flush()).await {
        Ok(Ok(())) => Ok(open_transactions::<Postgres>(connection) == 0),
        Ok(Err(error)) => {
            if failure::is_lost(&error) {
                suspicion.arise();
            }
            Ok(false)
        }
        Err(_) => {
            // A statement that nobody waits for, or a database that does not answer any more.
            suspicion.arise();
            Ok(false)
        }
    }
}

/// Whether the connection is at rest. Its thread is asked only where a transaction was dropped, whose end is on its way then.
pub(super) async fn sqlite(connection: &mut SqliteConnection) -> Result<bool> {
    if open_transactions::<Sqlite>(connection) > 0 {
        connection.ping().await?;
    }
    let is_at_rest = open_transactions::<Sqlite>(connection) == 0;
    if !is_at_rest {
        tracing::debug!("a transaction did not end in order: its connection is closed");
    }
    Ok(is_at_rest)
}

fn open_transactions<D: Database>(connection: &D::Connection) -> usize {
    D::TransactionManager::get_transaction_depth(connection)
}
