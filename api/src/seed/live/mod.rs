//! The life of the demo: customers order, kitchens cook and drivers drive, through the same services as everybody else.
//!
//! It plays no part that a developer may play. The kitchens of the demo merchant are left to whoever acts as it, though customers
//! order there; the demo's driver is never moved. Orders of the demo's customer elsewhere move by themselves. One of them is always on its way:
//! the next is placed when one has been picked up, and whoever carries the last one looks for the door until the next is picked up.

mod appetite;
mod cast;
mod road;
mod town;

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use self::town::Town;
use crate::{app::App, deadline::Deadline, graphql::error::Result};

/// How often something can happen.
pub const TICK: Duration = Duration::from_secs(1);
/// How long to leave a database alone where nobody is.
const PAUSE: Duration = Duration::from_secs(10);

/// The demo's life: a few orders and drivers move.
#[derive(Default)]
pub struct DemoLife(Mutex<WhoIsThere>);

#[derive(Default)]
enum WhoIsThere {
    /// It is not known who is there, or nobody was at this time.
    #[default]
    Unknown,
    Deserted(Instant),
    Town(Box<Town>),
}

impl DemoLife {
    /// Lets a moment pass.
    pub async fn go_on(&self, app: &App) -> Result<()> {
        let mut present = self.0.lock().await;
        // After a failure it is looked anew who is there.
        let town = match std::mem::take(&mut *present) {
            WhoIsThere::Town(town) => Some(town),
            WhoIsThere::Deserted(since) if since.elapsed() < PAUSE => {
                *present = WhoIsThere::Deserted(since);
                return Ok(());
            }
            WhoIsThere::Deserted(_) | WhoIsThere::Unknown => None,
        };
        let passing = async {
            let now = Instant::now();
            match town {
                Some(mut town) => town.tick(app, now).await.map(|()| town),
                None => Ok(Box::new(Town::load(app, now).await?)),
            }
        };
        let town = Deadline::from_now(&app.config.limits).meet_or_unavailable(passing).await?;
        *present = if town.is_deserted() { WhoIsThere::Deserted(Instant::now()) } else { WhoIsThere::Town(town) };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
