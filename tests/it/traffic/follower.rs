//! Somebody who follows a subscription whatever happens: after each interruption it goes on after the last step it was told, and begins anew
//! where the server says that the data are not those of before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tiffin_tests::{Answer, EventStream, Person};
use tokio::{task::JoinHandle, time::Instant};

use super::{LAST, Step, is_for_now, pause};

const ORDER: &str = "subscription($id: ID!, $after: Int) { event: orderStatusChanged(orderId: $id, after: $after) {
    cursor sequence status driver { id } note order { id } } }";
const KITCHEN: &str = "subscription($id: ID!, $after: String) {
    event: restaurantOrderChanged(restaurantId: $id, after: $after) {
    cursor sequence status driver { id } note order { id } } }";
const ROAD: &str = "subscription($after: String) { event: driverOrderChanged(after: $after) {
    cursor sequence status driver { id } note order { id } } }";
/// What a page shows that follows one of them.
const ONE: &str = "query($id: ID!) { found: order(id: $id) { id events { sequence status driver { id } } } }";
const ALL: &str = "query($after: String) { found: orders(first: 50, after: $after) {
    nodes { id events { sequence status driver { id } } } pageInfo { hasNextPage endCursor } } }";

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
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

/// What it came to know.
#[derive(Default)]
pub struct Log {
    /// What it was told before it had to begin anew for the first time.
    pub told: Vec<Step>,
    /// What it was told each time after that.
    pub told_anew: Vec<Vec<Step>>,
    /// What it read when it had begun anew, for that is not told.
    pub read: Vec<Step>,
    pub reconnects: usize,
}

impl Log {
    /// What it was told since it last began.
    fn current(&mut self) -> &mut Vec<Step> {
        self.told_anew.last_mut().unwrap_or(&mut self.told)
    }
}

impl Follower {
    /// Follows as this person, who is here at each of the servers.
    pub fn start(viewers: Vec<Person>, subject: Subject, random: ChaCha8Rng) -> Self {
        let log = Arc::<Mutex<Log>>::default();
        let following = Following { viewers, subject, log: log.clone(), random };
        Follower { log, task: tokio::spawn(following.run()) }
    }

    /// What it knows when all was told, or until then: what is missing is for the comparison to say.
    pub async fn log(mut self, deadline: Instant) -> Log {
        match tokio::time::timeout_at(deadline, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => self.task.abort(),
        }
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Following {
    viewers: Vec<Person>,
    subject: Subject,
    log: Arc<Mutex<Log>>,
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
            self.log().reconnects += 1;
            tries += 1;
            pause(tries).await;
        }
    }

    /// Reads until the end (none), or until the stream is interrupted, with this code if the server closed it.
    async fn read(&self, stream: &mut EventStream, variables: &mut Value, tries: &mut u32) -> Option<Option<u16>> {
        loop {
            let answer = match stream.try_next_event().await {
                Ok(Some(answer)) if is_for_now(&answer) => return Some(None),
                Ok(Some(answer)) if has_expired(&answer) => {
                    variables["after"] = Value::Null;
                    self.log().told_anew.push(Vec::new());
                    return Some(None);
                }
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
            let begins_anew = {
                let mut log = self.log();
                log.current().push(Step::of(order, event));
                !log.told_anew.is_empty() && log.current().len() == 1
            };
            if begins_anew {
                // The subscription has begun, so that it tells what is too late to be read.
                self.read_orders().await;
            }
            if event["note"] == LAST && self.is_feed() {
                return None;
            }
        }
    }

    /// Reads the orders that it follows with all of their steps, as a page does that begins.
    async fn read_orders(&self) {
        let (document, mut variables) = match &self.subject {
            Subject::Order { id } => (ONE, json!({"id": id})),
            Subject::Kitchen { .. } | Subject::Road { .. } => (ALL, json!({})),
        };
        let mut tries = 0;
        loop {
            let viewer = &self.viewers[tries as usize % self.viewers.len()];
            match viewer.try_query(document, variables.clone()).await {
                Ok(answer) if !is_for_now(&answer) => {
                    let page = answer.at("/found");
                    let orders = page["nodes"].as_array().map_or(std::slice::from_ref(page), Vec::as_slice);
                    for order in orders {
                        let id = order["id"].as_str().expect("an order has an id");
                        let events = order["events"].as_array().expect("an order has a history");
                        self.log().read.extend(events.iter().map(|event| Step::of(id, event)));
                    }
                    if page["pageInfo"]["hasNextPage"] != true {
                        return;
                    }
                    variables["after"] = page["pageInfo"]["endCursor"].clone();
                }
                Ok(_) | Err(_) => {
                    tries += 1;
                    pause(tries).await;
                }
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
        !self.is_feed() && self.log().current().last().is_some_and(Step::is_final)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the place after which to go on is one in other data than those that there are now.
pub fn has_expired(answer: &Answer) -> bool {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice);
    matches!(errors, Some([error]) if error["extensions"]["reason"] == "CURSOR_EXPIRED")
}
