//! Statements that nobody waits for any more: those of an operation whose time is up or whose client has gone.
//!
//! Dropping a statement's future ends the waiting and not the statement: the database works on, and the pool takes the connection back
//! only when it has finished. So the statement is ended as well, on each database in the way that it has for that:
//!
//! - PostgreSQL looks now and then whether the client of a running statement is still there (`client_connection_check_interval`), and
//!   ends it otherwise. A connection that comes back to the pool in the middle of a statement is closed (see [`rest`](super::rest)).
//! - SQLite asks now and then, while it runs a statement, whether it shall go on. Each connection is told by whom it is used.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{Stream, StreamExt, stream};
use sea_orm::sqlx::{self, SqliteConnection};

/// How often PostgreSQL looks whether the client is still there.
pub(super) const CLIENT_CHECK: &str = "1s";
/// Instructions of SQLite's machine between two questions: some hundred microseconds.
const INSTRUCTIONS: i32 = 20_000;

tokio::task_local! {
    static USER: Arc<AtomicBool>;
}

/// Tells whether what uses a connection has been dropped before its end.
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the work. When it is dropped before its end, its statements end too.
pub async fn with_its_statements<T>(work: impl Future<Output = T>) -> T {
    let user = Abandoned(Arc::default());
    let mut work = pin!(work);
    std::future::poll_fn(|context| USER.sync_scope(user.0.clone(), || work.as_mut().poll(context))).await
}

/// The items of the stream. When it is dropped, the statements that make the next item end too.
pub fn with_their_statements<S: Stream + Unpin>(mut items: S) -> impl Stream<Item = S::Item> {
    let user = Abandoned(Arc::default());
    stream::poll_fn(move |context| USER.sync_scope(user.0.clone(), || items.poll_next_unpin(context)))
}

/// The same work as a part of what runs here, for a task of its own.
pub(super) fn as_here<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let user = USER.try_with(Clone::clone).ok();
    async move {
        match user {
            Some(user) => USER.scope(user, work).await,
            None => work.await,
        }
    }
}

/// Lets a connection to SQLite know by whom it is used from now on: it runs in the task that asked for the connection.
pub(super) async fn tell_user(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let user = USER.try_with(Clone::clone).ok();
    let mut handle = connection.lock_handle().await?;
    match user {
        Some(user) => handle.set_progress_handler(INSTRUCTIONS, move || !user.load(Ordering::Relaxed)),
        None => handle.remove_progress_handler(),
    }
    Ok(())
}
