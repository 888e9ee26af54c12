//! The worker of a process: claims jobs that are due, runs them, and writes down what has become of them.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};
use entity::jobs;
use metrics::{counter, gauge};
use sea_orm::{ColumnTrait, Condition, sea_query::Expr};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    time::{Instant, interval, sleep, timeout},
};

use super::{
    Failure, Handlers, Jobs, NewJob, OnDuplicate, Outcome,
    handlers::Handler,
    operators,
    table::{self, Claim, Ending, Settlement},
};
use crate::{
    database::{Pool, dialect, on_one_connection},
    domain::{clock, error::Result},
    shutdown::Shutdown,
    tasks::{Tasks, unwound},
};

/// The name of the metric that counts attempts by how they ended: `done`, `early`, `failed` (to be tried again) or `dead`.
pub const FINISHED: &str = "tiffin_job_attempts_total";
/// The name of the metric that says how many dead letters there are of a kind, up to 1,000.
pub const WAITING_DEAD: &str = "tiffin_jobs_dead";
/// The name of the metric that says how long the oldest job of a kind has been due and nobody has claimed it.
pub const WAITING_SECONDS: &str = "tiffin_jobs_waiting_seconds";

/// How long a claim is good for without being renewed. Whoever is killed is waited for so long.
const LEASE: Duration = Duration::from_secs(30);
const BETWEEN_RENEWALS: Duration = Duration::from_secs(10);
/// How often a worker looks for jobs that nobody told it of: those of other processes, and those that are due by now.
const POLL: Duration = Duration::from_secs(1);
const BETWEEN_COUNTS: Duration = Duration::from_secs(15);
/// Jobs of one kind that a process claims at once, for each that runs at the same time. More of them save statements; fewer leave more to others,
/// and to whoever comes after a process that was killed.
const CLAIMED_FOR_EACH: usize = 8;
/// Results that one statement writes.
const SETTLED_AT_ONCE: usize = 500;
/// The pause before results are written again that could not be written.
const BEFORE_SETTLING_AGAIN: Duration = Duration::from_secs(1);
/// The most that is kept of an error.
const ERROR_LENGTH: usize = 500;

/// The pauses before an attempt that follows a failed one: from one second to an hour, and up to as much again as jitter.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_factor(3.0)
    .with_max_delay(Duration::from_secs(60 * 60))
    .without_max_times()
    .with_jitter();

/// Runs the jobs of the kinds that this process has handlers for.
pub struct Worker<C> {
    context: Arc<C>,
    db: Pool,
    jobs: Jobs,
    shutdown: Shutdown,
    kinds: BTreeMap<&'static str, Kind<C>>,
    /// Jobs that this process holds: their numbers and those of the claims.
    held: Mutex<HashSet<(i64, i64)>>,
    /// There is room for more.
    freed: Notify,
    is_prepared: AtomicBool,
}

struct Kind<C> {
    handler: Handler<C>,
    running: Semaphore,
    in_hand: AtomicUsize,
    /// Whether the last claim took as many as it asked for, so that more may be due.
    more: AtomicBool,
}

impl<C> Kind<C> {
    fn claimed_at_once(&self) -> usize {
        self.handler.at_once * CLAIMED_FOR_EACH
    }

    /// Twice as many may be in hand: while one half runs, the next is claimed.
    fn has_room(&self) -> bool {
        self.in_hand.load(Ordering::Relaxed) <= self.claimed_at_once()
    }

    /// Whether it is worth while to claim before it is time to look again.
    fn is_wanting(&self) -> bool {
        self.more.load(Ordering::Relaxed) && self.has_room()
    }
}

/// What is kept of a recurring job: nothing.
#[derive(Serialize, Deserialize)]
struct Recurring {}

/// The key of recurring jobs, of which there is one of each kind.
pub(super) const RECURRING: &str = "recurring";

impl<C: Send + Sync + 'static> Worker<C> {
    /// Begins to work, under supervision, until the shutdown is requested. What runs by then runs to its end; what was claimed and has not begun
    /// is given back.
    pub fn start(context: Arc<C>, db: Pool, jobs: Jobs, handlers: Handlers<C>, tasks: &Tasks, shutdown: &Shutdown) {
        let kinds = handlers.by_kind.into_iter().map(|(kind, handler)| {
            let running = Semaphore::new(handler.at_once);
            // What has not happened yet is 0 and not missing.
            for outcome in ["done", "early", "failed", "dead"] {
                counter!(FINISHED, "kind" => kind, "outcome" => outcome).increment(0);
            }
            (kind, Kind { handler, running, in_hand: AtomicUsize::new(0), more: AtomicBool::new(false) })
        });
        let worker = Arc::new(Worker {
            context,
            db,
            jobs,
            shutdown: shutdown.clone(),
            kinds: kinds.collect(),
            held: Mutex::default(),
            freed: Notify::new(),
            is_prepared: AtomicBool::new(false),
        });
        let (results, settlements) = mpsc::unbounded_channel();
        tokio::spawn(shutdown.track(worker.clone().settle(settlements)));
        let counting = worker.clone();
        shutdown.spawn(tasks.every("job_backlogs", BETWEEN_COUNTS, move || counting.clone().count()));
        // The first round does not wait.
        worker.jobs.wake();
        shutdown.spawn(tasks.every("jobs", Duration::ZERO, move || worker.clone().round(results.clone())));
    }

    /// Waits until there may be something to do, and does it.
    async fn round(self: Arc<Self>, results: mpsc::UnboundedSender<Settlement>) -> Result<()> {
        tokio::select! {
            () = self.jobs.woken.notified() => {}
            () = self.freed.notified() => {}
            () = sleep(POLL) => {}
        }
        // To its end: what was claimed and then dropped would wait until the lease expires.
        self.shutdown.to_its_end(self.clone().claim(results)).await
    }

    async fn claim(self: Arc<Self>, results: mpsc::UnboundedSender<Settlement>) -> Result<()> {
        self.prepare().await?;
        let room: Vec<_> = self
            .kinds
            .iter()
            .filter(|(_, kind)| kind.has_room())
            .map(|(name, kind)| (*name, kind.claimed_at_once()))
            .collect();
        if room.is_empty() {
            return Ok(());
        }
        let claims = table::claim(&self.db, &room, clock::now() + LEASE).await?;
        for (name, bound) in &room {
            let claimed = claims.iter().filter(|claim| claim.kind == *name).count();
            if let Some(kind) = self.kinds.get(name) {
                kind.more.store(claimed == *bound, Ordering::Relaxed);
            }
        }
        for claim in claims {
            self.clone().begin(claim, results.clone());
        }
        if self.kinds.values().any(Kind::is_wanting) {
            self.freed.notify_one();
        }
        Ok(())
    }

    /// Makes the recurring jobs, each due at once, and takes over those of an earlier process where there is never another.
    async fn prepare(&self) -> Result<()> {
        if self.is_prepared.load(Ordering::Relaxed) {
            return Ok(());
        }
        if dialect::is_served_by_one_process(self.db.get_database_backend()) {
            table::release_all(&self.db).await?;
        }
        for kind in self.kinds.values().filter(|kind| kind.handler.every.is_some()) {
            let job = NewJob::of_kind(kind.handler.kind, &Recurring {})?;
            self.jobs.enqueue(&self.db, job.once(Expr::val(RECURRING), OnDuplicate::Keep)).await?;
            // They go by a configuration that may be another one now.
            let which = Condition::all()
                .add(jobs::Column::Kind.eq(kind.handler.kind))
                .add(jobs::Column::UniqueKey.eq(RECURRING));
            operators::retry(&self.db, which).await?;
        }
        self.is_prepared.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn begin(self: Arc<Self>, claim: Claim, results: mpsc::UnboundedSender<Settlement>) {
        let Some(kind) = self.kinds.get(&*claim.kind) else { return };
        kind.in_hand.fetch_add(1, Ordering::Relaxed);
        self.held().insert((claim.id, claim.holder));
        let shutdown = self.shutdown.clone();
        tokio::spawn(shutdown.track(async move {
            let (id, holder, lane) = (claim.id, claim.holder, claim.lane.clone());
            let Some(kind) = self.kinds.get(&*claim.kind) else { return };
            let ending = self.attempt(kind, claim).await;
            // Nobody receives when the process ends: then the lease expires.
            let _ = results.send(Settlement { id, holder, lane, ending });
            kind.in_hand.fetch_sub(1, Ordering::Relaxed);
            if kind.is_wanting() {
                self.freed.notify_one();
            }
        }));
    }

    async fn attempt(&self, kind: &Kind<C>, claim: Claim) -> Ending {
        let Handler { kind: name, attempts: most, time, every, run, .. } = &kind.handler;
        let (id, attempts) = (claim.id, claim.attempts);
        let _place = kind.running.acquire().await; // Never closed.
        let given_back =
            Ending::Keep { is_dead: false, due_at: clock::now(), attempts: attempts - 1, last_error: None };
        if self.shutdown.is_requested() {
            return given_back;
        }
        let outcome = if every.is_none() && attempts.unsigned_abs() > *most {
            // No attempt came to an end: each time the process was killed, or lost its lease.
            Err(Failure::last("the process ended in each attempt"))
        } else {
            let work = timeout(*time, unwound(on_one_connection(run(self.context.clone(), claim))));
            tokio::select! {
                ended = work => match ended {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(panic)) => Err(Failure { cause: panic, ..Failure::passing("it panicked") }),
                    Err(_) => Err(Failure::passing(format!("not done within {} s", time.as_secs()))),
                },
                // What recurs may take long, and goes on elsewhere where it was.
                () = self.shutdown.requested(), if every.is_some() => return given_back,
            }
        };
        match outcome {
            Ok(Outcome::Done) => {
                counter!(FINISHED, "kind" => *name, "outcome" => "done").increment(1);
                match every {
                    Some(every) => {
                        Ending::Keep { is_dead: false, due_at: clock::now() + *every, attempts: 0, last_error: None }
                    }
                    None => Ending::Delete,
                }
            }
            Ok(Outcome::NotBefore(due_at)) => {
                counter!(FINISHED, "kind" => *name, "outcome" => "early").increment(1);
                Ending::Keep { is_dead: false, due_at, attempts: 0, last_error: None }
            }
            Err(failure) => {
                let is_dead = every.is_none() && (failure.is_final || attempts.unsigned_abs() >= *most);
                let outcome = if is_dead { "dead" } else { "failed" };
                counter!(FINISHED, "kind" => *name, "outcome" => outcome).increment(1);
                let error = &failure.cause;
                match is_dead {
                    true => tracing::error!(job = id, kind = name, attempts, error, "a job is a dead letter"),
                    false if attempts == 1 => {
                        tracing::warn!(job = id, kind = name, error, "a job failed; it is tried again");
                    }
                    false => tracing::debug!(job = id, kind = name, attempts, error, "a job failed again"),
                }
                let due_at = clock::now() + pause(attempts.unsigned_abs()).min(every.unwrap_or(Duration::MAX));
                Ending::Keep { is_dead, due_at, attempts, last_error: Some(told(&failure.told)) }
            }
        }
    }

    /// Writes down results as they come, and renews leases, until nothing is claimed any more and all results are written.
    async fn settle(self: Arc<Self>, mut settlements: mpsc::UnboundedReceiver<Settlement>) {
        let mut renewals = interval(BETWEEN_RENEWALS);
        let mut told = Vec::new();
        loop {
            tokio::select! {
                received = settlements.recv_many(&mut told, SETTLED_AT_ONCE) => if received == 0 {
                    return;
                },
                _ = renewals.tick() => self.renew().await,
            }
            let mut renewed = Instant::now();
            while !told.is_empty() {
                match table::settle(&self.db, &told).await {
                    Ok(()) => {
                        let mut held = self.held();
                        for settlement in told.drain(..) {
                            held.remove(&(settlement.id, settlement.holder));
                        }
                    }
                    Err(error) => {
                        tracing::warn!(
                            error = error.for_log(),
                            jobs = told.len(),
                            "results of jobs cannot be written yet"
                        );
                        if self.shutdown.is_requested() {
                            // Whoever comes after this process does them once more.
                            return;
                        }
                        sleep(BEFORE_SETTLING_AGAIN).await;
                        if renewed.elapsed() >= BETWEEN_RENEWALS {
                            self.renew().await;
                            renewed = Instant::now();
                        }
                    }
                }
            }
        }
    }

    async fn renew(&self) {
        let held: Vec<_> = self.held().iter().copied().collect();
        if held.is_empty() {
            return;
        }
        if let Err(error) = table::renew(&self.db, &held, clock::now() + LEASE).await {
            tracing::warn!(
                error = error.for_log(),
                jobs = held.len(),
                "leases of jobs cannot be renewed: others may do them as well"
            );
        }
    }

    async fn count(self: Arc<Self>) -> Result<()> {
        let now = clock::now();
        for backlog in table::backlogs(&self.db, self.kinds.keys().copied()).await? {
            gauge!(WAITING_DEAD, "kind" => backlog.kind.clone()).set(backlog.dead as f64);
            let waiting = backlog.due_at.map_or(0.0, |due_at: DateTime<Utc>| (now - due_at).as_seconds_f64().max(0.0));
            gauge!(WAITING_SECONDS, "kind" => backlog.kind).set(waiting);
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, HashSet<(i64, i64)>> {
        // Nothing panics while it holds the lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after so many failed attempts.
fn pause(attempts: u32) -> Duration {
    PAUSES.build().nth(attempts.saturating_sub(1) as usize).unwrap_or(Duration::from_secs(60 * 60))
}

/// As much of an error as is kept. PostgreSQL takes no NUL in a text.
fn told(error: &str) -> String {
    error.replace('\0', "").chars().take(ERROR_LENGTH).collect()
}
