//! The connection that an operation holds while it needs the database: one at a time, taken when it first asks for something and given back
//! as soon as it waits for anything else.
//!
//! The statements of an operation follow each other on it. An operation that is polled, and then waits while nothing is asked of its
//! connection, waits for something else: a password's hash, a provider, another operation, its client. So it never holds a connection
//! across that, and nobody has to think of it: giving back and taking again send nothing.

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

use super::connections::TakenConnection;

tokio::task_local! {
    static PRESENT: Arc<Lease>;
}

/// The connection of one operation.
#[derive(Default)]
pub(super) struct Lease {
    /// Locked while something is asked of it, and through a transaction.
    place: Arc<Mutex<Option<TakenConnection>>>,
    is_in_transaction: AtomicBool,
}

/// The place of an operation's connection, which may be empty.
pub(super) type ConnectionSlot = OwnedMutexGuard<Option<TakenConnection>>;

/// Runs the work as one operation: with one connection at a time. When it is dropped before its end, its statements end too.
///
/// Work within other such work goes on with the connection of that.
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
    /// That of the operation that runs here; one for nothing else where none runs.
    pub fn present() -> Arc<Self> {
        PRESENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// A new one, with the connection of the operation that runs here.
    fn handed_on() -> Arc<Self> {
        let taken = PRESENT.try_with(|present| present.place.try_lock().ok()?.take()).ok().flatten();
        Arc::new(Lease { place: Arc::new(Mutex::new(taken)), is_in_transaction: AtomicBool::new(false) })
    }

    fn poll<T>(self: &Arc<Self>, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let polled = PRESENT.sync_scope(self.clone(), poll);
        // Nothing is asked of it where its place is not locked.
        if let Ok(mut place) = self.place.try_lock() {
            drop(place.take());
        }
        polled
    }

    /// The place, when nothing else is asked of its connection.
    ///
    /// # Errors
    /// A transaction of the same operation has the connection. What is asked for beside it would wait for its end, which may never come
    /// then, or for another connection, for which others wait as well: give it the transaction.
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
