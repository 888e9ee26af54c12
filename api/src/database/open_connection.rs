//! One open connection to either database: running statements on it, and resetting it before it goes back to the pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use sea_orm::{
    DatabaseConnection, DbErr, ExecResult, QueryResult, RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector,
    Statement,
    sea_query::Values,
    sqlx::{
        AssertSqlSafe, ConnectOptions, Connection as _, Executor, Postgres, Result, SqlSafeStr, SqlStr, Sqlite,
        SqliteConnection,
        postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
        query_with,
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    },
};
use sea_query_sqlx::SqlxValues;
use sqlx_core::{database::Database, transaction::TransactionManager};

use super::interrupt;

/// Connections of SeaORM's own at most: migrations and bulk loads use one or two.
const FOR_SEA_ORM: u32 = 4;

/// Where connections lead, with the session settings that each sends as it starts.
pub(super) enum DatabaseAddress {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

/// An open connection.
pub(super) struct OpenConnection {
    session: DatabaseSession,
    /// When it was made.
    pub made: Instant,
    /// When it answered last.
    pub answered: Instant,
}

enum DatabaseSession {
    Postgres(PgConnection),
    /// With the flag that interrupts its running statement.
    Sqlite(SqliteConnection, Arc<AtomicBool>),
}

impl DatabaseAddress {
    pub async fn connect(&self) -> Result<OpenConnection> {
        let session = match self {
            DatabaseAddress::Postgres(options) => DatabaseSession::Postgres(options.connect().await?),
            DatabaseAddress::Sqlite(options) => {
                let mut connection = options.connect().await?;
                let stop = interrupt::listen(&mut connection).await?;
                DatabaseSession::Sqlite(connection, stop)
            }
        };
        let now = Instant::now();
        Ok(OpenConnection { session, made: now, answered: now })
    }

    /// A pool of SeaORM's own, which connects when it is first used, and needs no background task.
    pub fn for_sea_orm(&self) -> DatabaseConnection {
        match self {
            DatabaseAddress::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(FOR_SEA_ORM).idle_timeout(None).max_lifetime(None);
                SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with((**options).clone()))
            }
            DatabaseAddress::Sqlite(options) => {
                let pool = SqlitePoolOptions::new().max_connections(FOR_SEA_ORM).idle_timeout(None).max_lifetime(None);
                SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with((**options).clone()))
            }
        }
    }
}

/// SQL with its bound values. Each connection keeps one prepared statement for each text.
#[derive(Clone)]
pub(super) struct BoundQuery {
    pub sql: SqlStr,
    values: Values,
}

impl From<Statement> for BoundQuery {
    fn from(statement: Statement) -> Self {
        // Shared, so that the clone for a retry copies no text.
        let sql = Arc::<str>::from(statement.sql);
        let values = statement.values.unwrap_or_else(|| Values(Vec::new()));
        BoundQuery { sql: AssertSqlSafe(sql).into_sql_str(), values }
    }
}

/// Runs the same on whichever database the connection is to.
macro_rules! on_either {
    ($connection:expr, $session:ident => $run:expr) => {
        match &mut $connection.session {
            DatabaseSession::Postgres($session) => $run,
            DatabaseSession::Sqlite($session, _) => $run,
        }
    };
}

impl OpenConnection {
    /// All rows.
    pub async fn all(&mut self, query: BoundQuery) -> Result<Vec<QueryResult>, DbErr> {
        let BoundQuery { sql, values } = query;
        let query = SqlxValues(values);
        on_either!(self, session => {
            let rows = query_with(sql, query).fetch_all(session).await.map_err(of_query)?;
            Ok(rows.into_iter().map(QueryResult::from).collect())
        })
    }

    /// The first row.
    pub async fn first(&mut self, query: BoundQuery) -> Result<Option<QueryResult>, DbErr> {
        let BoundQuery { sql, values } = query;
        let values = SqlxValues(values);
        let row = on_either!(self, session => {
            query_with(sql, values).fetch_optional(session).await.map(|row| row.map(QueryResult::from))
        });
        row.map_err(of_query)
    }

    /// Runs a statement, and gives how many rows it has changed.
    pub async fn execute(&mut self, query: BoundQuery) -> Result<ExecResult, DbErr> {
        let BoundQuery { sql, values } = query;
        let values = SqlxValues(values);
        let done = on_either!(self, session => query_with(sql, values).execute(session).await.map(ExecResult::from));
        done.map_err(of_execution)
    }

    /// Runs statements that are not prepared and have no values.
    pub async fn execute_unprepared(&mut self, sql: SqlStr) -> Result<ExecResult, DbErr> {
        let done = on_either!(self, session => session.execute(sql).await.map(ExecResult::from));
        done.map_err(of_execution)
    }

    /// Begins a transaction: READ COMMITTED on PostgreSQL; on SQLite one that may write from its first statement on.
    pub async fn begin(&mut self) -> Result<(), DbErr> {
        let begun = match &mut self.session {
            DatabaseSession::Postgres(session) => Manager::<Postgres>::begin(session, None).await,
            DatabaseSession::Sqlite(session, _) => {
                let immediate = SqlStr::from_static("BEGIN IMMEDIATE");
                Manager::<Sqlite>::begin(session, Some(immediate)).await
            }
        };
        begun.map_err(of_query)
    }

    pub async fn commit(&mut self) -> Result<(), DbErr> {
        let committed = match &mut self.session {
            DatabaseSession::Postgres(session) => Manager::<Postgres>::commit(session).await,
            DatabaseSession::Sqlite(session, _) => Manager::<Sqlite>::commit(session).await,
        };
        committed.map_err(of_query)
    }

    pub async fn rollback(&mut self) -> Result<(), DbErr> {
        let taken_back = match &mut self.session {
            DatabaseSession::Postgres(session) => Manager::<Postgres>::rollback(session).await,
            DatabaseSession::Sqlite(session, _) => Manager::<Sqlite>::rollback(session).await,
        };
        taken_back.map_err(of_query)
    }

    /// Whether the database still answers on it.
    pub async fn ping(&mut self) -> Result<()> {
        on_either!(self, session => session.ping().await)
    }

    /// Resets it for its next user: reads the rest of an answer that nobody waits for, and rolls back a transaction that was left open.
    pub async fn rest(&mut self) -> Result<()> {
        match &mut self.session {
            DatabaseSession::Postgres(session) => {
                session.flush().await?;
                Manager::<Postgres>::rollback(session).await
            }
            DatabaseSession::Sqlite(session, _) => Manager::<Sqlite>::rollback(session).await,
        }
    }

    /// Interrupts its running statement, and gives whether it can (SQLite). Then it has to be closed.
    pub fn stop(&mut self) -> bool {
        match &self.session {
            DatabaseSession::Postgres(_) => false,
            DatabaseSession::Sqlite(_, stop) => {
                stop.store(true, Ordering::Relaxed);
                true
            }
        }
    }

    /// Closes it gracefully, which on SQLite waits for the running statement.
    pub async fn close(self) -> Result<()> {
        match self.session {
            DatabaseSession::Postgres(session) => session.close().await,
            DatabaseSession::Sqlite(session, _) => session.close().await,
        }
    }
}

type Manager<D> = <D as Database>::TransactionManager;

fn of_query(error: sea_orm::SqlxError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn of_execution(error: sea_orm::SqlxError) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}
