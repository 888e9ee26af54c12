//! Somebody who follows a subscription whatever happens: after each interruption it goes on after the last step it was told.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tiffin_tests::{EventStream, Person};
use tokio::{task::JoinHandle, time::Instant};

use super::{LAST, Step, is_for_now, pause};

const ORDER: &str = "subscription($id: ID!, $after: Int) { event: orderStatusChanged(orderId: $id, after: $after) {
    cursor sequence status driver { id } note order { id } } }";
const KITCHEN: &str = "subscription($id: ID!, $after: String) {
    event: restaurantOrderChanged(restaurantId: $id, after: $after) {
    cursor sequence status driver { id } note order { id } } }";
const ROAD: &str = "subscription($after: String) { event: driverOrderChanged(after: $after) {
    cursor sequence status driver { id } note order { id } } }";

/// What is followed, and from where.
#[derive(Clone, Debug)]
pub enum Subject {
    /// One order, from its first step to its last.
    Order { id: String },
    /// The orders of a restaurant after this cursor, until the last one has ended.
    Kitchen { id: String, start: String },
    /// The orders of a driver after this cursor, until the last one has ended.
    Road { driver: String, start: String },
}

/// A follower at work.
pub struct Follower {
    told: Arc<Mutex<Vec<Step>>>,
    reconnects: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// What is left when it has ended.
pub struct Log {
    pub told: Vec<Step>,
    pub reconnects: usize,
}

impl Follower {
    /// Follows as this person, who is here at each of the servers.
    pub fn start(viewers: Vec<Person>, subject: Subject, random: ChaCha8Rng) -> Self {
        let (told, reconnects) = (Arc::<Mutex<Vec<Step>>>::default(), Arc::<AtomicUsize>::default());
        let following = Following { viewers, subject, told: told.clone(), reconnects: reconnects.clone(), random };
        Follower { told, reconnects, task: tokio::spawn(following.run()) }
    }

    /// What it was told when all was told, or until then: what is missing is for the comparison to say.
    pub async fn log(mut self, deadline: Instant) -> Log {
        match tokio::time::timeout_at(deadline, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => self.task.abort(),
        }
        let told = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        Log { told, reconnects: self.reconnects.load(Ordering::Relaxed) }
    }
}

struct Following {
    viewers: Vec<Person>,
    subject: Subject,
    told: Arc<Mutex<Vec<Step>>>,
    reconnects: Arc<AtomicUsize>,
    random: ChaCha8Rng,
}

impl Following {
    async fn run(mut self) {
        let (document, mut variables) = match &self.subject {
            Subject::Order { id } => (ORDER, json!({"id": id, "after": 0})),
            Subject::Kitchen { id, start } => (KITCHEN, json!({"id": id, "after": start})),
            Subject::Road { start, .. } => (ROAD, json!({"after": start})),
        };
        let mut tries = 0;
        loop {
            let viewer = &self.viewers[self.random.random_range(0..self.viewers.len())];
            let interruption = match viewer.try_subscribe(document, variables.clone()).await {
                Ok(mut stream) => match self.read(&mut stream, &mut variables, &mut tries).await {
                    None => return,
                    Some(close_code) => close_code,
                },
                Err(interruption) => interruption.close_code,
            };
            // The codes from 4400 on say that the client is to blame.
            assert!(interruption.is_none_or(|code| code < 4000), "{:?} was closed with {interruption:?}", self.subject);
            self.reconnects.fetch_add(1, Ordering::Relaxed);
            tries += 1;
            pause(tries).await;
        }
    }

    /// Reads until the end (none), or until the stream is interrupted, with this code if the server closed it.
    async fn read(&self, stream: &mut EventStream, variables: &mut Value, tries: &mut u32) -> Option<Option<u16>> {
        loop {
            let answer = match stream.try_next_event().await {
                Ok(Some(answer)) if is_for_now(&answer) => return Some(None),
                Ok(Some(answer)) => answer,
                Ok(None) => {
                    assert!(self.has_ended(), "{:?} was completed too soon", self.subject);
                    return None;
                }
                Err(interruption) => return Some(interruption.close_code),
            };
            let event = answer.at("/event");
            variables["after"] = match self.subject {
                Subject::Order { .. } => event["sequence"].clone(),
                Subject::Kitchen { .. } | Subject::Road { .. } => event["cursor"].clone(),
            };
            *tries = 0;
            let order = event["order"]["id"].as_str().expect("a step is of an order");
            self.told.lock().unwrap_or_else(PoisonError::into_inner).push(Step::of(order, event));
            if event["note"] == LAST && self.is_feed() {
                return None;
            }
        }
    }

    fn is_feed(&self) -> bool {
        match self.subject {
            Subject::Order { .. } => false,
            Subject::Kitchen { .. } | Subject::Road { .. } => true,
        }
    }

    /// Whether it is for the server to complete the subscription: an order is over, a feed never.
    fn has_ended(&self) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        !self.is_feed() && told.last().is_some_and(Step::is_final)
    }
}
