//! Durable jobs: what is done later, at least once, by any process on the database, on PostgreSQL and on SQLite.
//!
//! A job is a row of `jobs`, written in the transaction of what it belongs to ([`Jobs::enqueue_in_tx`], or [`NewJob::insert`] as a link of a
//! chain): both are there, or neither is. From when it is due a [`Worker`] claims it with a lease, runs the handler of its kind, and deletes it.
//! A lease is renewed as long as the handler runs; one that has expired, because the process was killed, is claimed again. A job that fails is
//! tried again after pauses that grow, and is a dead letter after so many attempts, which an operator looks at, runs again or discards
//! ([`operators`]).
//!
//! A handler runs at least once, and so may run twice: what it does has to be idempotent, or may happen twice. Jobs of one kind run in any
//! order and side by side, but for those in a lane, of which each waits for the one before it.

mod enqueue;
mod handlers;
pub mod operators;
mod table;
#[cfg(test)]
mod tests;
mod worker;

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Notify;

pub use enqueue::{NewJob, OnDuplicate, forget_in_tx, take_back_in_tx};
pub use handlers::{Claimed, Failure, Handlers, Outcome};
pub use worker::{FINISHED, WAITING_DEAD, WAITING_SECONDS, Worker};

/// A kind of job, by what is kept of one until it runs. The payload is read by whoever may read the database, so it holds no secret; what is
/// personal in it goes with the account of [`NewJob::of_user`].
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Its name in the database, in metrics and for operators: at most 40 lowercase letters and underscores. It never changes, for rows outlive
    /// binaries.
    const KIND: &'static str;
    /// How many run at the same time in one process.
    const AT_ONCE: usize = 4;
    /// Attempts until it is a dead letter: 16 are half a day.
    const ATTEMPTS: u32 = 16;
    /// How long one attempt may take.
    const TIME: Duration = Duration::from_secs(60);
    /// The pause after which it is due again. Such a job is there once, in all processes together; it is made by itself, and never dead.
    const EVERY: Option<Duration> = None;
}

/// Writes jobs, and wakes the worker of this process when there are new ones. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct Jobs {
    woken: Arc<Notify>,
}

impl Jobs {
    /// Lets the worker of this process look for jobs at once.
    pub fn wake(&self) {
        self.woken.notify_one();
    }
}
