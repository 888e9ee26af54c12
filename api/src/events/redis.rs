//! Notices between processes through Redis pub/sub. Each process holds one subscriber connection, whatever the number of its
//! sockets. Redis stores nothing: after every reconnection all followers look at the database.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use redis::{
    AsyncCommands, Client,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;

use super::{Notice, hub::Hub};

/// How long to wait before the subscriber connection is made again.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);
/// How long a change waits for Redis to take its notice: its author waits too, and the sweep says it again.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a command may take before Redis counts as away.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct RedisBroker {
    channel: String,
    connection: ConnectionManager,
    listener: JoinHandle<()>,
}

impl RedisBroker {
    pub async fn connect(url: &SecretString, prefix: &str, hub: Hub) -> Result<Self> {
        let client =
            Client::open(url.expose_secret()).context("REDIS_URL is not a Redis URL such as redis://localhost:6379")?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_with_config(client.clone(), config)
            .await
            .context("Redis cannot be reached at REDIS_URL")?;
        let channel = format!("{prefix}:changes");
        let subscriber = subscribe(&client, &channel).await.context("Redis does not let us subscribe")?;
        let listener = tokio::spawn(listen_forever(client, channel.clone(), subscriber, hub));
        Ok(RedisBroker { channel, connection, listener })
    }

    pub async fn publish(&self, notice: &Notice) -> Result<()> {
        let message = serde_json::to_string(notice)?;
        let mut connection = self.connection.clone();
        let publishing = connection.publish::<_, _, ()>(&self.channel, message);
        Ok(tokio::time::timeout(PUBLISH_TIMEOUT, publishing).await??)
    }

    pub async fn ping(&self) -> Result<()> {
        redis::cmd("PING").query_async::<()>(&mut self.connection.clone()).await?;
        Ok(())
    }
}

impl Drop for RedisBroker {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn subscribe(client: &Client, channel: &str) -> Result<PubSub> {
    let mut subscriber = client.get_async_pubsub().await?;
    subscriber.subscribe(channel).await?;
    Ok(subscriber)
}

async fn listen_forever(client: Client, channel: String, subscriber: PubSub, hub: Hub) {
    let mut next = Some(subscriber);
    loop {
        if let Some(subscriber) = next.take() {
            listen(subscriber, &hub).await;
            tracing::warn!("the subscription at Redis was lost; making it again");
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
        match tokio::time::timeout(RESPONSE_TIMEOUT, subscribe(&client, &channel)).await {
            Ok(Ok(subscriber)) => {
                tracing::info!("subscribed at Redis again");
                // Whatever was said meanwhile is lost to us, so everybody looks.
                hub.tell_all();
                next = Some(subscriber);
            }
            Ok(Err(error)) => tracing::debug!(error = format!("{error:#}"), "Redis is still away"),
            Err(_) => tracing::debug!("Redis does not answer"),
        }
    }
}

/// Passes notices on until the connection ends.
async fn listen(mut subscriber: PubSub, hub: &Hub) {
    let mut messages = subscriber.on_message();
    while let Some(message) = messages.next().await {
        match serde_json::from_slice::<Notice>(message.get_payload_bytes()) {
            Ok(notice) => hub.tell(&notice),
            Err(error) => tracing::warn!(%error, "a notice that is not ours was ignored"),
        }
    }
}
