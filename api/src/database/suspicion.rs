//! Suspicion of dead connections. A database that restarts breaks all connections of a pool, and each would fail its next user: the first
//! that is found dead makes those suspect that are idle since, and they are pinged before they are used again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Whoever gives up after so long without an answer makes idle connections suspect. A wrong suspicion costs a ping.
const SILENCE: Duration = Duration::from_secs(1);

/// When a connection was last found dead. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Suspicion(Arc<SuspicionState>);

#[derive(Debug)]
struct SuspicionState {
    /// What both moments count from.
    start: Instant,
    /// Microseconds; 0 is never.
    moment: AtomicU64,
    /// Connections from before this moment are not used any more. Microseconds; 0 is never.
    outdated: AtomicU64,
}

impl Default for Suspicion {
    fn default() -> Self {
        Suspicion(Arc::new(SuspicionState {
            start: Instant::now(),
            moment: AtomicU64::new(0),
            outdated: AtomicU64::new(0),
        }))
    }
}

impl Suspicion {
    /// A connection was found broken: no other is trusted that has not been used since.
    pub fn arise(&self) {
        self.0.moment.fetch_max(self.now().max(1), Ordering::Relaxed);
    }

    /// Waits for the database. Whoever gives up, after a while and without an answer, makes the unused connections suspect.
    pub async fn watch<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut watch = WaitingGuard { suspicion: self, since: Instant::now(), is_answered: false };
        let answer = answer.await;
        watch.is_answered = true;
        answer
    }

    /// Whether it falls on a connection that is idle for so long.
    pub fn falls_on(&self, idle_for: Duration) -> bool {
        match self.0.moment.load(Ordering::Relaxed) {
            0 => false,
            moment => idle_for >= Duration::from_micros(self.now().saturating_sub(moment)),
        }
    }

    /// No connection that was made before is used any more.
    pub fn outdate(&self) {
        self.0.outdated.fetch_max(self.now().max(1), Ordering::Relaxed);
    }

    /// Whether a connection of this age is not used any more.
    pub fn outdates(&self, age: Duration) -> bool {
        match self.0.outdated.load(Ordering::Relaxed) {
            0 => false,
            moment => age >= Duration::from_micros(self.now().saturating_sub(moment)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Somebody's wait for the database: where it is dropped without an answer, after a while, the suspicion arises.
struct WaitingGuard<'a> {
    suspicion: &'a Suspicion,
    since: Instant,
    is_answered: bool,
}

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.since.elapsed() >= SILENCE {
            self.suspicion.arise();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_on_what_was_not_used_since() {
        let suspicion = Suspicion::default();
        let since_start = Instant::now();
        assert!(!suspicion.falls_on(Duration::from_secs(3600)), "nothing was broken so far");
        std::thread::sleep(Duration::from_millis(5));
        suspicion.arise();
        assert!(suspicion.falls_on(since_start.elapsed()));
        std::thread::sleep(Duration::from_millis(5));
        let used_since = Duration::from_millis(1);
        assert!(!suspicion.falls_on(used_since));
        suspicion.arise();
        assert!(suspicion.falls_on(used_since + Duration::from_millis(1)), "and again");
    }

    #[test]
    fn what_was_made_before_is_outdated() {
        let suspicion = Suspicion::default();
        assert!(!suspicion.outdates(Duration::from_secs(3600)));
        std::thread::sleep(Duration::from_millis(5));
        suspicion.outdate();
        assert!(suspicion.outdates(Duration::from_millis(5)));
        std::thread::sleep(Duration::from_millis(5));
        assert!(!suspicion.outdates(Duration::from_millis(1)), "this one was made since");
    }
}
