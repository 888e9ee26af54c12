//! Supervision of background tasks: a task that fails, panics or ends is logged with its cause, counted, and restarted with exponential
//! back-off and jitter; `/health/ready` and `/metrics` name it until it does well again.

mod setbacks;
#[cfg(test)]
mod tests;

use std::{
    any::Any,
    collections::BTreeMap,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::FutureExt;
use metrics::{counter, gauge};
use tokio::time::{Instant, sleep};

pub use setbacks::{ITEM_FAILURES, Setbacks};

use crate::domain::error::Result;

/// The name of the metric that counts how often a task began anew after it had failed, panicked or ended.
pub const RESTARTS: &str = "tiffin_task_restarts_total";
/// The name of the metric that is 1 for a task that failed last, and 0 for one that does well.
pub const FAILING: &str = "tiffin_task_failing";

/// The back-off before a task begins anew: from one second to 15, and up to as much again as jitter, so that not all processes come back at
/// once. No longer, for what a task does once its database is back is waited for.
const PAUSES: ExponentialBuilder =
    ExponentialBuilder::new().with_max_delay(Duration::from_secs(15)).without_max_times().with_jitter();
/// A task without rounds does well again when it has run for so long.
const WELL_AFTER: Duration = Duration::from_secs(30);

/// The background tasks of one process, and which of them fail. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Tasks {
    states: Arc<Mutex<BTreeMap<&'static str, TaskState>>>,
    pauses: ExponentialBuilder,
    well_after: Duration,
}

impl Default for Tasks {
    fn default() -> Self {
        Tasks { states: Arc::default(), pauses: PAUSES, well_after: WELL_AFTER }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TaskState {
    Well,
    Failing,
}

impl Tasks {
    /// The tasks that failed last, by name.
    pub fn failing(&self) -> Vec<&'static str> {
        self.states().iter().filter(|(_, state)| **state == TaskState::Failing).map(|(name, _)| *name).collect()
    }

    /// Does the work in rounds for ever, with a pause after each: the given one after a round that did well.
    pub fn every<F, W>(
        &self,
        name: &'static str,
        pause: Duration,
        mut work: F,
    ) -> impl Future<Output = ()> + Send + use<F, W>
    where
        F: FnMut() -> W + Send,
        W: Future<Output = Result<()>> + Send,
    {
        let mut task = Task::new(self, name);
        async move {
            loop {
                match unwound(async { work().await }).await {
                    Ok(Ok(())) => {
                        task.does_well();
                        sleep(pause).await;
                    }
                    Ok(Err(error)) => sleep(task.failed(Cause::Error(error.for_log()))).await,
                    Err(panic) => sleep(task.failed(Cause::Panic(panic))).await,
                }
            }
        }
    }

    /// Does work that has no end, and begins it anew where it ends none the less.
    pub fn forever<F, W>(&self, name: &'static str, mut work: F) -> impl Future<Output = ()> + Send + use<F, W>
    where
        F: FnMut() -> W + Send,
        W: Future<Output = anyhow::Result<Infallible>> + Send,
    {
        let mut task = Task::new(self, name);
        async move {
            loop {
                let cause = {
                    let working = unwound(async { work().await });
                    tokio::pin!(working);
                    let ended = tokio::select! {
                        ended = &mut working => ended,
                        () = sleep(task.tasks.well_after) => {
                            task.does_well();
                            working.await
                        }
                    };
                    match ended {
                        Ok(Ok(never)) => match never {},
                        Ok(Err(error)) => Cause::Error(format!("{error:#}")),
                        Err(panic) => Cause::Panic(panic),
                    }
                };
                sleep(task.failed(cause)).await;
            }
        }
    }

    fn set(&self, name: &'static str, state: TaskState) {
        self.states().insert(name, state);
        gauge!(FAILING, "task" => name).set(if state == TaskState::Failing { 1.0 } else { 0.0 });
        // What has not happened yet is 0 and not missing.
        counter!(RESTARTS, "task" => name).increment(0);
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<&'static str, TaskState>> {
        // Nothing panics while it holds the lock.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a task has to begin anew.
enum Cause {
    Error(String),
    Panic(String),
}

/// One task, and how it has done lately.
struct Task {
    tasks: Tasks,
    name: &'static str,
    pauses: backon::ExponentialBackoff,
    failures: u32,
    since: Instant,
}

impl Task {
    fn new(tasks: &Tasks, name: &'static str) -> Self {
        tasks.set(name, TaskState::Well);
        Task { tasks: tasks.clone(), name, pauses: tasks.pauses.build(), failures: 0, since: Instant::now() }
    }

    fn does_well(&mut self) {
        if self.failures > 0 {
            let seconds = self.since.elapsed().as_secs();
            tracing::info!(task = self.name, failures = self.failures, seconds, "a background task does well again");
            (self.failures, self.pauses) = (0, self.tasks.pauses.build());
        }
        self.tasks.set(self.name, TaskState::Well);
    }

    /// Tells of a failure; gives how long to wait until the task begins anew.
    fn failed(&mut self, cause: Cause) -> Duration {
        if self.failures == 0 {
            self.since = Instant::now();
        }
        self.failures += 1;
        self.tasks.set(self.name, TaskState::Failing);
        counter!(RESTARTS, "task" => self.name).increment(1);
        let pause = self.pauses.next().unwrap_or(self.tasks.well_after);
        let (task, failures, pause_seconds) = (self.name, self.failures, pause.as_secs_f64());
        match cause {
            Cause::Error(error) => {
                tracing::warn!(task, failures, pause_seconds, error, "a background task failed; it begins anew");
            }
            Cause::Panic(error) => {
                tracing::error!(task, failures, pause_seconds, error, "a background task panicked; it begins anew");
            }
        }
        pause
    }
}

/// Does a piece of work that is not done again, in a task of its own. None where it panicked, which the log tells and the metrics count.
pub async fn once<T>(name: &'static str, work: impl Future<Output = T>) -> Option<T> {
    let outcome = unwound(work).await;
    outcome
        .map_err(|error| {
            counter!(RESTARTS, "task" => name).increment(1);
            tracing::error!(task = name, error, "a background task panicked; its work is lost");
        })
        .ok()
}

/// What the work gives, or what it panicked with.
///
/// No async function, which would take twice the room of the work: for what it is given, and for what it waits for.
pub fn unwound<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, String>> {
    // What the work leaves half done is its own: nothing of it is used after a panic.
    AssertUnwindSafe(work).catch_unwind().map(|outcome| outcome.map_err(|panic| panic_message(&*panic)))
}

/// The words of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a message"))
}
