//! Changes between processes through Redis pub/sub, one channel for each topic: a process hears only of what somebody in it follows.
//! Redis stores nothing that is said: whoever may have missed something looks. It remembers the last place of each driver.

mod connection;
mod listener;

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use futures_util::future::try_join_all;
use secrecy::SecretString;
use tokio::task::JoinHandle;

use self::connection::{Commands, Link};
use super::{Position, Topic, hub::Hub};
use crate::{config::BrokerConfig, graphql::ids::DriverId};

/// How long a change waits for Redis to take it: its author waits too, and it is said again.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(250);
/// How long the last place of a driver is remembered, in seconds. Older ones than that are refused when they come, so what has been
/// forgotten can be replaced by nothing that is older; the database keeps it.
const REMEMBERED_SECONDS: u32 = 2 * 24 * 60 * 60;

/// Remembers a place and tells it, unless a newer one is known; gives the newest. Channel and key have the same name, so that in a
/// cluster they are on the same node.
const TELL_POSITION: &str = "
    local known = redis.call('GET', KEYS[1])
    if known and tonumber(string.match(known, '^%d+')) >= tonumber(string.match(ARGV[1], '^%d+')) then
        return known
    end
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
    redis.call(ARGV[3], KEYS[1], ARGV[1])
    return ARGV[1]";

pub(super) struct RedisBroker {
    link: Link,
    commands: Commands,
    listener: JoinHandle<()>,
}

impl RedisBroker {
    pub async fn connect(url: &SecretString, config: &BrokerConfig, hub: Hub) -> Result<Self> {
        let link = Link::new(url, config)?;
        let commands = link.commands().await?;
        let listener = tokio::spawn(listener::start(link.clone(), commands.clone(), hub).await?);
        Ok(RedisBroker { link, commands, listener })
    }

    pub async fn publish(&self, topics: &[Topic]) -> Result<()> {
        let publishing = topics.iter().map(|topic| {
            let mut publish = redis::cmd(self.link.publish());
            publish.arg(self.link.channel(*topic)).arg("");
            let mut commands = self.commands.clone();
            async move { publish.query_async::<()>(&mut commands).await }
        });
        tokio::time::timeout(PUBLISH_TIMEOUT, try_join_all(publishing)).await??;
        Ok(())
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
        let mut commands = self.commands.clone();
        let newest: String = tokio::time::timeout(PUBLISH_TIMEOUT, telling.query_async(&mut commands)).await??;
        newest.parse().map_err(|_| anyhow::anyhow!("what Redis remembers is no place: {newest}"))
    }

    pub async fn last_positions(&self, drivers: &[DriverId]) -> Result<HashMap<DriverId, Position>> {
        tokio::time::timeout(PUBLISH_TIMEOUT, self.link.last_positions(&self.commands, drivers)).await?
    }

    pub async fn ping(&self) -> Result<()> {
        redis::cmd("PING").query_async::<()>(&mut self.commands.clone()).await?;
        Ok(())
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        self.link.name()
    }
}

impl Drop for RedisBroker {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
