//! Maps database errors to the API's error codes: every SQLSTATE of PostgreSQL and every result code of SQLite has its meaning here, on
//! purpose. Services check first and say it better; this is the safety net for what only the database can see, such as the loser of a race
//! for a unique key.

use sea_orm::{
    DbErr, RuntimeErr, SqlxError, sea_query,
    sqlx::{
        error::DatabaseError,
        postgres::{PgDatabaseError, PgSeverity},
    },
};

use crate::domain::error::{Code, Error};

/// What a failure means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// A unique key: what may be there once is there already.
    Taken,
    /// A foreign key: it refers to a row that is gone, or is still referred to.
    Bound,
    /// A value that cannot be stored.
    OutOfRange,
    /// It took too long, and the database stopped it.
    TooSlow,
    /// The database cannot do it now: it is away, busy, or has no room. The same request may succeed later.
    Away,
    /// A defect of ours, or of the database's own files: somebody has to look, and trying again does not help.
    Defect,
}

/// A statement of ours that does not have as many values as columns.
impl From<sea_query::error::Error> for Error {
    fn from(defect: sea_query::error::Error) -> Self {
        Error::internal(defect)
    }
}

impl From<DbErr> for Error {
    fn from(failure: DbErr) -> Self {
        let error = match meaning(&failure) {
            Meaning::Taken => Error::conflict("This already exists."),
            Meaning::Bound => Error::conflict("Something this refers to is gone, or is still referred to."),
            Meaning::OutOfRange => Error::new(Code::BadUserInput, "A value is out of the range that can be stored."),
            Meaning::TooSlow => Error::new(Code::Timeout, "This took too long and was stopped."),
            Meaning::Away => return Error::unavailable(failure),
            Meaning::Defect => return Error::internal(failure),
        };
        error.caused_by(failure)
    }
}

fn meaning(failure: &DbErr) -> Meaning {
    match failure {
        // No connection was to be had, for whatever reason.
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Meaning::Away,
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            SqlxError::Database(error) => of_database(&**error),
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => Meaning::Away,
            // What is left is about the statement, its values or its rows.
            _ => Meaning::Defect,
        },
        _ => Meaning::Defect,
    }
}

fn of_database(error: &dyn DatabaseError) -> Meaning {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        return of_postgres(&code);
    }
    code.parse().map_or(Meaning::Defect, |code| of_sqlite(code, error.message()))
}

/// By <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_postgres(code: &str) -> Meaning {
    match code {
        "23505" | "23P01" => Meaning::Taken,
        // From PostgreSQL 18 on, a key that is ON DELETE RESTRICT has a code of its own.
        "23503" | "23001" => Meaning::Bound,
        // Null, a check; text too long, a number or a time out of range, and what is no text there.
        "23502" | "23514" | "22001" | "22003" | "22008" | "22021" | "22P05" => Meaning::OutOfRange,
        // statement_timeout, or an operator's pg_cancel_backend; transaction_timeout.
        "57014" | "25P04" => Meaning::TooSlow,
        // Read-only after a failover; a transaction that stood still; lock_timeout; what others use; a snapshot too old.
        "25006" | "25P03" | "55P03" | "55006" | "72000" => Meaning::Away,
        // The rest of classes of which each member says that it is not the statement's fault: connections (a pooler's words above all:
        // PgBouncer says everything with 08P01), what has to be tried again, resources (a full disk, memory), operators, the system.
        _ if ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Meaning::Away,
        // Our SQL is wrong, a right is missing, a prepared statement is gone, or data is corrupted (XX001, XX002).
        _ => Meaning::Defect,
    }
}

/// By <https://www.sqlite.org/rescode.html>. The last eight bits of an extended code are the code that it extends.
fn of_sqlite(code: u32, message: &str) -> Meaning {
    match code {
        // CONSTRAINT_PRIMARYKEY, _UNIQUE and _ROWID.
        1555 | 2067 | 2579 => Meaning::Taken,
        // CONSTRAINT_FOREIGNKEY. A key that is ON DELETE RESTRICT is guarded by a trigger of SQLite's own.
        787 => Meaning::Bound,
        1811 if message.contains("FOREIGN KEY") => Meaning::Bound,
        // CONSTRAINT_CHECK, _NOTNULL and _TRIGGER (a check added later).
        275 | 1299 | 1811 => Meaning::OutOfRange,
        // INTERRUPT: whoever asked has gone, or its time was up.
        9 => Meaning::TooSlow,
        _ => match code & 0xff {
            // BUSY, LOCKED, PROTOCOL and SCHEMA: what others do at this moment.
            5 | 6 | 15 | 17 => Meaning::Away,
            // PERM, NOMEM, READONLY, IOERR, FULL, CANTOPEN and NOLFS: what the machine does not give at this moment.
            3 | 7 | 8 | 10 | 13 | 14 | 22 => Meaning::Away,
            // ERROR, INTERNAL, ABORT, CORRUPT, NOTFOUND, TOOBIG, other CONSTRAINTs, MISMATCH, MISUSE, AUTH, RANGE and NOTADB.
            _ => Meaning::Defect,
        },
    }
}

/// Whether the failure is that of a dead connection, which was open before. Its statement may have run all the same, so only a read may be
/// retried.
pub(super) fn is_of_lost_connection(failure: &DbErr) -> bool {
    match failure {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => is_lost(error),
        _ => false,
    }
}

/// Whether it is worth retrying to connect after this refusal: the database may let us in in a moment, as one that restarts does.
pub(super) fn may_be_let_in_later(error: &SqlxError) -> bool {
    match error {
        SqlxError::Io(_) => true,
        // It has too many connections, or is starting up or shutting down.
        SqlxError::Database(error) => matches!(error.code().as_deref(), Some("53300" | "57P03")),
        _ => false,
    }
}

/// Whether the error means that an open connection is dead.
pub(super) fn is_lost(error: &SqlxError) -> bool {
    match error {
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::WorkerCrashed => true,
        // What is FATAL ends the session. A pooler says so of one client and for reasons of its own: that others waited too long
        // before, say, which is as true of the next one.
        SqlxError::Database(error) => error.try_downcast_ref::<PgDatabaseError>().is_some_and(|error| {
            matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic) && error.code() != "08P01"
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_does_not_give_is_no_defect_of_ours() {
        // SQLITE_FULL; IOERR_READ, _WRITE, _FSYNC, _SHMSIZE, _NOMEM; NOMEM; CANTOPEN and CANTOPEN_ISDIR; READONLY and READONLY_DBMOVED.
        for code in [13, 266, 778, 1034, 4874, 3082, 7, 14, 526, 8, 1032, 3, 22] {
            assert_eq!(of_sqlite(code, ""), Meaning::Away, "{code}");
        }
        // BUSY, BUSY_RECOVERY, BUSY_SNAPSHOT, BUSY_TIMEOUT; LOCKED, LOCKED_SHAREDCACHE; PROTOCOL; SCHEMA.
        for code in [5, 261, 517, 773, 6, 262, 15, 17] {
            assert_eq!(of_sqlite(code, ""), Meaning::Away, "{code}");
        }
        // ERROR, INTERNAL, ABORT_ROLLBACK, CORRUPT, CORRUPT_INDEX, TOOBIG, CONSTRAINT, _DATATYPE, MISMATCH, MISUSE, RANGE, NOTADB.
        for code in [1, 2, 516, 11, 779, 18, 19, 3091, 20, 21, 25, 26] {
            assert_eq!(of_sqlite(code, ""), Meaning::Defect, "{code}");
        }
        assert_eq!(of_sqlite(9, "interrupted"), Meaning::TooSlow);
        assert_eq!(of_sqlite(1811, "CHECK constraint failed: rating"), Meaning::OutOfRange);
        assert_eq!(of_sqlite(1811, "FOREIGN KEY constraint failed"), Meaning::Bound);
    }

    #[test]
    fn each_class_of_sqlstates_is_decided() {
        let decided = [
            (Meaning::Taken, "23505 23P01"),
            (Meaning::Bound, "23503 23001"),
            (Meaning::OutOfRange, "23502 23514 22001 22003 22008 22021 22P05"),
            (Meaning::TooSlow, "57014 25P04"),
            (
                Meaning::Away,
                "08000 08003 08006 08001 08004 08007 08P01 40000 40001 40003 40P01 53000 53100 53200 53300 53400",
            ),
            (
                Meaning::Away,
                "55006 55P03 57000 57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 58P02 25006 25P03 72000",
            ),
            (
                Meaning::Defect,
                "0A000 22012 22023 22P02 23000 25001 25P01 25P02 26000 28000 42501 42601 42P01 42P05 44000",
            ),
            (Meaning::Defect, "54000 55000 55P02 P0001 XX000 XX001 XX002 F0000"),
        ];
        for (meaning, codes) in decided {
            for code in codes.split(' ') {
                assert_eq!(of_postgres(code), meaning, "{code}");
            }
        }
    }
}
