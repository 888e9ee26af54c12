//! Connection leases: an operation holds at most one connection, takes it with its first statement, and gives it back as soon as it waits
//! for anything but the database. So operations cannot deadlock on the pool.
//!
//! The statements of an operation follow each other on its connection. Where a poll of the operation ends with no statement in flight, it
//! waits for something else: a password's hash, a provider, another operation, its client. Then the connection goes back by itself, so
//! nobody has to think of it; giving back and taking again cost no round trip.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use futures_util::{Stream, StreamExt, stream};
use sea_orm::DbErr;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::connection_pool::TakenConnection;

tokio::task_local! {
    static PRESENT: Arc<Lease>;
}

/// The connection of one operation.
#[derive(Default)]
pub(super) struct Lease {
    /// Locked while a statement is in flight, and through a transaction.
    place: Arc<Mutex<Option<TakenConnection>>>,
    is_in_transaction: AtomicBool,
}

/// The locked place of an operation's connection, which may be empty.
pub(super) type ConnectionSlot = OwnedMutexGuard<Option<TakenConnection>>;

/// Runs the work as one operation: with one connection at a time. When it is dropped before its end, its statements end too.
///
/// Work within other such work takes over its connection.
pub fn on_one_connection<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let lease = Lease::handed_on();
    // Boxed, for a future that holds another takes the room of both, and operations are deep.
    let mut work = Box::pin(work);
    poll_fn(move |context| lease.poll(|| work.as_mut().poll(context)))
}

/// The items of the stream, each with one connection at a time. When it is dropped, the statements that make the next item end too.
pub fn each_on_one_connection<S: Stream + Unpin>(mut items: S) -> impl Stream<Item = S::Item> {
    let lease = Lease::handed_on();
    stream::poll_fn(move |context| lease.poll(|| items.poll_next_unpin(context)))
}

impl Lease {
    /// The lease of the operation that runs here (task-local); a new one where none runs.
    pub fn present() -> Arc<Self> {
        PRESENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// A new lease, which takes over the connection of the operation that runs here.
    fn handed_on() -> Arc<Self> {
        let taken = PRESENT.try_with(|present| present.place.try_lock().ok()?.take()).ok().flatten();
        Arc::new(Lease { place: Arc::new(Mutex::new(taken)), is_in_transaction: AtomicBool::new(false) })
    }

    fn poll<T>(self: &Arc<Self>, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let polled = PRESENT.sync_scope(self.clone(), poll);
        // No statement is in flight where the place is not locked: the connection goes back.
        if let Ok(mut place) = self.place.try_lock() {
            drop(place.take());
        }
        polled
    }

    /// The place, as soon as no other statement of the operation is in flight.
    ///
    /// # Errors
    /// A transaction of the same operation has the connection. A statement beside it would deadlock: on the transaction's end, or on a
    /// second connection of a pool that others have used up in the same way. Give it the transaction.
    pub fn place_for_one(&self) -> Result<impl Future<Output = ConnectionSlot> + use<>, DbErr> {
        if self.is_in_transaction.load(Ordering::Relaxed) {
            return Err(DbErr::Custom("a statement beside the transaction of its own operation".to_owned()));
        }
        Ok(self.place.clone().lock_owned())
    }

    pub fn set_in_transaction(&self, is_in_transaction: bool) {
        self.is_in_transaction.store(is_in_transaction, Ordering::Relaxed);
    }
}
