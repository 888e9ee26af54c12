//! The pool that everything is served from.

use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, prelude::async_trait,
};

use super::{
    failure::{is_of_lost_connection, is_of_new_connection},
    suspicion::Suspicion,
};

/// How long to leave a database alone that does not let us in. One that restarts does so after a moment.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections to the database. Cheap to clone; all clones are the same.
///
/// What it runs ends in time, also where the database does not answer any more. A statement that only reads is tried once more on another
/// connection when its own turns out to be lost, and so is the begin of a transaction; what writes is not, for it may have happened.
/// Nothing has happened where no connection could be made: that is tried for as long as one is waited for.
#[derive(Clone, Debug)]
pub struct Pool {
    connections: DatabaseConnection,
    suspicion: Suspicion,
    /// None: the database is in this process, and answers.
    patience: Option<Patience>,
}

/// How long the database is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a connection.
    pub connection: Duration,
    /// For a statement's answer, from before there is a connection.
    pub answer: Duration,
}

impl Pool {
    pub(super) fn new(connections: DatabaseConnection, suspicion: Suspicion, patience: Option<Patience>) -> Self {
        Pool { connections, suspicion, patience }
    }

    /// The connections as SeaORM has them, for migrations and what else stands beside the requests.
    pub fn connections(&self) -> &DatabaseConnection {
        &self.connections
    }

    /// Which of the two databases it is.
    pub fn get_database_backend(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    /// Closes the connections when they are free. Whoever asks for one from now on fails.
    ///
    /// # Errors
    /// They did not close in order.
    pub async fn close(&self) -> Result<(), DbErr> {
        self.connections.close_by_ref().await
    }

    /// Replaces every connection before it is used again.
    pub(super) fn renew(&self) {
        self.suspicion.outdate();
    }

    /// Begins a transaction. Not to be dropped half-way.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        // Nothing is lost with a transaction that has done nothing.
        self.run(true, || self.connections.begin_with_options(options)).await
    }

    /// Waits for what the database is asked for: who gives up after a while makes its connections suspect.
    pub(super) async fn watch<T>(&self, answer: impl Future<Output = T>) -> T {
        self.suspicion.watch(answer).await
    }

    /// Runs something, and once more where its connection turns out to be lost, if it may.
    async fn run<T, F>(&self, may_repeat: bool, attempt: impl Fn() -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        let Some(patience) = self.patience else { return attempt().await };
        let begun = Instant::now();
        let mut may_repeat = may_repeat;
        let trying = async {
            loop {
                match attempt().await {
                    Err(failure) if self.is_lost(&failure) && may_repeat => may_repeat = false,
                    Err(failure) if is_of_new_connection(&failure) && begun.elapsed() < patience.connection => {
                        tokio::time::sleep(PAUSE).await;
                    }
                    outcome => return outcome,
                }
            }
        };
        tokio::time::timeout(patience.answer, self.watch(trying)).await.unwrap_or_else(|_| {
            let silent = format!("the database has not answered within {} s", patience.answer.as_secs());
            Err(DbErr::Conn(RuntimeErr::Internal(silent)))
        })
    }

    /// Whether what failed is a connection, which makes the others suspect.
    fn is_lost(&self, failure: &DbErr) -> bool {
        let is_lost = is_of_lost_connection(failure);
        if is_lost {
            self.suspicion.arise();
            tracing::warn!(error = %failure, "a connection to the database was lost");
        }
        is_lost
    }
}

/// Whether it is certain that the statement changes nothing.
fn only_reads(sql: &str) -> bool {
    sql.trim_start().get(..6).is_some_and(|verb| verb.eq_ignore_ascii_case("select"))
}

#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(only_reads(&statement.sql), || self.connections.execute_raw(statement.clone())).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(only_reads(sql), || self.connections.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(only_reads(&statement.sql), || self.connections.query_one_raw(statement.clone())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(only_reads(&statement.sql), || self.connections.query_all_raw(statement.clone())).await
    }
}

#[cfg(test)]
mod tests {
    use super::only_reads;

    #[test]
    fn what_may_write_is_no_reading() {
        for reading in ["select 1", "  SELECT id FROM orders", "Select"] {
            assert!(only_reads(reading), "{reading}");
        }
        for writing in
            ["", "selec", "insert into orders select 1", "with gone as (delete from orders returning *) select 1"]
        {
            assert!(!only_reads(writing), "{writing}");
        }
    }
}
