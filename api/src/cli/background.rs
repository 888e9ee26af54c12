//! The background tasks of a server. Each may stop anywhere, but for those that run to their end: what it was about to do is still to be
//! done at the next start.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    database::DatabaseWatch,
    domain::error::Result,
    features::{
        account::expiry::{self, Unforgotten, forget_expired},
        driver::record::{self, BETWEEN_DELETIONS, old_routes_delete, record},
        order::{
            overdue::{self, cancel_overdue},
            sweep::{self, sweep},
        },
    },
    seed::{self, DemoLife},
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
        |app, watch| async move { watch.look(&app.db, &app.lives, &app.config.database).await },
    );
    every(app, shutdown, "sweep", sweep::INTERVAL, sweep::setbacks(), |app, setbacks| async move {
        sweep(&app, &setbacks).await
    });
    every(app, shutdown, "overdue_orders", overdue::INTERVAL, overdue::setbacks(), |app, setbacks| async move {
        cancel_overdue(&app, &setbacks).await
    });
    every(app, shutdown, "expired_accounts", expiry::INTERVAL, Unforgotten::default(), |app, unforgotten| async move {
        forget_expired(&app, &unforgotten).await
    });
    every(app, shutdown, "old_routes", BETWEEN_DELETIONS, record::route_setbacks(), |app, setbacks| async move {
        old_routes_delete(&app, &setbacks).await
    });
    let pause = Duration::from_secs(config.drivers.location_write_seconds.into());
    let whole = shutdown.clone();
    every(app, shutdown, "driver_places", pause, record::setbacks(), move |app, setbacks| {
        whole.to_its_end(async move { record(&app, &setbacks).await })
    });
    if config.demo.live {
        let whole = shutdown.clone();
        every(app, shutdown, "demo_life", seed::TICK, DemoLife::default(), move |app, life| {
            whole.to_its_end(async move { life.go_on(&app).await })
        });
    }
}

/// Does the work in rounds, each with what is to be remembered from one to the next.
fn every<S, W>(
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
