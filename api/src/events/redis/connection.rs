//! Connections to one Redis, or to the nodes of a cluster.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion, PushInfo,
    RedisFuture, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::BrokerConfig,
    events::{Position, Topic},
    graphql::ids::DriverId,
};

/// How long a command may take before Redis counts as away.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Channels or keys that one command takes: more are asked for in turn, so that each answer comes in time.
const AT_ONCE: usize = 1_000;
/// Commands at the same time to a cluster, which takes one topic with each.
const COMMANDS_AT_ONCE: usize = 100;

/// Where Redis is, and how its channels are named.
#[derive(Clone)]
pub struct Link {
    address: ConnectionInfo,
    is_cluster: bool,
    prefix: String,
}

/// A connection for commands, which is made again by itself.
#[derive(Clone)]
pub enum Commands {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

/// The connection that listens: one, or one for each node of a cluster.
pub enum Subscriber {
    /// Ends when it is lost.
    One(MultiplexedConnection),
    /// Connects again by itself; what was subscribed on the way is to be subscribed again.
    Cluster(ClusterConnection),
}

impl Link {
    pub fn new(url: &SecretString, config: &BrokerConfig) -> Result<Self> {
        let address = url.expose_secret().into_connection_info();
        let address = address.context("REDIS_URL is not a Redis URL such as redis://localhost:6379")?;
        // The version in which messages and answers share a connection, and in which a lost connection is said.
        let settings = address.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let address = address.set_redis_settings(settings);
        Ok(Link { address, is_cluster: config.cluster, prefix: config.prefix.clone() })
    }

    pub fn name(&self) -> &'static str {
        if self.is_cluster { "redis-cluster" } else { "redis" }
    }

    /// The command that publishes. In a cluster a message goes only to the node of its channel.
    pub fn publish(&self) -> &'static str {
        if self.is_cluster { "SPUBLISH" } else { "PUBLISH" }
    }

    pub fn channel(&self, topic: Topic) -> String {
        format!("{}:{topic}", self.prefix)
    }

    /// The topic of a channel, if it is ours.
    pub fn topic(&self, channel: &str) -> Option<Topic> {
        channel.strip_prefix(&self.prefix)?.strip_prefix(':')?.parse().ok()
    }

    pub async fn commands(&self) -> Result<Commands> {
        if self.is_cluster {
            let connection = self.cluster()?.build()?.get_async_connection().await;
            return Ok(Commands::Cluster(connection.context("the Redis Cluster cannot be reached at REDIS_URL")?));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_with_config(Client::open(self.address.clone())?, config).await;
        Ok(Commands::One(connection.context("Redis cannot be reached at REDIS_URL")?))
    }

    /// A connection that passes what is pushed to it on to `hear`, in the order in which it comes.
    pub async fn subscriber(&self, hear: impl Fn(PushInfo) + Send + Sync + 'static) -> Result<Subscriber> {
        let hear = move |push| -> Result<(), std::convert::Infallible> {
            hear(push);
            Ok(())
        };
        if self.is_cluster {
            let client: ClusterClient = self.cluster()?.push_sender(hear).build()?;
            return Ok(Subscriber::Cluster(client.get_async_connection().await?));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_push_sender(hear);
        let client = Client::open(self.address.clone())?;
        Ok(Subscriber::One(client.get_multiplexed_async_connection_with_config(&config).await?))
    }

    /// The last places of these drivers that Redis remembers.
    pub async fn last_positions(
        &self,
        commands: &Commands,
        drivers: &[DriverId],
    ) -> Result<HashMap<DriverId, Position>> {
        let mut known = HashMap::new();
        for drivers in drivers.chunks(AT_ONCE) {
            let keys: Vec<_> = drivers.iter().map(|driver| self.channel(Topic::DriverLocation(*driver))).collect();
            let places: Vec<Option<String>> = redis::cmd("MGET").arg(keys).query_async(&mut commands.clone()).await?;
            let places = drivers.iter().zip(places);
            known.extend(places.filter_map(|(driver, place)| Some((*driver, place?.parse().ok()?))));
        }
        Ok(known)
    }

    fn cluster(&self) -> Result<ClusterClientBuilder> {
        Ok(ClusterClient::builder([self.address.clone()])
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(RESPONSE_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT))
    }
}

impl Subscriber {
    /// Subscribes to the channels, and gives those that Redis has confirmed. Of a cluster some nodes may be away.
    pub async fn subscribe(&mut self, channels: Vec<String>) -> Result<Vec<String>> {
        match self {
            Subscriber::One(connection) => {
                for channels in channels.chunks(AT_ONCE) {
                    connection.subscribe(channels).await?;
                }
                Ok(channels)
            }
            Subscriber::Cluster(connection) => {
                let each = stream::iter(channels).map(|channel| {
                    let mut connection = connection.clone();
                    async move {
                        match connection.ssubscribe(&channel).await {
                            Ok(()) => Some(channel),
                            Err(error) => {
                                tracing::debug!(%error, channel, "not subscribed yet");
                                None
                            }
                        }
                    }
                });
                let confirmed: Vec<_> = each.buffer_unordered(COMMANDS_AT_ONCE).collect().await;
                Ok(confirmed.into_iter().flatten().collect())
            }
        }
    }

    pub async fn unsubscribe(&mut self, channels: Vec<String>) -> Result<()> {
        match self {
            Subscriber::One(connection) => {
                for channels in channels.chunks(AT_ONCE) {
                    connection.unsubscribe(channels).await?;
                }
            }
            Subscriber::Cluster(connection) => {
                let each = stream::iter(channels).map(|channel| {
                    let mut connection = connection.clone();
                    async move { connection.sunsubscribe(channel).await }
                });
                // A node that is away passes nothing on, and forgets what it passed on.
                let _: Vec<_> = each.buffer_unordered(COMMANDS_AT_ONCE).collect().await;
            }
        }
        Ok(())
    }

    /// Whether the connection is alive: one that is cut without a word says nothing by itself.
    pub async fn ping(&mut self) -> Result<()> {
        let ping = redis::cmd("PING");
        match self {
            Subscriber::One(connection) => Ok(ping.query_async(connection).await?),
            Subscriber::Cluster(connection) => Ok(ping.query_async(connection).await?),
        }
    }
}

impl ConnectionLike for Commands {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Commands::One(connection) => connection.req_packed_command(command),
            Commands::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Commands::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Commands::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Commands::One(connection) => connection.get_db(),
            Commands::Cluster(connection) => connection.get_db(),
        }
    }
}
