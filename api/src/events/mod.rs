//! Fan-out of changes to every process and socket (pub/sub). A signal carries only the id of what changed: whoever hears it reads the
//! database, which is the truth. Places of drivers are the other kind: only the newest counts (conflation), so it travels in the message
//! itself, and reaches the database later, in batches.

mod hub;
mod position;
mod redis;
mod runs;
mod topic;
mod tracks;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use chrono::{DateTime, Utc};

pub use hub::{Signal, SignalNumber, Whereabouts};
pub use position::Position;
pub use runs::RunNumber;
pub use topic::Topic;
pub use tracks::Track;

use self::{hub::Hub, redis::RedisBroker, tracks::Tracks};
use crate::{
    config::Config,
    domain::{clock, ids::DriverId},
    tasks::Tasks,
    tls::Authorities,
};

/// How long a new follower waits until the broker passes its topic on. If that takes longer, it is made to look then.
const CONFIRMATION_PATIENCE: Duration = Duration::from_millis(500);

/// The name of the metric that [`measure_lag`] sets.
pub const LAG: &str = "tiffin_step_lag_seconds";

/// Notes how long a step took from its moment until a follower is told.
pub fn measure_lag(taken_at: DateTime<Utc>) {
    metrics::gauge!(LAG).set((clock::now() - taken_at).as_seconds_f64());
}

/// Publishing and following changes, in this process and all others on the same broker.
pub struct Events {
    hub: Hub,
    broker: Broker,
    /// Places that were told and are not yet in the database.
    tracks: Tracks,
    /// The newest places of drivers that the broker did not take.
    untold: Mutex<HashMap<DriverId, Position>>,
}

/// What carries changes between processes.
enum Broker {
    /// This process serves alone, and remembers the last place of each driver itself.
    InProcess(Mutex<HashMap<DriverId, Position>>),
    Redis(Box<RedisBroker>),
}

impl Events {
    /// Connects to the broker. One that is away is connected to as soon as it is there.
    ///
    /// # Errors
    /// Its address cannot be used.
    pub async fn connect(config: &Config, authorities: &Authorities, tasks: &Tasks) -> Result<Self> {
        let (hub, broker) = match config.broker.redis_address(authorities)? {
            None => (Hub::alone(), Broker::InProcess(Mutex::default())),
            Some(address) => {
                let hub = Hub::with_broker();
                let broker = RedisBroker::connect(address, &config.broker.prefix, hub.clone(), tasks).await?;
                (hub, Broker::Redis(Box::new(broker)))
            }
        };
        let tracks = Tracks::new(config.drivers.route_interval_seconds);
        Ok(Events { hub, broker, tracks, untold: Mutex::default() })
    }

    /// Makes all followers here read the database again, for signals may have been lost.
    pub fn look_everywhere(&self) {
        self.hub.followed().into_iter().for_each(|topic| self.hub.tell(topic));
    }

    /// Makes the followers of these topics here read the database again.
    pub fn look_here(&self, topics: &[Topic]) {
        topics.iter().for_each(|topic| self.hub.tell(*topic));
    }

    /// The last run of the journal up to which all were heard of here.
    pub fn heard_runs(&self) -> RunNumber {
        self.hub.runs().until()
    }

    /// Whether this run of the journal was heard of here.
    pub fn has_heard_run(&self, run: RunNumber) -> bool {
        self.hub.runs().has_heard(run)
    }

    /// Notes that all up to this run are known here.
    pub fn hear_runs_until(&self, run: RunNumber) {
        self.hub.runs().hear_until(run);
    }

    /// Follows a topic from now on. Subscribe first and read the database after: then no change is lost in between.
    pub async fn subscribe(&self, topic: Topic) -> Signal {
        let mut signal = self.hub.subscribe(topic);
        signal.confirmed(CONFIRMATION_PATIENCE).await;
        signal
    }

    /// Follows where a driver is from now on, beginning with the last place that the broker remembers.
    pub async fn follow(&self, driver: DriverId) -> Whereabouts {
        let mut whereabouts = self.hub.follow(driver);
        if let Broker::InProcess(places) = &self.broker
            && let Some(position) = locked(places).get(&driver)
        {
            self.hub.tell_position(driver, *position);
        }
        whereabouts.confirmed(CONFIRMATION_PATIENCE).await;
        whereabouts
    }

    /// Says that something happened on these topics. Where the broker does not take it, it is said in this process alone.
    pub async fn publish(&self, topics: &[Topic]) {
        self.try_publish(topics).await;
    }

    /// The same; gives whether the broker has taken it.
    async fn try_publish(&self, topics: &[Topic]) -> bool {
        let Broker::Redis(redis) = &self.broker else {
            self.look_here(topics);
            return true;
        };
        match redis.publish(topics).await {
            Ok(()) => true,
            Err(error) => {
                // The sockets of this process need not wait for the broker to come back.
                self.look_here(topics);
                tracing::warn!(error = format!("{error:#}"), "a change could not be published");
                false
            }
        }
    }

    /// Says what a run of the journal is about, and then that there was one: whoever hears of the run has heard of its topics. Other processes
    /// find in the journal what the broker did not take, which is why they are not told of the run then.
    pub async fn tell_run(&self, run: RunNumber, topics: &[Topic]) {
        if self.try_publish(topics).await
            && let Broker::Redis(redis) = &self.broker
            && let Err(error) = redis.tell_run(run).await
        {
            tracing::debug!(error = format!("{error:#}"), "other processes find a run by themselves");
        }
        self.hub.runs().hear(run);
    }

    /// Tells where a driver is, to everybody who follows it, and notes it to be written into the database. Gives the newest place
    /// that is known of the driver: a later one that was told before stays.
    pub async fn tell_position(&self, driver: DriverId, position: Position) -> Position {
        let told = match &self.broker {
            Broker::InProcess(places) => {
                let mut places = locked(places);
                let newest = places.get(&driver).map_or(position, |known| known.or_newer(Some(position)));
                places.insert(driver, newest);
                self.hub.tell_position(driver, newest);
                Ok(newest)
            }
            Broker::Redis(redis) => redis.tell_position(driver, position).await,
        };
        self.tracks.add(driver, position);
        told.unwrap_or_else(|error| {
            // Health says it aloud; drivers tell where they are too often for a warning each time.
            tracing::debug!(error = format!("{error:#}"), "a place could not be told; it will be told again");
            self.hub.tell_position(driver, position);
            let mut untold = locked(&self.untold);
            let newest = position.or_newer(untold.get(&driver).copied());
            untold.insert(driver, newest);
            position
        })
    }

    /// Publishes again the places that the broker did not take.
    pub async fn tell_again(&self) {
        let Broker::Redis(redis) = &self.broker else { return };
        let untold = locked(&self.untold).clone();
        for (driver, position) in untold {
            // Where the broker is away, the others need not be tried one by one.
            if let Err(error) = redis.tell_position(driver, position).await {
                tracing::debug!(error = format!("{error:#}"), "places cannot be told yet");
                break;
            }
            let mut untold = locked(&self.untold);
            if untold.get(&driver) == Some(&position) {
                untold.remove(&driver);
            }
        }
    }

    /// The last places of these drivers, as far as they are remembered. The database may know others, and older ones.
    pub async fn last_positions(&self, drivers: &[DriverId]) -> HashMap<DriverId, Position> {
        match &self.broker {
            Broker::InProcess(places) => {
                let places = locked(places);
                drivers.iter().filter_map(|driver| Some((*driver, *places.get(driver)?))).collect()
            }
            Broker::Redis(redis) => redis.last_positions(drivers).await.unwrap_or_else(|error| {
                tracing::warn!(error = format!("{error:#}"), "the last places of drivers are those in the database");
                HashMap::new()
            }),
        }
    }

    /// Forgets where the driver was last, and what of it is not written yet.
    pub async fn forget_position(&self, driver: DriverId) {
        self.tracks.forget(driver);
        locked(&self.untold).remove(&driver);
        match &self.broker {
            Broker::InProcess(places) => {
                locked(places).remove(&driver);
            }
            Broker::Redis(redis) => {
                if let Err(error) = redis.forget_position(driver).await {
                    tracing::warn!(error = format!("{error:#}"), "a last place is forgotten only when its time is up");
                }
            }
        }
    }

    /// What was told since the last call, to be written into the database.
    pub fn take_tracks(&self) -> Vec<Track> {
        self.tracks.take()
    }

    /// What could not be written, to be taken again.
    pub fn return_tracks(&self, tracks: Vec<Track>) {
        self.tracks.put(tracks);
    }

    /// Whether the broker answers.
    pub async fn ping(&self) -> Result<()> {
        match &self.broker {
            Broker::InProcess(_) => Ok(()),
            Broker::Redis(redis) => redis.ping().await,
        }
    }

    /// What carries changes, for people: `in-process`, `redis` or `redis-cluster`.
    pub fn broker_name(&self) -> &'static str {
        match &self.broker {
            Broker::InProcess(_) => "in-process",
            Broker::Redis(redis) => redis.name(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
