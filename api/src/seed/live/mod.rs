//! The life of the demo: customers order, kitchens cook and drivers drive, through the same services as everybody else.
//!
//! It plays no part that a developer may play. The kitchens of the demo merchant are left to whoever acts as it, though customers
//! order there; the demo's driver is never moved. Orders of the demo's customer elsewhere move by themselves, and when it has none
//! under way one is placed for it, so that there is something to watch.

mod appetite;
mod cast;
mod road;
mod town;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::MissedTickBehavior;

use self::town::Town;
use crate::{app::App, deadline::Deadline, graphql::error::Result, shutdown::Shutdown};

/// How often something can happen.
const TICK: Duration = Duration::from_secs(1);
/// How long to leave a database alone that does not answer, or where nobody is.
const PAUSE: Duration = Duration::from_secs(10);

/// Makes a few orders and drivers move, until the shutdown is requested.
pub async fn live(app: Arc<App>, shutdown: Shutdown) {
    let mut town = None;
    let mut ticker = tokio::time::interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticker.tick() => {}
            () = shutdown.requested() => return,
        }
        let ticking = tick(&app, &mut town);
        match Deadline::from_now(&app.config.limits).meet_or_unavailable(ticking).await {
            Ok(()) if town.as_ref().is_some_and(Town::is_deserted) => town = None,
            Ok(()) => continue,
            Err(error) => tracing::warn!(code = error.code.as_str(), "the demo's life stands still for a moment"),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shutdown.requested() => return,
        }
    }
}

async fn tick(app: &App, town: &mut Option<Town>) -> Result<()> {
    match town {
        Some(town) => town.tick(app, Instant::now()).await,
        None => {
            *town = Some(Town::load(app, Instant::now()).await?);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
