//! Windows in Redis, shared by all processes, behind a circuit breaker.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis::AsyncCommands;

use super::{
    limit::{Limit, TakeOutcome},
    limit_key::Hash,
};
use crate::{
    redis_connection::{Commands, RedisAddress},
    tasks,
};

/// How long a request waits for Redis.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it is until Redis is probed once it has failed.
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
    breaker: Arc<Breaker>,
}

/// A circuit breaker: who has waited for Redis in vain has waited for all, and nobody else does until it answers a probe. There is one
/// probe at a time, which no request waits for.
#[derive(Default)]
struct Breaker(Mutex<Circuit>);

#[derive(Clone, Copy, Debug, Default)]
enum Circuit {
    /// Redis is asked.
    #[default]
    Closed,
    /// Redis is not asked, for it has failed; from then on it may be probed.
    Open {
        probe_at: Instant,
    },
    Probing,
}

impl SharedWindows {
    pub fn new(address: &RedisAddress, prefix: &str) -> anyhow::Result<Self> {
        let connection = address.commands(PATIENCE)?;
        Ok(SharedWindows { connection, prefix: format!("{prefix}:limit:"), breaker: Arc::default() })
    }

    /// Uses `cost` of the key's window and takes up to `wanted` of it. None: Redis is away.
    pub async fn take(&self, key: &Hash, cost: u64, wanted: u64, limit: Limit) -> Option<TakeOutcome> {
        let mut take = redis::cmd("EVAL");
        // Numbers of this size are exact in Redis's scripts.
        let [cost, wanted, amount] = [cost, wanted, limit.amount].map(|number| number.min(1 << 50));
        let window = u64::try_from(limit.window.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50);
        take.arg(TAKE).arg(1).arg(self.name(key)).arg(cost).arg(wanted).arg(amount).arg(window);
        let mut connection = self.connection.clone();
        let (taken, rest): (i64, u64) = self.ask(take.query_async(&mut connection)).await?;
        let rest = Duration::from_millis(rest);
        Some(u64::try_from(taken).map_or(TakeOutcome::Refused(rest), |taken| TakeOutcome::Granted(taken, rest)))
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

    /// What Redis answers. None when it does not in time, and until it answers a probe again.
    async fn ask<T>(&self, question: impl Future<Output = redis::RedisResult<T>>) -> Option<T> {
        match self.breaker.pass() {
            Pass::Ask => {}
            Pass::Leave => return None,
            Pass::Probe => {
                let (breaker, mut connection) = (self.breaker.clone(), self.connection.clone());
                tokio::spawn(async move {
                    let ping = redis::cmd("PING");
                    let probing = in_time(ping.query_async::<()>(&mut connection));
                    // A probe that did not come to its end has to be made again.
                    breaker.probed(tasks::once("limiter_probe", probing).await.unwrap_or(Err("panic".to_owned())));
                });
                return None;
            }
        }
        match in_time(question).await {
            Ok(answer) => Some(answer),
            Err(failure) => {
                self.breaker.open(&failure);
                None
            }
        }
    }
}

async fn in_time<T>(question: impl Future<Output = redis::RedisResult<T>>) -> Result<T, String> {
    let answer = tokio::time::timeout(PATIENCE, question).await.map_err(|_| "no answer in time".to_owned())?;
    answer.map_err(|error| error.to_string())
}

/// What to do with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Ask,
    /// Redis is away.
    Leave,
    /// Redis is away, and it is time to look whether it still is.
    Probe,
}

impl Breaker {
    fn pass(&self) -> Pass {
        let mut circuit = self.circuit();
        match *circuit {
            Circuit::Closed => Pass::Ask,
            Circuit::Open { probe_at } if probe_at <= Instant::now() => {
                *circuit = Circuit::Probing;
                Pass::Probe
            }
            Circuit::Open { .. } | Circuit::Probing => Pass::Leave,
        }
    }

    /// A question was not answered. Those that were asked at the same moment may come to know it later.
    fn open(&self, failure: &str) {
        let mut circuit = self.circuit();
        if let Circuit::Closed = *circuit {
            *circuit = Circuit::Open { probe_at: Instant::now() + PAUSE };
            tracing::warn!(error = failure, "Redis is away: each process counts limits for itself");
        }
    }

    fn probed(&self, answer: Result<(), String>) {
        let mut circuit = self.circuit();
        match answer {
            Ok(()) => {
                *circuit = Circuit::Closed;
                tracing::info!("Redis is back: limits are counted by all processes together again");
            }
            Err(error) => {
                *circuit = Circuit::Open { probe_at: Instant::now() + PAUSE };
                tracing::debug!(error, "Redis is still away");
            }
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_who_come_while_redis_is_away_one_probes_after_each_pause() {
        let breaker = Breaker::default();
        assert_eq!(breaker.pass(), Pass::Ask);
        breaker.open("no answer in time");
        breaker.open("no answer in time");
        assert_eq!([breaker.pass(), breaker.pass()], [Pass::Leave; 2], "it has just failed");
        for answered in [false, true] {
            *breaker.circuit() = Circuit::Open { probe_at: Instant::now() };
            let passes: Vec<_> = (0..100).map(|_| breaker.pass()).collect();
            assert_eq!(passes.iter().filter(|pass| **pass == Pass::Probe).count(), 1);
            assert_eq!(passes.iter().filter(|pass| **pass == Pass::Ask).count(), 0);
            breaker.open("one that was asked long ago");
            assert_eq!(breaker.pass(), Pass::Leave);
            breaker.probed(if answered { Ok(()) } else { Err("no answer".to_owned()) });
            assert_eq!(breaker.pass(), if answered { Pass::Ask } else { Pass::Leave });
        }
    }
}
