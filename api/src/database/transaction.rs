//! Transactions, each on the connection that its operation leases.

use std::{
    fmt,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use futures_util::FutureExt;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    prelude::async_trait,
    sqlx::{AssertSqlSafe, SqlSafeStr},
};
use tokio::sync::Mutex;

use super::{
    ask::{AllRows, Ask, Begin, Commit, Execute, FirstRow, Rollback, Unprepared},
    lease::{ConnectionSlot, Lease},
    pool::Pool,
};

/// An open transaction. It is rolled back where it is dropped before it is committed.
///
/// Its statements are not retried, whatever becomes of its connection.
pub struct Transaction {
    pool: Pool,
    /// The connection, and nothing where that was lost.
    place: Mutex<ConnectionSlot>,
    lease: Arc<Lease>,
    is_open: bool,
    after_commit: StdMutex<Vec<Box<dyn FnOnce() + Send>>>,
}

impl Transaction {
    /// Begins one on the connection of the operation.
    pub(super) async fn begin(pool: &Pool) -> Result<Self, DbErr> {
        let lease = Lease::present();
        let mut place = lease.place_for_one()?.await;
        pool.ask_at(&mut place, Begin).await?;
        lease.set_in_transaction(true);
        Ok(Transaction {
            pool: pool.clone(),
            place: Mutex::new(place),
            lease,
            is_open: true,
            after_commit: StdMutex::default(),
        })
    }

    /// Does this right after the commit, and never where there is none: it is short, and does not fail.
    pub fn after_commit(&self, act: impl FnOnce() + Send + 'static) {
        // Nothing panics while it holds the lock.
        self.after_commit.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(act));
    }

    /// Commits it.
    ///
    /// # Errors
    /// It is not committed; or nobody knows, where the connection was lost.
    pub async fn commit(mut self) -> Result<(), DbErr> {
        self.ask(Commit).boxed().await?;
        self.is_open = false;
        for act in self.after_commit.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            act();
        }
        Ok(())
    }

    /// Rolls it back.
    ///
    /// # Errors
    /// The connection was lost, and the transaction with it.
    pub async fn rollback(mut self) -> Result<(), DbErr> {
        self.ask(Rollback).boxed().await?;
        self.is_open = false;
        Ok(())
    }

    async fn ask<A: Ask>(&self, ask: A) -> Result<A::Answer, DbErr> {
        let mut place = self.place.lock().await;
        if place.is_none() {
            let lost = "the connection of this transaction was lost".to_owned();
            return Err(DbErr::Conn(RuntimeErr::Internal(lost)));
        }
        self.pool.attempt(&mut place, ask).await
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transaction").field("is_open", &self.is_open).finish_non_exhaustive()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open
            && let Some(taken) = self.place.get_mut().take()
        {
            taken.take_back();
        }
        self.lease.set_in_transaction(false);
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
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
