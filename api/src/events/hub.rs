//! The topics that somebody in this process follows. Each is a cell that counts its signals: a slow follower skips signals, and
//! loses nothing by it, because each only says "look"; memory stays bounded whoever stalls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::Notice;

/// How often each topic was signalled.
type Topics = HashMap<String, watch::Sender<u64>>;

#[derive(Clone, Default)]
pub(super) struct Hub {
    topics: Arc<Mutex<Topics>>,
}

/// One follower of a topic. The topic is forgotten with its last follower.
pub struct Signal {
    topic: String,
    receiver: Option<watch::Receiver<u64>>,
    hub: Hub,
}

impl Hub {
    pub fn subscribe(&self, topic: String) -> Signal {
        let mut topics = self.topics();
        let sender = topics.entry(topic.clone()).or_insert_with(|| watch::Sender::new(0));
        let receiver = sender.subscribe();
        drop(topics);
        Signal { topic, receiver: Some(receiver), hub: self.clone() }
    }

    pub fn tell(&self, notice: &Notice) {
        let topics = self.topics();
        for sender in notice.topics.iter().filter_map(|topic| topics.get(topic)) {
            sender.send_modify(|signals| *signals += 1);
        }
    }

    /// Makes every follower look, because something may have been missed.
    pub fn tell_all(&self) {
        for sender in self.topics().values() {
            sender.send_modify(|signals| *signals += 1);
        }
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        // Nothing panics while it holds the lock; and if it did, the map would still be whole.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signal {
    /// Waits for the next signal, or returns at once if there was one since the last call. False when there will be no more.
    pub async fn changed(&mut self) -> bool {
        match &mut self.receiver {
            Some(receiver) => receiver.changed().await.is_ok(),
            None => false,
        }
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        let mut topics = self.hub.topics();
        self.receiver = None;
        if topics.get(&self.topic).is_some_and(|sender| sender.receiver_count() == 0) {
            topics.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(topic: &str) -> Notice {
        Notice { topics: vec![topic.to_owned()] }
    }

    #[tokio::test]
    async fn signals_are_kept_for_slow_followers_and_topics_forgotten_with_the_last() {
        let hub = Hub::default();
        let mut slow = hub.subscribe("order:1".to_owned());
        let other = hub.subscribe("order:1".to_owned());
        for _ in 0..1000 {
            hub.tell(&notice("order:1"));
            hub.tell(&notice("order:2"));
        }
        assert!(slow.changed().await, "however many there were, one look is enough");
        drop(slow);
        assert_eq!(hub.topics().len(), 1);
        drop(other);
        assert!(hub.topics().is_empty());
    }
}
