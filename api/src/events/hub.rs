//! Pub/sub within this process, with conflation: each topic that somebody follows keeps only the number of its last signal and, for a
//! driver, the newest place. A slow follower skips what came between and loses nothing by it, and memory stays bounded whoever stalls.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};

use super::{Position, Topic, runs::HeardRuns};
use crate::domain::ids::DriverId;

/// Tells one signal from all others that this process was given.
pub type SignalNumber = u64;

/// What is known of a topic.
#[derive(Clone, Copy, Default)]
struct TopicState {
    /// Of the last signal; 0 before the first.
    signal: SignalNumber,
    /// Whether the broker passes the topic on to here.
    is_confirmed: bool,
    /// The newest place that this process knows of the driver who is followed.
    position: Option<Position>,
}

#[derive(Default)]
struct Topics {
    /// The last number that was given, over all topics: whatever topic is forgotten and followed anew, none comes twice.
    signals: SignalNumber,
    cells: HashMap<Topic, watch::Sender<TopicState>>,
    changes: Changes,
}

/// What the broker has to look at: which topics came and went here, and what it said of its own accord.
#[derive(Default)]
pub(super) struct Changes {
    /// Followed for the first time, or by nobody any more, since the last look.
    pub topics: HashSet<Topic>,
    /// Not passed on any more, though nobody here asked for that.
    pub withdrawn: HashSet<Topic>,
    /// Whether a connection was lost, and with it what was passed on.
    pub is_lost: bool,
}

/// Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(super) struct Hub {
    topics: Arc<Mutex<Topics>>,
    runs: Arc<Mutex<HeardRuns>>,
    changed: Arc<Notify>,
    has_broker: bool,
}

/// One follower of a topic. The topic is forgotten with its last follower.
pub struct Signal {
    topic: Topic,
    receiver: Option<watch::Receiver<TopicState>>,
    hub: Hub,
}

/// One follower of a driver.
pub struct Whereabouts {
    driver: DriverId,
    signal: Signal,
    /// The last one that was seen.
    seen: SignalNumber,
}

impl Hub {
    /// For one process alone: what is followed is heard at once.
    pub fn alone() -> Self {
        Hub { topics: Arc::default(), runs: Arc::default(), changed: Arc::default(), has_broker: false }
    }

    /// What is followed is heard once the broker passes it on.
    pub fn with_broker() -> Self {
        Hub { has_broker: true, ..Hub::alone() }
    }

    pub fn subscribe(&self, topic: Topic) -> Signal {
        let mut topics = self.topics();
        let receiver = match topics.cells.get(&topic) {
            Some(sender) => sender.subscribe(),
            None => {
                let sender = watch::Sender::new(TopicState { is_confirmed: !self.has_broker, ..TopicState::default() });
                let receiver = sender.subscribe();
                topics.cells.insert(topic, sender);
                self.note(&mut topics, topic);
                receiver
            }
        };
        Signal { topic, receiver: Some(receiver), hub: self.clone() }
    }

    pub fn follow(&self, driver: DriverId) -> Whereabouts {
        Whereabouts { driver, signal: self.subscribe(Topic::DriverLocation(driver)), seen: 0 }
    }

    /// Makes the followers of the topic look.
    pub fn tell(&self, topic: Topic) {
        self.change(topic, |cell, number| {
            cell.signal = number;
            true
        });
    }

    /// Tells the followers of the driver where it is, unless they know a newer place.
    pub fn tell_position(&self, driver: DriverId, position: Position) {
        self.change(Topic::DriverLocation(driver), |cell, _| {
            let newest = cell.position.map_or(position, |known| known.or_newer(Some(position)));
            let is_news = cell.position != Some(newest);
            cell.position = Some(newest);
            is_news
        });
    }

    /// From now on the broker passes the topic on. Its followers look, because something may have been missed until now.
    pub fn confirm(&self, topic: Topic) {
        self.change(topic, |cell, number| {
            cell.is_confirmed = true;
            cell.signal = number;
            true
        });
    }

    /// The broker does not pass the topic on any more.
    pub fn withdraw(&self, topic: Topic) {
        self.topics().changes.withdrawn.insert(topic);
        self.changed.notify_one();
    }

    /// A connection to the broker is lost, and with it what was passed on.
    pub fn lose(&self) {
        self.topics().changes.is_lost = true;
        self.changed.notify_one();
    }

    /// Waits until there is something for the broker to look at. For one caller at a time.
    pub async fn changes(&self) -> Changes {
        loop {
            let changes = self.take_changes();
            if changes.is_lost || !changes.topics.is_empty() || !changes.withdrawn.is_empty() {
                return changes;
            }
            self.changed.notified().await;
        }
    }

    /// What there is to look at now, which may be nothing.
    pub fn take_changes(&self) -> Changes {
        std::mem::take(&mut self.topics().changes)
    }

    /// All topics that somebody here follows.
    pub fn followed(&self) -> HashSet<Topic> {
        self.topics().cells.keys().copied().collect()
    }

    pub fn is_followed(&self, topic: Topic) -> bool {
        self.topics().cells.contains_key(&topic)
    }

    /// Which runs of the journal were heard of.
    pub fn runs(&self) -> MutexGuard<'_, HeardRuns> {
        // Nothing panics while it holds the lock.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known of the topic; what it changes may be a signal with the number that it is given.
    fn change(&self, topic: Topic, change: impl FnOnce(&mut TopicState, SignalNumber) -> bool) {
        let mut topics = self.topics();
        topics.signals += 1;
        let number = topics.signals;
        if let Some(sender) = topics.cells.get(&topic) {
            sender.send_if_modified(|cell| change(cell, number));
        }
    }

    fn note(&self, topics: &mut Topics, topic: Topic) {
        if self.has_broker {
            topics.changes.topics.insert(topic);
            self.changed.notify_one();
        }
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        // Nothing panics while it holds the lock; and if it did, the map would still be whole.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signal {
    /// Waits for the next signal, or gives the last one at once if there was one since the last call. `None` when there will be no
    /// more.
    pub async fn changed(&mut self) -> Option<SignalNumber> {
        self.receiver.as_mut()?.changed().await.ok()?;
        Some(self.cell().signal)
    }

    /// Waits until the broker passes the topic on, but no longer than this: whoever was not confirmed in time is made to look
    /// when it is.
    pub(super) async fn confirmed(&mut self, patience: Duration) {
        if let Some(receiver) = &mut self.receiver {
            let confirmed = receiver.wait_for(|cell| cell.is_confirmed);
            let _ = tokio::time::timeout(patience, confirmed).await;
        }
    }

    fn cell(&mut self) -> TopicState {
        self.receiver.as_mut().map(|receiver| *receiver.borrow_and_update()).unwrap_or_default()
    }

    /// The same without marking it as seen: what is new in it is still told.
    fn glance(&self) -> TopicState {
        self.receiver.as_ref().map(|receiver| *receiver.borrow()).unwrap_or_default()
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        let mut topics = self.hub.topics();
        self.receiver = None;
        if topics.cells.get(&self.topic).is_some_and(|sender| sender.receiver_count() == 0) {
            topics.cells.remove(&self.topic);
            self.hub.note(&mut topics, self.topic);
        }
    }
}

impl Whereabouts {
    pub fn driver(&self) -> DriverId {
        self.driver
    }

    /// The newest place that is known here.
    pub fn newest(&self) -> Option<Position> {
        self.signal.glance().position
    }

    /// Whether there was a signal since the last call: a step may have happened to what the driver carries, so look whether the driver may
    /// still be followed. Call it after `newest`: then no place is told that came after the signal.
    pub fn is_to_look(&mut self) -> bool {
        let signal = self.signal.glance().signal;
        std::mem::replace(&mut self.seen, signal) != signal
    }

    /// Tells the driver's last place as read from the database, where neither this process nor the broker remembers one.
    pub fn begin_at(&self, position: Position) {
        self.signal.hub.tell_position(self.driver, position);
    }

    /// Waits for a signal or a newer place since the last call. False when there will be no more.
    pub async fn changed(&mut self) -> bool {
        self.signal.changed().await.is_some()
    }

    pub(super) async fn confirmed(&mut self, patience: Duration) {
        self.signal.confirmed(patience).await;
        self.seen = self.signal.cell().signal;
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::ids::OrderId;

    const ORDER: Topic = Topic::Order(OrderId(1));
    const DRIVER: DriverId = DriverId(1);

    fn at(seconds: i64) -> Position {
        let recorded_at = DateTime::from_timestamp(seconds, 0).expect("a time");
        Position { lat: 0.0, lng: 0.0, heading: None, speed: None, recorded_at }
    }

    #[tokio::test]
    async fn signals_are_kept_for_slow_followers_and_topics_forgotten_with_the_last() {
        let hub = Hub::alone();
        let mut slow = hub.subscribe(ORDER);
        let other = hub.subscribe(ORDER);
        for _ in 0..1000 {
            hub.tell(ORDER);
            hub.tell(Topic::Order(OrderId(2)));
        }
        assert!(slow.changed().await.is_some(), "however many there were, one look is enough");
        drop(slow);
        assert!(hub.is_followed(ORDER));
        drop(other);
        assert!(hub.followed().is_empty());
    }

    /// Whether there was something to wait for, the newest place then, and whether to look first.
    async fn told(follower: &mut Whereabouts) -> (bool, Option<Position>, bool) {
        (follower.changed().await, follower.newest(), follower.is_to_look())
    }

    #[tokio::test]
    async fn places_go_forward_and_a_signal_comes_before_them() {
        let hub = Hub::alone();
        let mut follower = hub.follow(DRIVER);
        assert_eq!(follower.newest(), None);
        for seconds in [1, 3, 2] {
            hub.tell_position(DRIVER, at(seconds));
        }
        assert_eq!(told(&mut follower).await, (true, Some(at(3)), false));
        hub.tell_position(DRIVER, at(3));
        hub.tell(Topic::DriverLocation(DRIVER));
        hub.tell_position(DRIVER, at(4));
        assert_eq!(told(&mut follower).await, (true, Some(at(4)), true));
        hub.tell_position(DRIVER, at(4));
        hub.tell_position(DRIVER, at(5));
        assert_eq!(told(&mut follower).await, (true, Some(at(5)), false));

        // Who takes the place before it waits hears of the signal with it, and of that signal once.
        hub.tell(Topic::DriverLocation(DRIVER));
        hub.tell_position(DRIVER, at(6));
        assert_eq!((follower.newest(), follower.is_to_look(), follower.is_to_look()), (Some(at(6)), true, false));
        assert_eq!(told(&mut follower).await, (true, Some(at(6)), false));
        hub.tell(Topic::DriverLocation(DRIVER));
        assert_eq!(follower.newest(), Some(at(6)));
        assert_eq!(told(&mut follower).await, (true, Some(at(6)), true));
    }

    #[tokio::test]
    async fn the_broker_is_told_what_came_and_went_and_followers_when_it_passes_it_on() {
        let hub = Hub::with_broker();
        let mut first = hub.subscribe(ORDER);
        let second = hub.subscribe(ORDER);
        assert_eq!(hub.changes().await.topics, HashSet::from([ORDER]));

        first.confirmed(Duration::ZERO).await;
        hub.confirm(ORDER);
        assert!(first.changed().await.is_some(), "who was not confirmed in time looks");
        let mut third = hub.subscribe(ORDER);
        third.confirmed(Duration::from_secs(60)).await;

        drop((first, second, third));
        assert_eq!(hub.changes().await.topics, HashSet::from([ORDER]));
        assert!(!hub.is_followed(ORDER));
        hub.lose();
        hub.withdraw(ORDER);
        let changes = hub.changes().await;
        assert!(changes.is_lost && changes.withdrawn.contains(&ORDER) && changes.topics.is_empty());
    }
}
