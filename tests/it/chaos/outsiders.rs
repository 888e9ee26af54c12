//! People who have no right to what happens, and ask for it all the time.

use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tiffin_tests::{EventStream, Person, global_id};
use tokio::task::JoinHandle;

use crate::traffic::{Scene, Seed, is_for_now, pause};

/// What somebody without the right is told instead of an answer, and what anybody is told where something is away.
const REFUSALS: [&str; 5] = ["FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED", "UNAVAILABLE", "TIMEOUT"];

const ORDER: &str =
    "subscription($id: ID!) { event: orderStatusChanged(orderId: $id, after: 0) { sequence order { id } } }";
const KITCHEN: &str =
    "subscription($id: ID!) { event: restaurantOrderChanged(restaurantId: $id) { sequence order { id } } }";
const ROAD: &str = "subscription { event: driverOrderChanged { sequence order { id } } }";

/// All of them.
pub struct Outsiders(Vec<Watcher>);

/// One of them: a socket after the other, at one server or another.
struct Watcher {
    name: &'static str,
    /// Whether they may ask, and are just told nothing.
    may_ask: bool,
    answers: Arc<Mutex<Answers>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Answers {
    told: Vec<Value>,
    refusals: usize,
}

impl Outsiders {
    /// Lets them watch at the servers of the scene from now on.
    pub async fn come(scene: &Scene, seed: Seed) -> Self {
        let city = &scene.city;
        let restaurant = city.restaurant().create().await;
        let (eve, oanh, bao) =
            (city.customer("Eve").await, city.merchant_of(&restaurant).await, city.driver("Bao").await);
        let nobody = city.anonymous();
        let old = scene.old.row.id;
        let any_order =
            move |random: &mut ChaCha8Rng| json!({"id": global_id("Order", old + random.random_range(0..200))});
        let kitchens: Vec<_> = scene.kitchens.iter().map(|kitchen| kitchen.restaurant.id()).collect();
        let any_kitchen =
            move |random: &mut ChaCha8Rng| json!({"id": kitchens[random.random_range(0..kitchens.len())]});
        let none = |_: &mut ChaCha8Rng| json!({});
        let all: [(_, _, _, Variables); 5] = [
            ("another customer", &eve, ORDER, Box::new(any_order)),
            ("somebody who is not signed in", &nobody, ORDER, Box::new(any_order)),
            ("staff of another restaurant", &oanh, KITCHEN, Box::new(any_kitchen.clone())),
            ("a customer at a kitchen", &eve, KITCHEN, Box::new(any_kitchen)),
            ("a driver without orders", &bao, ROAD, Box::new(none)),
        ];
        let watchers = all.into_iter().enumerate().map(|(number, (name, person, document, variables))| {
            let (viewers, answers) = (scene.everywhere(person), Arc::<Mutex<Answers>>::default());
            let random = seed.random("outsiders", number);
            let watching = Watching { viewers, document, variables, answers: answers.clone(), random };
            Watcher { name, may_ask: document == ROAD, answers, task: tokio::spawn(watching.run()) }
        });
        Outsiders(watchers.collect())
    }

    /// They go. Nobody was told anything, and those who may not even ask were refused.
    pub async fn expect_nothing_told(self) {
        for Watcher { name, may_ask, answers, task } in self.0 {
            task.abort();
            if let Err(ended) = task.await
                && ended.is_panic()
            {
                std::panic::resume_unwind(ended.into_panic());
            }
            let Answers { told, refusals } = &*answers.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(told.is_empty(), "{name} was told {told:#?}");
            assert!(may_ask || *refusals > 0, "{name} was refused");
        }
    }
}

type Variables = Box<dyn FnMut(&mut ChaCha8Rng) -> Value + Send + Sync>;

struct Watching {
    viewers: Vec<Person>,
    document: &'static str,
    variables: Variables,
    answers: Arc<Mutex<Answers>>,
    random: ChaCha8Rng,
}

impl Watching {
    async fn run(mut self) {
        loop {
            let viewer = &self.viewers[self.random.random_range(0..self.viewers.len())];
            let variables = (self.variables)(&mut self.random);
            if let Ok(mut stream) = viewer.try_subscribe(self.document, variables).await {
                self.read(&mut stream).await;
            }
            pause(4).await;
        }
    }

    /// Reads until the end.
    async fn read(&self, stream: &mut EventStream) {
        while let Ok(Some(answer)) = stream.try_next_event().await {
            let problems = answer.problems();
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if problems.is_empty() {
                answers.told.push(answer.at("/event").clone());
            } else {
                assert!(problems.iter().all(|problem| REFUSALS.contains(&problem.code.as_str())), "{answer}");
                answers.refusals += usize::from(!is_for_now(&answer));
            }
        }
    }
}
