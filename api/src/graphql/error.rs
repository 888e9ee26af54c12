//! The one error type of services, loaders and resolvers: what the client is told, and what only the log is told.

use std::{sync::Arc, time::Duration};

use async_graphql::ErrorExtensionValues;
use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// What went wrong, for programs: `extensions.code` of a GraphQL error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    GraphqlParseFailed,
    GraphqlValidationFailed,
    BadUserInput,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    RateLimited,
    QueryTooComplex,
    Timeout,
    Unavailable,
    InternalServerError,
}

impl Code {
    /// The code as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Code::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Code::BadUserInput => "BAD_USER_INPUT",
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Forbidden => "FORBIDDEN",
            Code::NotFound => "NOT_FOUND",
            Code::Conflict => "CONFLICT",
            Code::RateLimited => "RATE_LIMITED",
            Code::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Code::Timeout => "TIMEOUT",
            Code::Unavailable => "UNAVAILABLE",
            Code::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// A failure with two audiences. `message` is for the client; `source` is for the log. There is deliberately no `Display`:
/// nothing can print the inside to the client by accident.
#[derive(Clone, Debug)]
pub struct Error {
    pub code: Code,
    /// A sentence that a person can act on.
    pub message: String,
    /// The path of the input field to blame, such as `items.1.quantity`; `None` where no single field is.
    pub field: Option<String>,
    /// Whole seconds after which it is worth trying again; `None` where that is not known.
    pub retry_after: Option<u64>,
    source: Option<Arc<anyhow::Error>>,
    right_lost: bool,
}

/// Marks the error that ends a subscription because its viewer has lost the right to it, for whoever counts ends. The client is told of
/// the end and not of the error: what it may not see any more does not exist for it.
#[derive(Clone, Copy, Debug)]
pub struct RightLost;

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error { code, message: message.into(), field: None, retry_after: None, source: None, right_lost: false }
    }

    /// A value that the client sent cannot be taken; `field` is its path in the input.
    pub fn bad_input(field: impl Into<String>, message: impl Into<String>) -> Self {
        Error::new(Code::BadUserInput, message).with_field(field)
    }

    /// Nothing is there, or nothing that the viewer may know of: the two must read the same.
    pub fn not_found(what: &str) -> Self {
        Error::new(Code::NotFound, format!("There is no such {what}."))
    }

    /// What the viewer followed is out of its sight from now on: see [`RightLost`].
    pub fn right_lost() -> Self {
        Error { right_lost: true, ..Error::not_found("thing any more") }
    }

    /// The viewer sees the thing, but may not do this with it.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Error::new(Code::Forbidden, message)
    }

    pub fn unauthenticated() -> Self {
        Error::new(Code::Unauthenticated, "Sign in first.")
    }

    /// What is asked for does not fit the present state of things.
    pub fn conflict(message: impl Into<String>) -> Self {
        Error::new(Code::Conflict, message)
    }

    /// It was done too often or cost too much; `rest` is the time until it can be done again.
    pub fn rate_limited(rest: Duration) -> Self {
        let seconds = (rest.as_millis().div_ceil(1000) as u64).max(1);
        let plural = if seconds == 1 { "" } else { "s" };
        let mut error =
            Error::new(Code::RateLimited, format!("Too much of this. Try again in {seconds} second{plural}."));
        error.retry_after = Some(seconds);
        error
    }

    /// A part that the server depends on is away; trying again may help.
    pub fn unavailable(source: impl Into<anyhow::Error>) -> Self {
        let mut error =
            Error::new(Code::Unavailable, "A part of the service is away for the moment. Try again shortly.");
        error.source = Some(Arc::new(source.into()));
        error
    }

    /// A defect of ours. The client learns an id that finds the log line, and nothing else.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        let mut error = Error::new(Code::InternalServerError, "Something went wrong on our side.");
        error.source = Some(Arc::new(source.into()));
        error
    }

    /// What the database refused as taken already: CONFLICT on the field whose column the unique constraint names, of
    /// (column, field, message); any other failure as it is.
    pub fn or_taken(failure: DbErr, columns: &[(&str, &str, &str)]) -> Self {
        let Some(SqlErr::UniqueConstraintViolation(constraint)) = failure.sql_err() else {
            return failure.into();
        };
        match columns.iter().find(|(column, _, _)| constraint.contains(column)) {
            Some((_, field, message)) => Error::conflict(*message).with_field(*field),
            None => failure.into(),
        }
    }

    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<DbErr> for Error {
    /// What the database refuses or cannot do, as the right code. Services check first and say it better; this is the net
    /// under them for what only the database can see, such as the loser of a race.
    fn from(failure: DbErr) -> Self {
        match failure.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => return Error::conflict("This already exists."),
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                return Error::conflict("Something this refers to is gone, or is still referred to.");
            }
            Some(_) | None => {}
        }
        let code = database_code(&failure);
        match code.as_deref() {
            // PostgreSQL's check and not-null violations, values out of range, too long or not storable as text.
            Some("23514" | "23502" | "22003" | "22001" | "22021" | "22P05") => {
                Error::new(Code::BadUserInput, "A value is out of the range that can be stored.")
            }
            // SQLite's SQLITE_CONSTRAINT_CHECK, _NOTNULL and _TRIGGER (a check added later).
            Some("275" | "1299" | "1811") => {
                Error::new(Code::BadUserInput, "A value is out of the range that can be stored.")
            }
            // statement_timeout
            Some("57014") => Error::new(Code::Timeout, "This took too long and was stopped."),
            // Serialisation failure, deadlock, lock_timeout; SQLITE_BUSY and its kin: the same request may well succeed now.
            Some("40001" | "40P01" | "55P03" | "5" | "261" | "517" | "6") => Error::unavailable(failure),
            // PostgreSQL shutting down, starting up, out of connections, read-only after a failover; a session that it ended.
            Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25006" | "53300" | "08006" | "08003") => {
                Error::unavailable(failure)
            }
            Some(_) => Error::internal(failure),
            None if is_connection_failure(&failure) => Error::unavailable(failure),
            None => Error::internal(failure),
        }
    }
}

fn runtime_error(failure: &DbErr) -> Option<&sea_orm::SqlxError> {
    match failure {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn database_code(failure: &DbErr) -> Option<String> {
    match runtime_error(failure)? {
        sea_orm::SqlxError::Database(error) => error.code().map(|code| code.into_owned()),
        _ => None,
    }
}

fn is_connection_failure(failure: &DbErr) -> bool {
    if matches!(failure, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return true;
    }
    matches!(
        runtime_error(failure),
        Some(
            sea_orm::SqlxError::Io(_)
                | sea_orm::SqlxError::PoolTimedOut
                | sea_orm::SqlxError::PoolClosed
                | sea_orm::SqlxError::WorkerCrashed
                | sea_orm::SqlxError::Tls(_)
        )
    )
}

impl From<Error> for async_graphql::Error {
    /// The one place where an error leaves the inside: it is coded, and logged where it is ours.
    fn from(error: Error) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.as_str());
        if let Some(field) = &error.field {
            extensions.set("field", field.as_str());
        }
        if let Some(seconds) = error.retry_after {
            extensions.set("retryAfter", seconds);
        }
        if let Some(source) = &error.source {
            let id = format!("{:016x}", rand::random::<u64>());
            match error.code {
                Code::Unavailable => tracing::warn!(error.id = id, error = format!("{source:#}"), "unavailable"),
                _ => tracing::error!(error.id = id, error = format!("{source:#}"), "internal error"),
            }
            extensions.set("id", id);
        }
        let source = error.right_lost.then(|| Arc::new(RightLost) as _);
        async_graphql::Error { message: error.message, source, extensions: Some(extensions) }
    }
}
