//! Intruders: people who have no right to see what happens, or lose it, and try all the time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entity::{audit_events, order_events};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use tiffin_tests::{Answer, PATIENCE, Person, builders::Restaurant, global_id, rows::row_number};
use tokio::{task::JoinHandle, time::timeout};

use crate::traffic::{Scene, Seed, has_expired, is_for_now, pause};

/// What somebody without the right is told instead of an answer.
const REFUSALS: [&str; 3] = ["FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"];
/// How long somebody may be told what happens after the right to it was taken away.
const GRACE: Duration = Duration::from_secs(10);

const ORDER: &str =
    "subscription($id: ID!) { event: orderStatusChanged(orderId: $id, after: 0) { sequence order { id } } }";
const KITCHEN: &str =
    "subscription($id: ID!) { event: restaurantOrderChanged(restaurantId: $id) { sequence order { id } } }";
const ROAD: &str = "subscription { event: driverOrderChanged { sequence order { id } } }";
/// No subscription: it is asked again and again.
const CLAIMABLE: &str = "{ claimableOrders(first: 20) { nodes { id } } }";

/// All of them.
pub struct Outsiders {
    watchers: Vec<Watcher>,
    dismissals: Vec<Dismissal>,
    /// What had happened when those who lost their rights must have been stopped.
    past: HashSet<Seen>,
}

/// An order, and one of its steps.
type Seen = (i32, i32);

/// One of them: a socket after the other, at one server or another.
struct Watcher {
    name: &'static str,
    may: May,
    answers: Arc<Mutex<Answers>>,
    task: JoinHandle<()>,
}

/// What one of them may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    Nothing,
    /// They may ask, and are told nothing.
    Ask,
    /// They may know everything until they are dismissed.
    KnowUntilDismissed,
}

/// An act of the admin that takes a right away.
struct Dismissal {
    mutation: &'static str,
    input: Value,
    /// What the record tells of it, and whom or what that was done to.
    recorded: (&'static str, String),
}

#[derive(Default)]
struct Answers {
    told: Vec<Seen>,
    refusals: usize,
}

impl Outsiders {
    /// Lets them watch at the servers of the scene from now on.
    pub async fn come(scene: &Scene, seed: Seed) -> Self {
        let city = &scene.city;
        let restaurant = city.restaurant().create().await;
        let (eve, oanh, bao) =
            (city.customer("Eve").await, city.merchant_of(&restaurant).await, city.driver("Bao").await);
        let [first, second, third] = [0, 1, 2].map(|number| &scene.kitchens[number].restaurant);
        let (lan, kim) = (city.merchant_of(first).await, city.merchant_of(second).await);
        let (mai, minh, phuc) = (city.admin().await, city.driver("Minh").await, city.driver("Phuc").await);
        let dismissals = vec![
            Dismissal {
                mutation: "removeRestaurantMember",
                input: json!({"restaurantId": first.id(), "userId": lan.user_id()}),
                recorded: ("RESTAURANT_MEMBER_REMOVED", first.id()),
            },
            Dismissal::deactivates(&kim),
            Dismissal::deactivates(&minh),
            Dismissal::to_customer(&mai),
            Dismissal::to_customer(&phuc),
        ];
        let old = scene.old.row.id;
        let any_order =
            move |random: &mut ChaCha8Rng| json!({"id": global_id("Order", old + random.random_range(0..200))});
        let kitchens: Vec<_> = scene.kitchens.iter().map(|kitchen| kitchen.restaurant.id()).collect();
        let any_kitchen =
            move |random: &mut ChaCha8Rng| json!({"id": kitchens[random.random_range(0..kitchens.len())]});
        let at = |restaurant: &Restaurant| {
            let id = restaurant.id();
            move |_: &mut ChaCha8Rng| json!({"id": id})
        };
        let none = |_: &mut ChaCha8Rng| json!({});
        let all: [(_, _, _, _, Variables); 10] = [
            ("another customer", May::Nothing, eve.clone(), ORDER, Box::new(any_order)),
            ("somebody who is not signed in", May::Nothing, city.anonymous(), ORDER, Box::new(any_order)),
            ("staff of another restaurant", May::Nothing, oanh, KITCHEN, Box::new(any_kitchen.clone())),
            ("a customer at a kitchen", May::Nothing, eve, KITCHEN, Box::new(any_kitchen)),
            ("a driver without orders", May::Ask, bao, ROAD, Box::new(none)),
            ("staff who was removed", May::KnowUntilDismissed, lan, KITCHEN, Box::new(at(first))),
            ("staff who was deactivated", May::KnowUntilDismissed, kim, KITCHEN, Box::new(at(second))),
            ("an admin who became a customer", May::KnowUntilDismissed, mai, KITCHEN, Box::new(at(third))),
            ("a driver who was deactivated", May::KnowUntilDismissed, minh, CLAIMABLE, Box::new(none)),
            ("a driver who became a customer", May::KnowUntilDismissed, phuc, CLAIMABLE, Box::new(none)),
        ];
        let watchers = all.into_iter().enumerate().map(|(number, (name, may, person, document, variables))| {
            let (viewers, answers) = (scene.everywhere(&person), Arc::<Mutex<Answers>>::default());
            let random = seed.random("outsiders", number);
            let watching = Watching { viewers, document, variables, answers: answers.clone(), random };
            Watcher { name, may, answers, task: tokio::spawn(watching.run()) }
        });
        Outsiders { watchers: watchers.collect(), dismissals, past: HashSet::new() }
    }

    /// Takes the rights of those away who had some, once they were told something, and waits until they must have been stopped. The
    /// database must answer meanwhile: what cannot be read nobody is told of, nor that the right to it is gone.
    pub async fn dismiss(&mut self, scene: &Scene, seed: Seed) {
        for watcher in self.watchers.iter().filter(|watcher| watcher.may == May::KnowUntilDismissed) {
            let until_told = async {
                while watcher.answers().told.is_empty() {
                    pause(4).await;
                }
            };
            timeout(PATIENCE, until_told).await.unwrap_or_else(|_| panic!("{} is told nothing", watcher.name));
        }
        let mut random = seed.random("dismissals", 0);
        for dismissal in &self.dismissals {
            dismissal.happen(scene, &mut random).await;
        }
        tokio::time::sleep(GRACE).await;
        let events = order_events::Entity::find().all(scene.city.db()).await.expect("the steps can be read");
        self.past = events.into_iter().map(|event| (event.order_id, event.sequence)).collect();
    }

    /// They go. Nobody was told anything without the right to it, and those who may not even ask were refused.
    pub async fn expect_nothing_told(self, scene: &Scene) {
        for Watcher { name, may, answers, task } in self.watchers {
            task.abort();
            if let Err(ended) = task.await
                && ended.is_panic()
            {
                std::panic::resume_unwind(ended.into_panic());
            }
            let Answers { told, refusals } = &*answers.lock().unwrap_or_else(PoisonError::into_inner);
            let may_know = |seen: &&Seen| may == May::KnowUntilDismissed && self.past.contains(seen);
            let leaked: Vec<_> = told.iter().filter(|seen| !may_know(seen)).collect();
            assert!(leaked.is_empty(), "{name} was told of {leaked:?} (an order and its step)");
            assert!(may != May::Nothing || *refusals > 0, "{name} was refused");
        }
        for Dismissal { recorded: (action, subject), .. } in self.dismissals {
            let lines = audit_events::Entity::find()
                .filter(audit_events::Column::Action.eq(action))
                .filter(audit_events::Column::Subject.eq(&subject));
            assert_eq!(lines.count(scene.city.db()).await.unwrap(), 1, "{action} {subject} is in the record");
        }
    }
}

impl Watcher {
    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dismissal {
    fn deactivates(user: &Person) -> Self {
        Dismissal {
            mutation: "setUserActive",
            input: json!({"userId": user.user_id(), "isActive": false}),
            recorded: ("USER_DEACTIVATED", user.user_id()),
        }
    }

    fn to_customer(user: &Person) -> Self {
        Dismissal {
            mutation: "setUserRole",
            input: json!({"userId": user.user_id(), "role": "CUSTOMER"}),
            recorded: ("USER_ROLE_SET", user.user_id()),
        }
    }

    /// The admin does it, and tries again until it is known to be done.
    async fn happen(&self, scene: &Scene, random: &mut ChaCha8Rng) {
        let Dismissal { mutation, input, .. } = self;
        let type_name = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let document = format!("mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ __typename }} }}");
        let mut tries = 0;
        loop {
            let admin = scene.somewhere(&scene.admin, random);
            match admin.try_query(&document, json!({"input": input})).await {
                Ok(answer) if answer.problems().is_empty() => return,
                Ok(answer) if !is_for_now(&answer) => {
                    // What was in doubt has happened after all.
                    assert!(tries > 0, "{answer}");
                    answer.expect_code("NOT_FOUND");
                    return;
                }
                Ok(_) | Err(_) => {}
            }
            tries += 1;
            pause(tries).await;
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
            if self.document == CLAIMABLE {
                if let Ok(answer) = viewer.try_query(CLAIMABLE, variables).await {
                    self.note(&answer, |answer| {
                        let orders = answer.list("/claimableOrders/nodes").iter();
                        orders.map(|order| (row_number(order["id"].as_str().unwrap()), 1)).collect()
                    });
                }
            } else if let Ok(mut stream) = viewer.try_subscribe(self.document, variables).await {
                while let Ok(Some(answer)) = stream.try_next_event().await {
                    self.note(&answer, |answer| {
                        let event = answer.at("/event");
                        let order = row_number(event["order"]["id"].as_str().unwrap());
                        vec![(order, event["sequence"].as_i64().unwrap() as i32)]
                    });
                }
            }
            pause(4).await;
        }
    }

    fn note(&self, answer: &Answer, read: impl Fn(&Answer) -> Vec<Seen>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let problems = answer.problems();
        if problems.is_empty() {
            answers.told.extend(read(answer));
        } else if !is_for_now(answer) && !has_expired(answer) {
            assert!(problems.iter().all(|problem| REFUSALS.contains(&problem.code.as_str())), "{answer}");
            answers.refusals += 1;
        }
    }
}
