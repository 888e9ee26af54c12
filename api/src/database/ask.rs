//! Requests to a database connection: whether each may be retried, and what becomes of a connection when one is cancelled half-way.

use sea_orm::{DbErr, ExecResult, QueryResult, sqlx::SqlStr};

use super::{
    connection_pool::Left,
    open_connection::{BoundQuery, OpenConnection},
};

/// One request to a connection.
pub(super) trait Ask: Clone + Send + Sync {
    type Answer: Send;
    /// What becomes of the connection when the request is cancelled before its answer.
    const LEFT: Left = Left::ToRest;

    /// Whether it may be retried on another connection after the first one was lost: it changes nothing (idempotent).
    fn may_be_repeated(&self) -> bool {
        false
    }

    /// Asks this connection.
    fn of(self, connection: &mut OpenConnection) -> impl Future<Output = Result<Self::Answer, DbErr>> + Send;
}

/// All rows of a statement.
#[derive(Clone)]
pub(super) struct AllRows(pub BoundQuery);

/// The first row of a statement.
#[derive(Clone)]
pub(super) struct FirstRow(pub BoundQuery);

/// What a statement changes.
#[derive(Clone)]
pub(super) struct Execute(pub BoundQuery);

/// Statements without parameters, which are not prepared.
#[derive(Clone)]
pub(super) struct Unprepared(pub SqlStr);

/// The begin of a transaction. It may be retried: with one that has done nothing, nothing is lost.
#[derive(Clone)]
pub(super) struct Begin;

#[derive(Clone)]
pub(super) struct Commit;

#[derive(Clone)]
pub(super) struct Rollback;

impl Ask for AllRows {
    type Answer = Vec<QueryResult>;

    fn may_be_repeated(&self) -> bool {
        only_reads(self.0.sql.as_str())
    }

    async fn of(self, connection: &mut OpenConnection) -> Result<Vec<QueryResult>, DbErr> {
        connection.all(self.0).await
    }
}

impl Ask for FirstRow {
    type Answer = Option<QueryResult>;

    fn may_be_repeated(&self) -> bool {
        only_reads(self.0.sql.as_str())
    }

    async fn of(self, connection: &mut OpenConnection) -> Result<Option<QueryResult>, DbErr> {
        connection.first(self.0).await
    }
}

impl Ask for Execute {
    type Answer = ExecResult;

    fn may_be_repeated(&self) -> bool {
        only_reads(self.0.sql.as_str())
    }

    async fn of(self, connection: &mut OpenConnection) -> Result<ExecResult, DbErr> {
        connection.execute(self.0).await
    }
}

impl Ask for Unprepared {
    type Answer = ExecResult;

    fn may_be_repeated(&self) -> bool {
        only_reads(self.0.as_str())
    }

    async fn of(self, connection: &mut OpenConnection) -> Result<ExecResult, DbErr> {
        connection.execute_unprepared(self.0).await
    }
}

impl Ask for Begin {
    type Answer = ();
    // A `begin` that was dropped half-way may have happened, which its driver does not know (launchbadge/sqlx#4385).
    const LEFT: Left = Left::Closed;

    fn may_be_repeated(&self) -> bool {
        true
    }

    async fn of(self, connection: &mut OpenConnection) -> Result<(), DbErr> {
        connection.begin().await
    }
}

impl Ask for Commit {
    type Answer = ();
    const LEFT: Left = Left::Closed;

    async fn of(self, connection: &mut OpenConnection) -> Result<(), DbErr> {
        connection.commit().await
    }
}

impl Ask for Rollback {
    type Answer = ();
    const LEFT: Left = Left::Closed;

    async fn of(self, connection: &mut OpenConnection) -> Result<(), DbErr> {
        connection.rollback().await
    }
}

/// Whether it is certain that the statement changes nothing.
fn only_reads(sql: &str) -> bool {
    sql.trim_start().get(..6).is_some_and(|verb| verb.eq_ignore_ascii_case("select"))
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
