//! Why a database cannot be used, in one sentence, for the person who configured it. Never with the password.

use std::path::Path;

use sea_orm::{DbErr, RuntimeErr, SqlxError, sqlx::postgres::PgConnectOptions};

/// An address that cannot be understood, and the variable that holds it.
pub(super) fn address(variable: &str, error: &SqlxError) -> anyhow::Error {
    match error {
        SqlxError::Configuration(cause) => anyhow::anyhow!("{variable} cannot be used: {cause}"),
        other => anyhow::anyhow!("{variable} cannot be used: {other}"),
    }
}

/// A PostgreSQL that does not let us in.
pub(super) fn postgres(variable: &str, options: &PgConnectOptions, error: &SqlxError) -> anyhow::Error {
    let server = server(options);
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    match error {
        SqlxError::Io(cause) if cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            anyhow::anyhow!(
                "cannot make a secure connection to {server}: {cause}; private authorities are named by tls.authorities \
                 (TIFFIN_TLS_AUTHORITIES)"
            )
        }
        SqlxError::Io(cause) => {
            anyhow::anyhow!("cannot reach {server}: {cause}; is it running, and is {variable} right?")
        }
        SqlxError::Tls(cause) => {
            anyhow::anyhow!("cannot make a secure connection to {server}: {cause}")
        }
        SqlxError::Database(cause) => match cause.code().as_deref() {
            Some("28P01") => anyhow::anyhow!("{server} refuses the password of user {user:?}"),
            Some("28000") => anyhow::anyhow!("{server} refuses user {user:?}: {}", cause.message()),
            Some("3D000") => {
                anyhow::anyhow!("{server} has no database {database:?}; create it first (createdb {database})")
            }
            _ => anyhow::anyhow!("{server} refuses the connection: {}", cause.message()),
        },
        other => anyhow::anyhow!("cannot connect to {server}: {other}"),
    }
}

/// A PostgreSQL that does not answer at all.
pub(super) fn postgres_silent(options: &PgConnectOptions, seconds: u64) -> anyhow::Error {
    anyhow::anyhow!("cannot reach {}: no answer within {seconds} s", server(options))
}

fn server(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => format!("PostgreSQL at {}", socket.display()),
        None => format!("PostgreSQL at {}:{}", options.get_host(), options.get_port()),
    }
}

/// A file that SQLite cannot use.
pub(super) fn sqlite(file: &Path, error: &DbErr) -> anyhow::Error {
    let file = file.display();
    let cause = match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => cause,
        other => return anyhow::anyhow!("cannot use the SQLite database {file}: {other}"),
    };
    match cause.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("14") => {
            anyhow::anyhow!("cannot open the SQLite database {file}: does its folder exist, and may we write there?")
        }
        Some("26") => anyhow::anyhow!("the file {file} is not a SQLite database"),
        Some("8") => anyhow::anyhow!("the SQLite database {file} is read-only"),
        Some("5") => anyhow::anyhow!("the SQLite database {file} is locked by another process"),
        _ => anyhow::anyhow!("cannot use the SQLite database {file}: {cause}"),
    }
}
