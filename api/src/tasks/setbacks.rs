//! Isolation of the items of a batch that fail (poison messages): each holds up none of the others, and is retried after a back-off that
//! grows.

use std::{
    collections::HashMap,
    fmt::Display,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use metrics::counter;
use sea_orm::ConnectionTrait;
use tokio::time::Instant;

use super::unwound;
use crate::{
    database::Pool,
    domain::error::{Code, Error, Result},
};

/// The name of the metric that counts how often an item of a batch failed.
pub const ITEM_FAILURES: &str = "tiffin_task_item_failures_total";

const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(10))
    .with_max_delay(LONGEST_PAUSE)
    .without_max_times()
    .with_jitter();

/// The items of one task that failed, by what tells them apart.
pub struct Setbacks<K> {
    task: &'static str,
    items: Mutex<HashMap<K, Setback>>,
}

struct Setback {
    pauses: ExponentialBackoff,
    until: Instant,
}

impl<K: Clone + Eq + Hash + Display> Setbacks<K> {
    pub fn new(task: &'static str) -> Self {
        Setbacks { task, items: Mutex::default() }
    }

    /// The items to be left alone now. A batch chooses among the others, so that it does not consist of nothing else.
    pub fn resting(&self) -> Vec<K> {
        let now = Instant::now();
        let mut items = self.items();
        // What has not failed again for long is no more, or does well.
        items.retain(|_, setback| now < setback.until + 2 * LONGEST_PAUSE);
        items.iter().filter(|(_, setback)| now < setback.until).map(|(item, _)| item.clone()).collect()
    }

    /// Deals with all items that `find` gives: it is asked for some that are none of these, until there are no more.
    ///
    /// The work is done for `at_once` items; where that fails, for each half of them (bisection), down to the items that fail by
    /// themselves. So the work has to be idempotent: it may be done again.
    ///
    /// # Errors
    /// Nothing can be found, or the database is away: then no item is to blame, and the others are not tried.
    pub async fn deal_with_all<F, W>(
        &self,
        db: &Pool,
        at_once: usize,
        find: impl Fn(Vec<K>) -> F,
        work: impl Fn(Vec<K>) -> W,
    ) -> Result<()>
    where
        F: Future<Output = Result<Vec<K>>>,
        W: Future<Output = Result<()>>,
    {
        let mut before = Vec::new();
        loop {
            let items = find(self.resting()).await?;
            // What is found again right after it was dealt with would be found for ever.
            if items.is_empty() || items == before {
                return Ok(());
            }
            self.deal_with(db, at_once, &items, &work).await?;
            before = items;
        }
    }

    /// The same for these items.
    ///
    /// # Errors
    /// The database is away.
    pub async fn deal_with<W>(&self, db: &Pool, at_once: usize, items: &[K], work: impl Fn(Vec<K>) -> W) -> Result<()>
    where
        W: Future<Output = Result<()>>,
    {
        let mut parts: Vec<_> = items.chunks(at_once).rev().collect();
        while let Some(part) = parts.pop() {
            match unwound(work(part.to_vec())).await {
                Ok(Ok(())) => self.forget(part),
                Ok(Err(error)) if is_away(db, &error).await => return Err(error),
                Ok(Err(_)) | Err(_) if part.len() > 1 => {
                    let (half, rest) = part.split_at(part.len() / 2);
                    parts.extend([rest, half]);
                }
                Ok(Err(error)) => self.set_back(part, &error.for_log()),
                Err(panic) => self.set_back(part, &panic),
            }
        }
        Ok(())
    }

    /// Notes how it went with an item.
    ///
    /// # Errors
    /// As above.
    pub async fn note(&self, db: &Pool, item: K, outcome: Result<()>) -> Result<()> {
        match outcome {
            Ok(()) => self.forget(&[item]),
            Err(error) if is_away(db, &error).await => return Err(error),
            Err(error) => self.set_back(&[item], &error.for_log()),
        }
        Ok(())
    }

    fn forget(&self, part: &[K]) {
        let mut items = self.items();
        items.retain(|item, _| !part.contains(item));
    }

    /// Only the first failure of an item is a warning; it would be told again and again.
    fn set_back(&self, part: &[K], error: &str) {
        let (task, now) = (self.task, Instant::now());
        let mut items = self.items();
        for item in part {
            counter!(ITEM_FAILURES, "task" => task).increment(1);
            match items.contains_key(item) {
                false => tracing::warn!(task, %item, error, "an item failed; the others go on, and it is tried later"),
                true => tracing::debug!(task, %item, error, "an item failed again"),
            }
            let setback = items.entry(item.clone());
            let setback = setback.or_insert_with(|| Setback { pauses: PAUSES.build(), until: now });
            setback.until = now + setback.pauses.next().unwrap_or(LONGEST_PAUSE);
        }
    }

    fn items(&self) -> MutexGuard<'_, HashMap<K, Setback>> {
        // Nothing panics while it holds the lock.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it is the database that failed, and not the item.
async fn is_away(db: &Pool, error: &Error) -> bool {
    matches!(error.code, Code::Unavailable | Code::Timeout) && db.execute_unprepared("select 1").await.is_err()
}
