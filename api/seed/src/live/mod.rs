//! Simulates the life of the demo city: customers order, kitchens cook and drivers drive, through the same services as real users.
//!
//! It simulates nobody whom a developer may act as: the demo merchant's kitchens wait for a person, though customers order there, and the
//! demo's driver is never moved. Orders of the demo's customer at other restaurants move by themselves. One of them is always on its way:
//! the next is placed when one has been picked up, and whoever carries the last one circles the block until the next is picked up.

mod appetite;
mod cast;
mod road;
mod town;

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use self::town::Town;
use tiffin::{app::App, deadline::Deadline, domain::error::Result};

/// The interval of the simulation.
pub const TICK: Duration = Duration::from_secs(1);
/// How long to leave the database alone where there is nobody to simulate.
const PAUSE: Duration = Duration::from_secs(10);

/// The simulation of a few orders and drivers.
#[derive(Default)]
pub struct DemoLife(Mutex<WhoIsThere>);

#[derive(Default)]
enum WhoIsThere {
    /// Not read yet, or to be read again after a failure.
    #[default]
    Unknown,
    Deserted(Instant),
    Town(Box<Town>),
}

impl DemoLife {
    /// Runs one tick of the simulation.
    pub async fn go_on(&self, app: &App) -> Result<()> {
        let mut present = self.0.lock().await;
        // Taken out meanwhile: after a failure the town is read anew.
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
