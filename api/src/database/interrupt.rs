//! Cancels statements that nobody waits for any more: those of an operation that timed out, or whose client has gone.
//!
//! Dropping a statement's future ends the waiting and not the statement: the database works on. So the statement is ended as well, on each
//! database in the way that it has for that:
//!
//! - PostgreSQL looks now and then whether the client of a running statement is still there (`client_connection_check_interval`), and
//!   ends it otherwise. A connection that was left in the middle of a statement, and does not come to rest soon, is closed.
//! - SQLite asks now and then, while it runs a statement, whether it shall go on (its progress handler). Each connection has a flag that
//!   says so.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::sqlx::{Result, SqliteConnection};

/// How often PostgreSQL looks whether the client is still there.
pub(super) const CLIENT_CHECK: &str = "1s";
/// Instructions of SQLite's virtual machine between two looks at the flag: some hundred microseconds.
const INSTRUCTIONS: i32 = 20_000;

/// Lets the connection interrupt its running statement as soon as the flag is set.
pub(super) async fn listen(connection: &mut SqliteConnection) -> Result<Arc<AtomicBool>> {
    let stop = Arc::<AtomicBool>::default();
    let is_set = stop.clone();
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(INSTRUCTIONS, move || !is_set.load(Ordering::Relaxed));
    Ok(stop)
}
