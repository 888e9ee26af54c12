//! The background tasks of a server. Each may stop anywhere, but for those that run to their end: what it was about to do is still to be
//! done at the next start.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tiffin::{
    app::App,
    database::DatabaseWatch,
    domain::error::Result,
    features::{
        account::{
            expiry::forget_expired,
            letters::{letter_asked_for, letter_send},
        },
        driver::record::{self, old_routes_delete, record},
        order::acceptance::{missing_timeouts_make, order_time_out},
    },
    jobs::{Claimed, Failure, Handlers, Job, Outcome, Worker, operators},
    journal::{
        self,
        retention::{self, Pace},
    },
    shutdown::Shutdown,
};

/// Starts all of it, under supervision, until the shutdown is requested.
pub fn start(app: &Arc<App>, shutdown: &Shutdown) {
    let config = &app.config;
    every(
        app,
        shutdown,
        "database_watch",
        DatabaseWatch::INTERVAL,
        DatabaseWatch::default(),
        |app, watch| async move { watch.look(&app.db, &app.lives).await },
    );
    every(app, shutdown, "journal", journal::INTERVAL, (), |app, _| async move {
        app.journal.look(&app.db, &app.events).await
    });
    Worker::start(app.clone(), app.db.clone(), app.jobs.clone(), handlers(), &app.tasks, shutdown);
    every(app, shutdown, "journal_retention", retention::INTERVAL, Pace::default(), |app, pace| async move {
        app.journal.retain(&app.db, &pace).await
    });
    // Goes on while the server drains: those who still follow are told of what still happens.
    let of_runs = app.clone();
    tokio::spawn(app.tasks.forever("journal_runs", move || {
        let app = of_runs.clone();
        async move { app.journal.run_on_request(&app.db, &app.events).await }
    }));
    let pause = Duration::from_secs(config.drivers.location_write_seconds.into());
    let whole = shutdown.clone();
    every(app, shutdown, "driver_places", pause, record::setbacks(), move |app, setbacks| {
        whole.to_its_end(async move { record(&app, &setbacks).await })
    });
}

/// Who does which kind of job.
fn handlers() -> Handlers<App> {
    Handlers::default()
        .on(letter_send)
        .on(letter_asked_for)
        .on(forget_expired)
        .on(old_routes_delete)
        .on(order_time_out)
        .on(missing_timeouts_make)
        .on(old_dead_letters_delete)
}

/// Deletes dead letters that are kept for long enough, each day.
#[derive(Serialize, Deserialize)]
struct DeleteOldDeadLetters {}

impl Job for DeleteOldDeadLetters {
    const KIND: &'static str = "old_dead_letters";
    const AT_ONCE: usize = 1;
    const EVERY: Option<Duration> = Some(Duration::from_secs(24 * 60 * 60));
}

async fn old_dead_letters_delete(app: Arc<App>, _: Claimed<DeleteOldDeadLetters>) -> Result<Outcome, Failure> {
    operators::old_dead_letters_delete(&app.db).await?;
    Ok(Outcome::Done)
}

/// Does the work in rounds, each with what is to be remembered from one to the next.
pub fn every<S, W>(
    app: &Arc<App>,
    shutdown: &Shutdown,
    name: &'static str,
    pause: Duration,
    memory: S,
    mut work: impl FnMut(Arc<App>, Arc<S>) -> W + Send + 'static,
) where
    S: Send + Sync + 'static,
    W: Future<Output = Result<()>> + Send + 'static,
{
    let (of_round, memory) = (app.clone(), Arc::new(memory));
    shutdown.spawn(app.tasks.every(name, pause, move || work(of_round.clone(), memory.clone())));
}
