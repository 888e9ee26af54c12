//! Connections to one Redis, or to the nodes of a cluster: for commands, which reconnect by themselves, and for pub/sub.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline,
    ProtocolVersion, PushInfo, RedisError, RedisFuture, RedisResult, TlsCertificates, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
    cluster::{ClusterClient, ClusterClientBuilder, ClusterConfig},
    cluster_async::ClusterConnection,
};
use secrecy::{ExposeSecret, SecretString};

use crate::tls::Authorities;

/// Channels that one command takes: more are asked for in turn, so that each answer comes in time.
const CHANNELS_AT_ONCE: usize = 1_000;
/// Commands at the same time to a cluster, which takes one channel with each.
const COMMANDS_AT_ONCE: usize = 100;
/// The pause between two attempts to connect that Redis may refuse.
const REFUSED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where Redis is, and whether it is a cluster.
#[derive(Clone)]
pub struct RedisAddress {
    address: ConnectionInfo,
    /// The trusted authorities; none where it is not over TLS.
    certificates: Option<TlsCertificates>,
    pub is_cluster: bool,
}

/// A connection for commands, which is made when it is first needed and again when it is lost. Cheap to clone; all clones are the
/// same.
#[derive(Clone)]
pub enum Commands {
    One(Arc<Managed>),
    Cluster(ClusterConnection),
}

/// A connection that the library's manager makes again when it is lost. Where Redis has refused one, as it does for a wrong password, the
/// manager takes that for final: then there is a new manager.
pub struct Managed {
    client: Client,
    config: ConnectionManagerConfig,
    manager: Mutex<(ConnectionManager, Instant)>,
}

/// A connection that listens: one, or one for each node of a cluster.
pub enum Subscriber {
    /// Ends when it is lost.
    One(MultiplexedConnection),
    /// Connects again by itself; what was subscribed to is to be subscribed to again.
    Cluster(ClusterConnection),
}

impl RedisAddress {
    /// # Errors
    /// The address is malformed.
    pub fn new(url: &SecretString, is_cluster: bool, authorities: &Authorities) -> Result<Self> {
        let address = url.expose_secret().into_connection_info();
        let address = address.context("REDIS_URL is not a Redis URL such as redis://localhost:6379")?;
        // The version in which messages and answers share a connection, and in which it is said that one is lost.
        let settings = address.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let is_over_tls = matches!(address.addr(), ConnectionAddr::TcpTls { .. });
        let certificates =
            is_over_tls.then(|| TlsCertificates { client_tls: None, root_cert: Some(authorities.to_pem()) });
        let address = address.set_redis_settings(settings);
        Ok(RedisAddress { address, certificates, is_cluster })
    }

    /// A connection for commands that wait no longer than this.
    pub fn commands(&self, patience: Duration) -> Result<Commands> {
        if self.is_cluster {
            let client = self.cluster(patience).build()?;
            return Ok(Commands::Cluster(
                client.get_pending_async_connection_with_config(ClusterConfig::new().set_response_timeout(patience)),
            ));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_number_of_retries(0);
        Ok(Commands::One(Arc::new(Managed::new(self.client()?, config)?)))
    }

    /// A connection that passes what is pushed to it on to `hear`, in the order in which it comes.
    pub async fn subscriber(
        &self,
        patience: Duration,
        hear: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Subscriber> {
        let hear = move |push| {
            hear(push);
            Ok::<(), Infallible>(())
        };
        if self.is_cluster {
            let client = self.cluster(patience).push_sender(hear).build()?;
            return Ok(Subscriber::Cluster(client.get_async_connection().await?));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_push_sender(hear);
        let client = self.client()?;
        Ok(Subscriber::One(client.get_multiplexed_async_connection_with_config(&config).await?))
    }

    fn client(&self) -> RedisResult<Client> {
        match self.certificates.clone() {
            Some(certificates) => Client::build_with_tls(self.address.clone(), certificates),
            None => Client::open(self.address.clone()),
        }
    }

    fn cluster(&self, patience: Duration) -> ClusterClientBuilder {
        let builder = ClusterClient::builder([self.address.clone()])
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(patience)
            .response_timeout(patience);
        match self.certificates.clone() {
            Some(certificates) => builder.certs(certificates),
            None => builder,
        }
    }
}

impl Subscriber {
    /// Subscribes to the channels, and gives those that Redis has confirmed. Of a cluster some nodes may be away.
    pub async fn subscribe(&mut self, channels: Vec<String>) -> Result<Vec<String>> {
        match self {
            Subscriber::One(connection) => {
                for channels in channels.chunks(CHANNELS_AT_ONCE) {
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
                for channels in channels.chunks(CHANNELS_AT_ONCE) {
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

impl Managed {
    fn new(client: Client, config: ConnectionManagerConfig) -> Result<Self> {
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        Ok(Managed { client, config, manager: Mutex::new((manager, Instant::now())) })
    }

    fn connection(&self) -> ConnectionManager {
        self.manager().0.clone()
    }

    /// Lets an answer pass. A failure that is none of the network may be what the manager takes for final.
    fn judged<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        if let Err(failure) = &answer
            && !failure.is_io_error()
        {
            let mut manager = self.manager();
            if manager.1.elapsed() >= REFUSED_AGAIN_AFTER
                && let Ok(new) = ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())
            {
                *manager = (new, Instant::now());
            }
        }
        answer
    }

    fn manager(&self) -> MutexGuard<'_, (ConnectionManager, Instant)> {
        // Nothing panics while it holds the lock.
        self.manager.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether Redis was reached, and lets nobody in who comes like this: a mistake of whoever configured it, rather than an outage.
pub fn is_refusal(failure: &anyhow::Error) -> bool {
    let is_answer = failure
        .chain()
        .filter_map(|cause| cause.downcast_ref::<RedisError>())
        .any(|cause| !matches!(cause.kind(), ErrorKind::Io | ErrorKind::ClusterConnectionNotFound));
    // A cluster's client hides it in an error of the network.
    let text = format!("{failure:#}");
    is_answer || ["WRONGPASS", "NOAUTH", "NOPERM"].iter().any(|code| text.contains(code))
}

impl ConnectionLike for Commands {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Commands::One(managed) => Box::pin(async move {
                let answer = managed.connection().req_packed_command(command).await;
                managed.judged(answer)
            }),
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
            Commands::One(managed) => Box::pin(async move {
                let answers = managed.connection().req_packed_commands(pipeline, offset, count).await;
                managed.judged(answers)
            }),
            Commands::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Commands::One(managed) => managed.client.get_connection_info().redis_settings().db(),
            Commands::Cluster(connection) => connection.get_db(),
        }
    }
}
