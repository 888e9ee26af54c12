//! Windows in Redis, which all processes use.

use std::{
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::AsyncCommands;

use super::{Hash, Limit, Taken};
use crate::redis_connection::{Commands, RedisAddress};

/// How long a request waits for Redis.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long Redis is not asked again once it has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes as much as is wanted and left, and at least the cost: what was taken (-1 where that is not left), and the
/// milliseconds until the window ends.
const TAKE: &str = "\
local used = tonumber(redis.call('get', KEYS[1]) or 0)
local cost, wanted, amount, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local rest = redis.call('pttl', KEYS[1])
if used + cost > amount then return {-1, rest < 0 and window or rest} end
local taken = math.min(wanted, amount - used)
redis.call('incrby', KEYS[1], taken)
if rest < 0 then redis.call('pexpire', KEYS[1], window) rest = window end
return {taken, rest}";

/// The windows of all processes whose names have the same prefix.
pub(super) struct SharedWindows {
    connection: Commands,
    prefix: String,
    /// Until when Redis is not asked, for it has failed.
    away: Mutex<Option<Instant>>,
}

impl SharedWindows {
    pub fn new(address: &RedisAddress, prefix: &str) -> anyhow::Result<Self> {
        let connection = address.commands(PATIENCE)?;
        Ok(SharedWindows { connection, prefix: format!("{prefix}:limit:"), away: Mutex::default() })
    }

    /// Uses `cost` of the key's window and takes up to `wanted` of it. None: Redis is away.
    pub async fn take(&self, key: &Hash, cost: u64, wanted: u64, limit: Limit) -> Option<Taken> {
        let mut take = redis::cmd("EVAL");
        // Numbers of this size are exact in Redis's scripts.
        let [cost, wanted, amount] = [cost, wanted, limit.amount].map(|number| number.min(1 << 50));
        let window = u64::try_from(limit.window.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50);
        take.arg(TAKE).arg(1).arg(self.name(key)).arg(cost).arg(wanted).arg(amount).arg(window);
        let mut connection = self.connection.clone();
        let (taken, rest): (i64, u64) = self.ask(take.query_async(&mut connection)).await?;
        let rest = Duration::from_millis(rest);
        Some(u64::try_from(taken).map_or(Taken::Refused(rest), |taken| Taken::Granted(taken, rest)))
    }

    pub async fn remove(&self, key: &Hash) {
        let mut connection = self.connection.clone();
        self.ask(connection.del::<_, ()>(self.name(key))).await;
    }

    fn name(&self, key: &Hash) -> String {
        key.iter().fold(self.prefix.clone(), |mut name, byte| {
            let _ = write!(name, "{byte:02x}"); // Writing to a String cannot fail.
            name
        })
    }

    /// What Redis answers. None when it does not in time, and for a while after.
    async fn ask<T>(&self, question: impl Future<Output = redis::RedisResult<T>>) -> Option<T> {
        if self.away().is_some_and(|until| until > Instant::now()) {
            return None;
        }
        let failure = match tokio::time::timeout(PATIENCE, question).await {
            Ok(Ok(answer)) => {
                if self.set_away(None).is_some() {
                    tracing::info!("Redis is back: limits are counted by all processes together again");
                }
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if self.set_away(Some(Instant::now() + PAUSE)).is_none() {
            tracing::warn!(error = failure, "Redis is away: each process counts limits for itself");
        }
        None
    }

    fn away(&self) -> Option<Instant> {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says when it may be asked again, and gives what was said before.
    fn set_away(&self, until: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.away.lock().unwrap_or_else(PoisonError::into_inner), until)
    }
}
