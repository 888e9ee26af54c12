//! Somebody who follows a subscription whatever happens: after each interruption it goes on after the last step it was told, and begins anew
//! where the server says that the data are not those of before.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tiffin_tests::{Answer, EventStream, Person};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{Step, is_for_now, pause};

/// What is asked of each step.
const STEP: &str = "{ cursor sequence status driver { id } order { id } }";
/// What a page shows that follows one of them.
const ONE: &str = "query($id: ID!) { found: order(id: $id) { id events { sequence status driver { id } } } }";
const ALL: &str = "query($after: String) { found: orders(first: 50, after: $after) {
    nodes { id events { sequence status driver { id } } } pageInfo { hasNextPage endCursor } } }";

/// What is followed, and from where.
#[derive(Clone, Debug)]
pub enum Subject {
    /// One order, from its first step to its last.
    Order { id: String },
    /// What happens after this cursor.
    Feed { of: Feed, start: String },
}

/// Whose orders a feed tells of, which never ends.
#[derive(Clone, Debug)]
pub enum Feed {
    /// A restaurant's.
    Kitchen(String),
    /// Those of several restaurants.
    Kitchens(Vec<String>),
    /// All there are.
    City,
    /// A customer's.
    Customer(String),
    /// A driver's.
    Road(String),
    /// Those that drivers can claim.
    Board,
}

impl Subject {
    pub fn is_feed(&self) -> bool {
        matches!(self, Subject::Feed { .. })
    }

    /// The subscription, with its variables from the start.
    fn subscription(&self) -> (String, Value) {
        let (of, start) = match self {
            Subject::Order { id } => {
                let field = format!("orderStatusChanged(orderId: {id:?}, after: $after)");
                return (format!("subscription($after: Int) {{ event: {field} {STEP} }}"), json!({"after": 0}));
            }
            Subject::Feed { of, start } => (of, start),
        };
        let field = match of {
            Feed::Kitchen(id) => format!("restaurantOrderChanged(restaurantId: {id:?}, after: $after) {STEP}"),
            Feed::Kitchens(ids) => format!("ordersChanged(filter: {{restaurantIds: {ids:?}}}, after: $after) {STEP}"),
            Feed::City => format!("ordersChanged(after: $after) {STEP}"),
            Feed::Customer(_) => format!("myOrdersChanged(after: $after) {STEP}"),
            Feed::Road(_) => format!("driverOrderChanged(after: $after) {STEP}"),
            Feed::Board => "claimableOrdersChanged(after: $after) { cursor kind orderId }".to_owned(),
        };
        (format!("subscription($after: String) {{ event: {field} }}"), json!({"after": start}))
    }

    /// The step or change that an event tells of.
    fn told(&self, event: &Value) -> Step {
        match self {
            Subject::Feed { of: Feed::Board, .. } => Step::of_change(event),
            Subject::Order { .. } | Subject::Feed { .. } => {
                Step::of(event["order"]["id"].as_str().expect("a step is of an order"), event)
            }
        }
    }
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

    /// What it knows when the subscription is complete, or of a feed when this was told at last; or what it knows at the deadline: what is
    /// missing is for the comparison to say.
    pub async fn log(self, last: Option<&Step>, deadline: Instant) -> Log {
        let has_all = || self.task.is_finished() || last.is_some() && lock(&self.log).current().last() == last;
        let waiting = async {
            while !has_all() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = timeout_at(deadline, waiting).await;
        self.task.abort();
        if let Err(failed) = self.task.await
            && failed.is_panic()
        {
            std::panic::resume_unwind(failed.into_panic());
        }
        std::mem::take(&mut *lock(&self.log))
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Following {
    viewers: Vec<Person>,
    subject: Subject,
    log: Arc<Mutex<Log>>,
    random: ChaCha8Rng,
}

impl Following {
    async fn run(mut self) {
        let (document, mut variables) = self.subject.subscription();
        let mut tries = 0;
        loop {
            let viewer = &self.viewers[self.random.random_range(0..self.viewers.len())];
            let interruption = match viewer.try_subscribe(&document, variables.clone()).await {
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
            variables["after"] = event[if self.subject.is_feed() { "cursor" } else { "sequence" }].clone();
            *tries = 0;
            let begins_anew = {
                let mut log = self.log();
                !log.told_anew.is_empty() && log.current().is_empty()
            };
            if begins_anew {
                // The subscription has begun, so that it tells what is too late to be read.
                self.read_orders().await;
            }
            let told = self.subject.told(event);
            self.log().current().push(told);
        }
    }

    /// Reads the orders that it follows with all of their steps, as a page does that begins.
    async fn read_orders(&self) {
        let (document, mut variables) = match &self.subject {
            Subject::Order { id } => (ONE, json!({"id": id})),
            // It was told what there is.
            Subject::Feed { of: Feed::Board, .. } => return,
            Subject::Feed { .. } => (ALL, json!({})),
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

    /// Whether it is for the server to complete the subscription: an order is over, a feed never.
    fn has_ended(&self) -> bool {
        !self.subject.is_feed() && self.log().current().last().is_some_and(Step::is_final)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }
}

/// Whether the place after which to go on is one in other data than those that there are now.
pub fn has_expired(answer: &Answer) -> bool {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice);
    matches!(errors, Some([error]) if error["extensions"]["reason"] == "CURSOR_EXPIRED")
}
