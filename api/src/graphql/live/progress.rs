//! The position of a stream of events, from which another stream can go on (its offset).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A position up to which a stream has told its events: two numbers whose meaning is the stream's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPosition(pub i64, pub i64);

/// What a stream of events reports while it runs, so that another one can go on from there. Every subscription is given one
/// ([`OperationContext::progress`](crate::graphql::context::OperationContext::progress)): it begins at [`place`](Self::place), calls
/// [`reach`](Self::reach) before it yields the event that lies there, and waits inside [`waiting`](Self::waiting). Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<ProgressState>>);

#[derive(Clone, Copy, Debug, Default)]
struct ProgressState {
    place: Option<StreamPosition>,
    is_waiting: bool,
}

/// A stream that has caught up: it has told all up to its position, and waits. Two of the same that wait at one position will tell the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub place: Option<StreamPosition>,
}

impl Progress {
    /// The progress of a stream that goes on from this position.
    pub fn from(place: Option<StreamPosition>) -> Self {
        Progress(Arc::new(Mutex::new(ProgressState { place, is_waiting: false })))
    }

    /// The position up to which has been told; none before anything has.
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
