//! Windows in the memory of this process, which is bounded: the least recently used are forgotten.

use std::time::{Duration, Instant};

use moka::{Expiry, ops::compute::Op, policy::EvictionPolicy, sync::Cache};

use super::{
    limit::{Limit, TakeOutcome},
    limit_key::Hash,
};

/// The most keys, which take about 20 MB; of more, the least recently used are forgotten (LRU).
const KEYS: u64 = 100_000;

/// What is left until the window ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    left: u64,
    ends: Instant,
}

impl Window {
    pub fn lasting(left: u64, rest: Duration) -> Self {
        Window { left, ends: Instant::now() + rest }
    }

    fn is_open(&self) -> bool {
        self.ends > Instant::now()
    }

    fn rest(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }
}

/// Windows by key, each until its end.
pub(super) struct Windows(Cache<Hash, Window>);

impl Default for Windows {
    fn default() -> Self {
        let windows = Cache::builder().max_capacity(KEYS).eviction_policy(EvictionPolicy::lru()).expire_after(AtItsEnd);
        Windows(windows.build())
    }
}

impl Windows {
    /// Uses `cost` of the key's window, which begins where there is none.
    pub fn take(&self, key: &Hash, cost: u64, limit: Limit) -> TakeOutcome {
        let mut taken = TakeOutcome::Refused(limit.window);
        self.0.entry(*key).and_compute_with(|entry| {
            let open = entry.map(|entry| *entry.value()).filter(Window::is_open);
            let window = open.unwrap_or_else(|| Window::lasting(limit.amount, limit.window));
            match window.left.checked_sub(cost) {
                Some(left) => {
                    taken = TakeOutcome::Granted(cost, window.rest());
                    Op::Put(Window { left, ..window })
                }
                None => {
                    taken = TakeOutcome::Refused(window.rest());
                    Op::Nop
                }
            }
        });
        taken
    }

    /// Uses `cost` of what is there, and says whether it was enough.
    pub fn use_up(&self, key: &Hash, cost: u64) -> bool {
        let mut enough = false;
        self.0.entry(*key).and_compute_with(|entry| {
            let window = entry.map(|entry| *entry.value()).filter(Window::is_open);
            match window.and_then(|window| Some(Window { left: window.left.checked_sub(cost)?, ..window })) {
                Some(window) => {
                    enough = true;
                    Op::Put(window)
                }
                None => Op::Nop,
            }
        });
        enough
    }

    /// Adds to what is left of the same window; what is left of an earlier one is lost.
    pub fn add(&self, key: &Hash, more: Window) {
        self.0.entry(*key).and_compute_with(|entry| {
            let open = entry.map(|entry| *entry.value()).filter(Window::is_open);
            Op::Put(Window { left: more.left.saturating_add(open.map_or(0, |window| window.left)), ..more })
        });
    }

    pub fn remove(&self, key: &Hash) {
        self.0.invalidate(key);
    }
}

struct AtItsEnd;

impl Expiry<Hash, Window> for AtItsEnd {
    fn expire_after_create(&self, _: &Hash, window: &Window, now: Instant) -> Option<Duration> {
        Some(window.ends.saturating_duration_since(now))
    }

    fn expire_after_update(&self, _: &Hash, window: &Window, now: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(window.ends.saturating_duration_since(now))
    }
}
