//! How a change reaches every process and socket. A signal carries only the identity of what changed: whoever hears it reads
//! the database, which is the truth.

mod hub;
mod redis;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

pub use hub::Signal;

use self::{hub::Hub, redis::RedisBroker};
use crate::{
    config::BrokerConfig,
    graphql::ids::{DriverId, OrderId, RestaurantId, UserId},
};

/// What somebody can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The steps of one order.
    Order(OrderId),
    /// The steps of all orders of one restaurant.
    Restaurant(RestaurantId),
    /// The steps of all orders that one driver carries.
    Driver(DriverId),
    /// Where one driver is.
    DriverLocation(DriverId),
    /// The sessions and rights of one user.
    User(UserId),
}

/// What is said between processes: look at these topics.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Notice {
    topics: Vec<String>,
}

/// Publishing and following changes, in this process and all others on the same broker.
pub struct Events {
    hub: Hub,
    broker: Broker,
    /// Steps that the broker took and that are not yet marked so in the database.
    published: Mutex<Vec<i64>>,
}

/// What carries notices between processes.
enum Broker {
    /// This process serves alone.
    InProcess,
    Redis(RedisBroker),
}

impl Events {
    /// Connects to the broker; an unreachable one is an error that says so.
    pub async fn connect(config: &BrokerConfig) -> Result<Self> {
        let hub = Hub::default();
        let broker = match &config.redis_url {
            None => Broker::InProcess,
            Some(url) => Broker::Redis(RedisBroker::connect(url, &config.prefix, hub.clone()).await?),
        };
        Ok(Events { hub, broker, published: Mutex::default() })
    }

    /// Follows a topic from now on. Take the signal first and read the present after: then nothing falls between.
    pub fn subscribe(&self, topic: Topic) -> Signal {
        self.hub.subscribe(topic.to_string())
    }

    /// Says that something happened on these topics, and whether the broker took it. It may fail without failing the change,
    /// which is already in the database: the sweep says it again.
    pub async fn publish(&self, topics: &[Topic]) -> bool {
        let notice = &Notice { topics: topics.iter().map(Topic::to_string).collect() };
        match &self.broker {
            Broker::InProcess => {
                self.hub.tell(notice);
                true
            }
            Broker::Redis(redis) => match redis.publish(notice).await {
                Ok(()) => true,
                Err(error) => {
                    // The sockets of this process need not wait for the broker to come back.
                    self.hub.tell(notice);
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "a change could not be published; the sweep will say it again"
                    );
                    false
                }
            },
        }
    }

    /// Remembers that the broker took the step at this position, until the sweep writes down what was.
    pub fn note_published(&self, position: i64) {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).push(position);
    }

    /// The positions noted since the last call.
    pub fn take_published(&self) -> Vec<i64> {
        std::mem::take(&mut *self.published.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the broker answers.
    pub async fn ping(&self) -> Result<()> {
        match &self.broker {
            Broker::InProcess => Ok(()),
            Broker::Redis(redis) => redis.ping().await,
        }
    }

    /// What carries notices, for people: `in-process` or `redis`.
    pub fn broker_name(&self) -> &'static str {
        match &self.broker {
            Broker::InProcess => "in-process",
            Broker::Redis(_) => "redis",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Topic::Order(id) => write!(formatter, "order:{}", id.0),
            Topic::Restaurant(id) => write!(formatter, "restaurant:{}", id.0),
            Topic::Driver(id) => write!(formatter, "driver:{}", id.0),
            Topic::DriverLocation(id) => write!(formatter, "driver-location:{}", id.0),
            Topic::User(id) => write!(formatter, "user:{}", id.0),
        }
    }
}
