//! Where a stream of events is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Up to where a stream has told: numbers whose meaning is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPosition(pub i64, pub i64);

/// What a stream of events says of itself while it runs, so that another one can go on from there. Every subscription is given one
/// ([`OperationContext::progress`](crate::graphql::context::OperationContext::progress)): it begins at its place, says how far it has come
/// before it tells what lies there, and waits by it. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<ProgressState>>);

#[derive(Clone, Copy, Debug, Default)]
struct ProgressState {
    place: Option<StreamPosition>,
    is_waiting: bool,
}

/// A stream that has told all there is up to its place, and waits. Two of the same that wait at the same place will tell the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub place: Option<StreamPosition>,
}

impl Progress {
    /// That of a stream that goes on from this place.
    pub fn from(place: Option<StreamPosition>) -> Self {
        Progress(Arc::new(Mutex::new(ProgressState { place, is_waiting: false })))
    }

    /// Up to where has been told; none before anything has.
    pub fn place(&self) -> Option<StreamPosition> {
        self.state().place
    }

    /// All up to here will have been told when the next event is asked for.
    pub fn reach(&self, place: StreamPosition) {
        self.state().place = Some(place);
    }

    /// Waits for something to tell.
    pub async fn waiting<T>(&self, for_something: impl Future<Output = T>) -> T {
        self.state().is_waiting = true;
        let something = for_something.await;
        self.state().is_waiting = false;
        something
    }

    /// Where the stream waits, if it does.
    pub(super) fn waits(&self) -> Option<Waiting> {
        let state = *self.state();
        state.is_waiting.then_some(Waiting { place: state.place })
    }

    fn state(&self) -> MutexGuard<'_, ProgressState> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
