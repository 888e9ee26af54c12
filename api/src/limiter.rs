//! Rate limiting: how much of a limit is used, counted by key in fixed windows of time.
//!
//! All processes count together through Redis where one is configured. Without it, and while it is away, each counts for itself,
//! in bounded memory: no request fails because nobody can count. A window begins with the first use and ends for all of it at once.

mod limit;
mod limit_key;
mod shared;
mod windows;

use tokio::sync::Mutex;

pub use self::{limit::Limit, limit_key::LimitKey};
use self::{
    limit::TakeOutcome,
    limit_key::Hash,
    shared::SharedWindows,
    windows::{Window, Windows},
};
use crate::{config::BrokerConfig, domain::error::Result, tls::Authorities};

/// The rate limiter of all processes on the same broker.
pub struct Limiter {
    /// None: this process serves alone.
    shared: Option<SharedWindows>,
    /// What this process counts for itself.
    own: Windows,
    /// What this process has taken of shared windows and not used yet.
    shares: Windows,
    /// Striped locks, by key, for taking a new share: a crowd would otherwise take a share each, and use the window up among them.
    turns: [Mutex<()>; TURNS],
}

/// So many locks that keys rarely have to wait for each other.
const TURNS: usize = 64;

/// Of a shared limit, the part that [`Limiter::take_by_shares`] takes at once: small enough that what processes hold unused is
/// not missed, large enough that most uses ask nobody.
const SHARES: u64 = 50;

impl Limiter {
    /// Counts with the others of this broker. Redis is reached when it is first needed.
    ///
    /// # Errors
    /// The broker's address is malformed.
    pub fn new(config: &BrokerConfig, authorities: &Authorities) -> anyhow::Result<Self> {
        let address = config.redis_address(authorities)?;
        let shared = address.map(|address| SharedWindows::new(&address, &config.prefix)).transpose()?;
        let turns = std::array::from_fn(|_| Mutex::default());
        Ok(Limiter { shared, own: Windows::default(), shares: Windows::default(), turns })
    }

    /// Uses `cost` of the limit of this key; the last bit of it too, but nothing when it is not enough. One round trip to Redis.
    ///
    /// # Errors
    /// RATE_LIMITED, with the whole seconds after which the window is over.
    pub async fn take(&self, key: LimitKey<'_>, cost: u64, limit: Limit) -> Result<()> {
        let key = key.hash();
        self.take_at_once(&key, cost, cost, limit).await.into_result()
    }

    /// The same for what happens often: takes more than `cost` when it asks Redis, and then asks nobody until that is used. A
    /// process may so hold a fiftieth of the limit that others are refused.
    ///
    /// # Errors
    /// RATE_LIMITED, with the whole seconds after which the window is over.
    pub async fn take_by_shares(&self, key: LimitKey<'_>, cost: u64, limit: Limit) -> Result<()> {
        let key = key.hash();
        if self.shared.is_none() {
            return self.own.take(&key, cost, limit).into_result();
        }
        if self.shares.use_up(&key, cost) {
            return Ok(());
        }
        let _turn = self.turns[usize::from(key[0]) % TURNS].lock().await;
        if self.shares.use_up(&key, cost) {
            return Ok(());
        }
        let taken = self.take_at_once(&key, cost, cost.max(limit.amount / SHARES), limit).await;
        if let TakeOutcome::Granted(amount, rest) = taken
            && amount > cost
        {
            self.shares.add(&key, Window::lasting(amount - cost, rest));
        }
        taken.into_result()
    }

    /// Ends the window of this key, such as that of failed attempts after one that succeeded.
    pub async fn forget(&self, key: LimitKey<'_>) {
        let key = key.hash();
        self.own.remove(&key);
        self.shares.remove(&key);
        if let Some(shared) = &self.shared {
            shared.remove(&key).await;
        }
    }

    async fn take_at_once(&self, key: &Hash, cost: u64, wanted: u64, limit: Limit) -> TakeOutcome {
        if let Some(shared) = &self.shared
            && let Some(taken) = shared.take(key, cost, wanted, limit).await
        {
            if let TakeOutcome::Granted(amount, _) = taken {
                // Known here as well, so that nobody begins anew when Redis does not answer.
                self.own.take(key, amount, limit);
            }
            return taken;
        }
        self.own.take(key, cost, limit)
    }
}

#[cfg(test)]
mod tests;
