//! The subscriptions at Redis: a topic is subscribed with its first follower here and unsubscribed with its last. Redis delivers at most
//! once, so a topic's followers read the database whenever its subscription is confirmed (again).

use std::{collections::HashSet, convert::Infallible, time::Duration};

use anyhow::{Context, Result, bail};
use redis::{Msg, PushInfo, PushKind};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use super::{RESPONSE_TIMEOUT, RedisLink};
use crate::{
    events::{
        Topic,
        hub::{Changes, Hub},
    },
    redis_connection::{Subscriber, is_refusal},
};

/// How long to wait before a connection, or a topic that was not confirmed, is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// How often the connection is pinged: a dead one says nothing by itself.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often it is said why Redis is away, as long as that is the same.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

struct Listener {
    link: RedisLink,
    hub: Hub,
    subscriber: Subscriber,
    /// The topics whose subscription Redis has confirmed.
    confirmed: HashSet<Topic>,
    /// The topics whose subscription is not confirmed yet, and is retried.
    unconfirmed: HashSet<Topic>,
}

/// Listens, beginning with the first attempt to connect where there was one.
pub async fn listen_forever(link: RedisLink, hub: Hub, first: Option<Result<Subscriber>>) -> Infallible {
    let mut absence = Absence::default();
    let mut attempt = match first {
        Some(attempt) => attempt,
        None => connect(&link, &hub).await,
    };
    loop {
        match attempt {
            Ok(subscriber) => {
                absence.end();
                let (link, hub) = (link.clone(), hub.clone());
                let mut listener =
                    Listener { link, hub, subscriber, confirmed: HashSet::new(), unconfirmed: HashSet::new() };
                let Err(reason) = listener.listen().await;
                absence.begin(&reason);
            }
            Err(failure) => absence.go_on(&failure),
        }
        sleep(TRY_AGAIN_AFTER).await;
        // Drops what the old connection reported: all topics are subscribed anew.
        hub.take_changes();
        attempt = connect(&link, &hub).await;
    }
}

/// What was last said of why Redis is away, and when. Nothing: it is there.
#[derive(Default)]
struct Absence(Option<(String, Instant)>);

impl Absence {
    fn begin(&mut self, reason: &anyhow::Error) {
        let reason = format!("{reason:#}");
        tracing::warn!(reason, "the subscription at Redis was lost; making it again");
        self.0 = Some((reason, Instant::now()));
    }

    fn go_on(&mut self, failure: &anyhow::Error) {
        let error = format!("{failure:#}");
        if self.0.as_ref().is_some_and(|(said, at)| *said == error && at.elapsed() < SAID_AGAIN_AFTER) {
            return;
        }
        if is_refusal(failure) {
            tracing::error!(
                error,
                "Redis refuses us: look at REDIS_URL. Other processes and this one do not hear of each other's changes until it lets us in"
            );
        } else {
            tracing::warn!(
                error,
                "Redis is away: other processes and this one do not hear of each other's changes until it is there"
            );
        }
        self.0 = Some((error, Instant::now()));
    }

    fn end(&mut self) {
        if self.0.take().is_some() {
            tracing::info!("connected to Redis");
        }
    }
}

pub async fn connect(link: &RedisLink, hub: &Hub) -> Result<Subscriber> {
    let (names, hub) = (link.clone(), hub.clone());
    let connecting = link.address.subscriber(RESPONSE_TIMEOUT, move |push| hear(&names, &hub, push));
    timeout(RESPONSE_TIMEOUT, connecting).await.context("no answer in time")?
}

/// Takes in what Redis says, without waiting for anything.
fn hear(link: &RedisLink, hub: &Hub, push: PushInfo) {
    match push.kind {
        PushKind::Disconnection => hub.lose(),
        // Asked for by us, or because another node of the cluster has the topic from now on.
        PushKind::SUnsubscribe => {
            let channel =
                push.data.into_iter().next().and_then(|channel| redis::from_redis_value::<String>(channel).ok());
            if let Some(topic) = channel.and_then(|channel| link.topic(&channel)) {
                hub.withdraw(topic);
            }
        }
        PushKind::Message | PushKind::SMessage => {
            let Some(message) = Msg::from_push_info(push) else { return };
            let Some(topic) = link.topic(message.get_channel_name()) else { return };
            let payload = str::from_utf8(message.get_payload_bytes()).unwrap_or_default();
            match topic {
                Topic::DriverLocation(driver) if let Ok(position) = payload.parse() => {
                    hub.tell_position(driver, position)
                }
                Topic::Journal if let Ok(run) = payload.parse() => hub.runs().hear(run),
                _ => hub.tell(topic),
            }
        }
        _ => {}
    }
}

impl Listener {
    /// Subscribes to what is followed, and to what comes, until the connection is lost.
    async fn listen(&mut self) -> Result<Infallible> {
        self.confirmed.clear();
        self.unconfirmed = self.hub.followed();
        let mut heartbeat = interval(HEARTBEAT);
        let mut next_try = Instant::now();
        loop {
            let topics = tokio::select! {
                changes = self.hub.changes() => self.topics_to_look_at(changes)?,
                () = sleep_until(next_try), if !self.unconfirmed.is_empty() => std::mem::take(&mut self.unconfirmed),
                _ = heartbeat.tick() => {
                    if let Err(error) = self.subscriber.ping().await {
                        tracing::debug!(error = format!("{error:#}"), "the subscription does not answer");
                        self.hub.lose();
                    }
                    continue;
                }
            };
            self.look_at(topics).await?;
            // Topics that come and go meanwhile do not put a retry off.
            if self.unconfirmed.is_empty() || next_try <= Instant::now() {
                next_try = Instant::now() + TRY_AGAIN_AFTER;
            }
        }
    }

    fn topics_to_look_at(&mut self, changes: Changes) -> Result<HashSet<Topic>> {
        let mut topics = changes.topics;
        for topic in changes.withdrawn {
            self.confirmed.remove(&topic);
            topics.insert(topic);
        }
        // A cluster's connection mends itself, but nobody says when, and which topics were those of the node that was lost.
        if changes.is_lost {
            bail!("a connection ended");
        }
        Ok(topics)
    }

    /// Subscribes or unsubscribes these topics, so that Redis passes on exactly those that are followed.
    async fn look_at(&mut self, topics: HashSet<Topic>) -> Result<()> {
        let (followed, left): (Vec<_>, Vec<_>) = topics.into_iter().partition(|topic| self.hub.is_followed(*topic));
        // Followed anew before it was left.
        let (mut passed_on, missing): (Vec<_>, Vec<_>) =
            followed.into_iter().partition(|topic| self.confirmed.contains(topic));
        let left: Vec<_> = left.into_iter().filter(|topic| self.confirmed.remove(topic)).collect();

        let channels: Vec<_> = missing.iter().map(|topic| self.link.channel(*topic)).collect();
        let confirmed = self.subscriber.subscribe(channels).await?;
        passed_on.extend(confirmed.iter().filter_map(|channel| self.link.topic(channel)));
        self.confirmed.extend(&passed_on);
        self.unconfirmed.extend(missing.into_iter().filter(|topic| !self.confirmed.contains(topic)));
        self.confirm(passed_on).await;

        let channels: Vec<_> = left.iter().map(|topic| self.link.channel(*topic)).collect();
        self.subscriber.unsubscribe(channels).await
    }

    /// Makes the followers of these topics look. Those who follow drivers are told the places that Redis remembers.
    async fn confirm(&mut self, topics: Vec<Topic>) {
        let drivers: Vec<_> = topics
            .iter()
            .filter_map(|topic| match topic {
                Topic::DriverLocation(driver) => Some(*driver),
                _ => None,
            })
            .collect();
        match self.link.last_positions(&drivers).await {
            Ok(places) => places.into_iter().for_each(|(driver, position)| self.hub.tell_position(driver, position)),
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "the last places are not known yet");
                let again = drivers.into_iter().map(Topic::DriverLocation);
                self.unconfirmed.extend(again.filter(|topic| self.confirmed.remove(topic)));
            }
        }
        for topic in topics.into_iter().filter(|topic| self.confirmed.contains(topic)) {
            self.hub.confirm(topic);
        }
    }
}
