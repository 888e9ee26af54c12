//! Changes between processes through Redis pub/sub, one channel for each topic: a process hears only of what somebody in it follows. Redis
//! stores no messages: whoever may have missed one reads the database. It remembers the last place of each driver.

mod listener;

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio::task::JoinHandle;

use super::{Position, RunNumber, Topic, hub::Hub};
use crate::{
    domain::ids::DriverId,
    redis_connection::{Commands, RedisAddress},
    tasks::Tasks,
};

/// How long a command may take before Redis counts as away.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a signal waits for Redis to take it. Not long: others wait behind it, and what is lost is found in the journal.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(250);
/// Keys that one command takes: more are asked for in turn, so that each answer comes in time.
const KEYS_AT_ONCE: usize = 1_000;
/// How long the last place of a driver is remembered, in seconds. Older ones than that are refused when they come, so what has been
/// forgotten can be replaced by nothing that is older; the database keeps it.
const REMEMBERED_SECONDS: u32 = 2 * 24 * 60 * 60;

/// Remembers a place and publishes it, unless a newer one is known (compare-and-set in one script); gives the newest. Channel and key have
/// the same name, so that in a cluster they are on the same node.
const TELL_POSITION: &str = "
    local known = redis.call('GET', KEYS[1])
    if known and tonumber(string.match(known, '^%d+')) >= tonumber(string.match(ARGV[1], '^%d+')) then
        return known
    end
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
    redis.call(ARGV[3], KEYS[1], ARGV[1])
    return ARGV[1]";

pub(super) struct RedisBroker {
    link: RedisLink,
    listener: JoinHandle<()>,
}

/// The connection to Redis, and the names of topics there.
#[derive(Clone)]
struct RedisLink {
    address: RedisAddress,
    prefix: String,
    commands: Commands,
}

impl RedisBroker {
    /// Connects, and waits for it no longer than [`RESPONSE_TIMEOUT`]: whatever Redis does then, the rest can be served.
    pub async fn connect(address: RedisAddress, prefix: &str, hub: Hub, tasks: &Tasks) -> Result<Self> {
        let commands = address.commands(RESPONSE_TIMEOUT)?;
        let link = RedisLink { address, prefix: prefix.to_owned(), commands };
        let mut first = Some(listener::connect(&link, &hub).await);
        let of_listener = link.clone();
        let listener = tokio::spawn(tasks.forever("broker_listener", move || {
            let (link, hub, first) = (of_listener.clone(), hub.clone(), first.take());
            async move { Ok(listener::listen_forever(link, hub, first).await) }
        }));
        Ok(RedisBroker { link, listener })
    }

    pub async fn publish(&self, topics: &[Topic]) -> Result<()> {
        let publishing = topics.iter().map(|topic| self.link.say(*topic, String::new()));
        tokio::time::timeout(PUBLISH_TIMEOUT, try_join_all(publishing)).await??;
        Ok(())
    }

    /// Tells every process of a run of the journal.
    pub async fn tell_run(&self, run: RunNumber) -> Result<()> {
        Ok(tokio::time::timeout(PUBLISH_TIMEOUT, self.link.say(Topic::Journal, run.to_string())).await??)
    }

    pub async fn tell_position(&self, driver: DriverId, position: Position) -> Result<Position> {
        let mut telling = redis::cmd("EVAL");
        telling
            .arg(TELL_POSITION)
            .arg(1)
            .arg(self.link.channel(Topic::DriverLocation(driver)))
            .arg(position.to_string())
            .arg(REMEMBERED_SECONDS)
            .arg(self.link.publish());
        let mut commands = self.link.commands.clone();
        let newest: String = tokio::time::timeout(PUBLISH_TIMEOUT, telling.query_async(&mut commands)).await??;
        newest.parse().map_err(|_| anyhow::anyhow!("what Redis remembers is no place: {newest}"))
    }

    pub async fn last_positions(&self, drivers: &[DriverId]) -> Result<HashMap<DriverId, Position>> {
        tokio::time::timeout(PUBLISH_TIMEOUT, self.link.last_positions(drivers)).await?
    }

    /// Forgets the driver's last place.
    pub async fn forget_position(&self, driver: DriverId) -> Result<()> {
        let mut forgetting = redis::cmd("DEL");
        forgetting.arg(self.link.channel(Topic::DriverLocation(driver)));
        let mut commands = self.link.commands.clone();
        Ok(tokio::time::timeout(PUBLISH_TIMEOUT, forgetting.query_async(&mut commands)).await??)
    }

    pub async fn ping(&self) -> Result<()> {
        self.link.ping().await
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        if self.link.address.is_cluster { "redis-cluster" } else { "redis" }
    }
}

impl RedisLink {
    /// The command that publishes. In a cluster a message goes to the node of its channel alone.
    fn publish(&self) -> &'static str {
        if self.address.is_cluster { "SPUBLISH" } else { "PUBLISH" }
    }

    async fn say(&self, topic: Topic, what: String) -> redis::RedisResult<()> {
        let mut publish = redis::cmd(self.publish());
        publish.arg(self.channel(topic)).arg(what);
        publish.query_async(&mut self.commands.clone()).await
    }

    fn channel(&self, topic: Topic) -> String {
        format!("{}:{topic}", self.prefix)
    }

    /// The topic of a channel, if it is ours.
    fn topic(&self, channel: &str) -> Option<Topic> {
        channel.strip_prefix(&self.prefix)?.strip_prefix(':')?.parse().ok()
    }

    /// The last places of these drivers that Redis remembers.
    async fn last_positions(&self, drivers: &[DriverId]) -> Result<HashMap<DriverId, Position>> {
        let mut known = HashMap::new();
        for drivers in drivers.chunks(KEYS_AT_ONCE) {
            let keys: Vec<_> = drivers.iter().map(|driver| self.channel(Topic::DriverLocation(*driver))).collect();
            let mut asking = redis::cmd("MGET");
            let places: Vec<Option<String>> = asking.arg(keys).query_async(&mut self.commands.clone()).await?;
            let places = drivers.iter().zip(places);
            known.extend(places.filter_map(|(driver, place)| Some((*driver, place?.parse().ok()?))));
        }
        Ok(known)
    }

    async fn ping(&self) -> Result<()> {
        Ok(redis::cmd("PING").query_async(&mut self.commands.clone()).await?)
    }
}

impl Drop for RedisBroker {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
