//! The one error type of services, finders and resolvers: what the client is told, and what only the log is told.

use std::{sync::Arc, time::Duration};

use async_graphql::ErrorExtensionValues;
use rust_decimal::Decimal;
use sea_orm::{DbErr, SqlErr};

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
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
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
            Code::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Code::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Code::Timeout => "TIMEOUT",
            Code::Unavailable => "UNAVAILABLE",
            Code::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// What is particular about a failure, for programs that can do something about it: `extensions.reason` of a GraphQL error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorReason {
    /// The cursor is from before the data were restored, copied or taken over: there is no going on after it.
    CursorExpired,
    /// Whoever asks has to prove anew who it is, by signing in.
    SignInAgain,
    /// The order would cost this much now, and not what the customer agreed to.
    PriceChanged { total: Decimal },
}

impl ErrorReason {
    /// The reason as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorReason::CursorExpired => "CURSOR_EXPIRED",
            ErrorReason::SignInAgain => "SIGN_IN_AGAIN",
            ErrorReason::PriceChanged { .. } => "PRICE_CHANGED",
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
    /// `None` where the code says all.
    pub reason: Option<ErrorReason>,
    source: Option<Arc<anyhow::Error>>,
    right_lost: bool,
}

/// Marks the error that ends a subscription because its viewer has lost the right to it, for the metrics that count ends. The client is told of
/// the end and not of the error: what it may not see any more does not exist for it.
#[derive(Clone, Copy, Debug)]
pub struct RightLost;

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error {
            code,
            message: message.into(),
            field: None,
            retry_after: None,
            reason: None,
            source: None,
            right_lost: false,
        }
    }

    /// A value that the client sent cannot be taken; `field` is its path in the input.
    pub fn bad_input(field: impl Into<String>, message: impl Into<String>) -> Self {
        Error::new(Code::BadUserInput, message).with_field(field)
    }

    /// The cursor `after` is from another life of the database (it was restored, say): what followed it there may never have happened here.
    pub fn cursor_expired() -> Self {
        let message =
            "This is too long ago, or the data were restored since: read them anew, and begin without `after`.";
        Error { reason: Some(ErrorReason::CursorExpired), ..Error::bad_input("after", message) }
    }

    /// A session that was opened long ago is not enough for this, and there is no password to ask for.
    pub fn sign_in_again() -> Self {
        let message = "Sign in with your provider again first, and then do this within ten minutes.";
        Error { reason: Some(ErrorReason::SignInAgain), ..Error::forbidden(message) }
    }

    /// The order costs `total` by now, which is not what the customer agreed to.
    pub fn price_changed(total: Decimal, currency: &str) -> Self {
        let message = format!("The order costs {total} {currency} by now. Show that, and ask again.");
        let error = Error::conflict(message).with_field("expectedTotalAmount");
        Error { reason: Some(ErrorReason::PriceChanged { total }), ..error }
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

    /// The request does not fit the present state of the data.
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

    /// Makes of a violated unique constraint a CONFLICT on the field whose column the constraint names, of (column, field, message); any
    /// other failure stays what it is.
    pub fn or_taken(failure: DbErr, columns: &[(&str, &str, &str)]) -> Self {
        let Some(SqlErr::UniqueConstraintViolation(constraint)) = failure.sql_err() else {
            return failure.into();
        };
        match columns.iter().find(|(column, _, _)| constraint.contains(column)) {
            Some((_, field, message)) => Error::conflict(*message).with_field(*field),
            None => failure.into(),
        }
    }

    /// Keeps the cause, for the log alone.
    pub fn caused_by(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(Arc::new(source.into()));
        self
    }

    /// The code and the cause, for the log alone.
    pub fn for_log(&self) -> String {
        match &self.source {
            Some(source) => format!("{}: {source:#}", self.code.as_str()),
            None => format!("{}: {}", self.code.as_str(), self.message),
        }
    }

    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<Error> for async_graphql::Error {
    /// The one place where an error reaches the client: it gets its code, and is logged where the fault is the server's.
    fn from(error: Error) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.as_str());
        if let Some(field) = &error.field {
            extensions.set("field", field.as_str());
        }
        if let Some(reason) = error.reason {
            extensions.set("reason", reason.as_str());
            if let ErrorReason::PriceChanged { total } = reason {
                extensions.set("totalAmount", total.to_string());
            }
        }
        if let Some(seconds) = error.retry_after {
            extensions.set("retryAfter", seconds);
        }
        // Other causes are the client's own, and of interest only to the server's own tasks.
        if let Some(source) = &error.source
            && matches!(error.code, Code::Unavailable | Code::InternalServerError)
        {
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
