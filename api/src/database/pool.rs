//! What everything is served from: statements with a time-out on leased connections, and one retry of reads whose connection was dead.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::FutureExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    prelude::async_trait,
    sqlx::{AssertSqlSafe, SqlSafeStr},
};

use super::{
    ask::{AllRows, Ask, Execute, FirstRow, Unprepared},
    connection_pool::{Connections, TakenConnection},
    failure::is_of_lost_connection,
    lease::Lease,
    open_connection::DatabaseAddress,
    suspicion::Suspicion,
};

/// Connections to the database. Cheap to clone; all clones are the same.
///
/// The statements of an operation run on the connection that it leases; a statement outside of an operation takes one for itself.
///
/// Each statement has a time-out, also where the database does not answer any more. A read is retried once on another connection when its
/// own turns out to be dead, and so is the begin of a transaction; a write is not, for it may have happened. Where no connection can be
/// made nothing has happened: that is retried until the acquire time-out.
#[derive(Clone)]
pub struct Pool(Arc<PoolInner>);

struct PoolInner {
    connections: Connections,
    suspicion: Suspicion,
    /// The time-out of an answer, with the wait for a connection. None: the database is in this process, and answers.
    patience: Option<Duration>,
    for_sea_orm: OnceLock<DatabaseConnection>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pool").field(&self.get_database_backend()).finish()
    }
}

impl Pool {
    pub(super) fn new(connections: Connections, suspicion: Suspicion, patience: Option<Duration>) -> Self {
        Pool(Arc::new(PoolInner { connections, suspicion, patience, for_sea_orm: OnceLock::new() }))
    }

    /// Connections to the same database as SeaORM has them, for migrations and bulk loads, which stand beside the requests.
    pub fn connections(&self) -> &DatabaseConnection {
        self.0.for_sea_orm.get_or_init(|| self.0.connections.address().for_sea_orm())
    }

    /// Which of the two databases it is.
    pub fn get_database_backend(&self) -> DbBackend {
        match self.0.connections.address() {
            DatabaseAddress::Postgres(_) => DbBackend::Postgres,
            DatabaseAddress::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    /// Closes the connections when they are free. Whoever asks for one from now on fails.
    ///
    /// # Errors
    /// They did not close in order.
    pub async fn close(&self) -> Result<(), DbErr> {
        self.0.connections.close().await;
        match self.0.for_sea_orm.get() {
            Some(connections) => connections.close_by_ref().await,
            None => Ok(()),
        }
    }

    /// Replaces every connection before it is used again.
    pub(super) fn renew(&self) {
        self.0.suspicion.outdate();
    }

    /// Takes a connection that is of no operation.
    #[cfg(test)]
    pub(super) async fn take(&self) -> Result<TakenConnection, DbErr> {
        self.0.connections.take().await
    }

    async fn ask<A: Ask>(&self, ask: A) -> Result<A::Answer, DbErr> {
        let mut place = Lease::present().place_for_one()?.await;
        self.ask_at(&mut place, ask).await
    }

    /// Asks in time, on the connection at this place.
    pub(super) async fn ask_at<A: Ask>(&self, place: &mut Option<TakenConnection>, ask: A) -> Result<A::Answer, DbErr> {
        self.in_time(self.repeated(place, ask)).await
    }

    /// Asks, and retries once where the connection turns out to be dead, if the request allows it.
    async fn repeated<A: Ask>(&self, place: &mut Option<TakenConnection>, ask: A) -> Result<A::Answer, DbErr> {
        let again = ask.may_be_repeated().then(|| ask.clone());
        match (self.attempt(place, ask).await, again) {
            (Err(failure), Some(ask)) if is_of_lost_connection(&failure) => self.attempt(place, ask).boxed().await,
            (outcome, _) => outcome,
        }
    }

    /// Asks for something on the connection at this place, which is taken from the pool where there is none.
    pub(super) async fn attempt<A: Ask>(
        &self,
        place: &mut Option<TakenConnection>,
        ask: A,
    ) -> Result<A::Answer, DbErr> {
        let taken = match place.take() {
            Some(taken) if taken.is_of(&self.0.connections) => taken,
            _ => self.0.connections.take().boxed().await?,
        };
        let mut working = taken.work(A::LEFT);
        let outcome = ask.of(&mut working).await;
        match &outcome {
            Err(failure) if is_of_lost_connection(failure) => {
                self.0.suspicion.arise();
                tracing::warn!(error = %failure, "a connection to the database was lost");
                working.discard();
            }
            _ => *place = Some(working.ended()),
        }
        outcome
    }

    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let Some(patience) = self.0.patience else { return answer.await };
        tokio::time::timeout(patience, self.0.suspicion.watch(answer)).await.unwrap_or_else(|_| {
            let silent = format!("the database has not answered within {} s", patience.as_secs());
            Err(DbErr::Conn(RuntimeErr::Internal(silent)))
        })
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ask(Execute(statement.into())).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.ask(Unprepared(AssertSqlSafe(sql).into_sql_str())).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(FirstRow(statement.into())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(AllRows(statement.into())).await
    }
}
