//! An order's life, led by people who retry correctly: with the same idempotency key where an order is placed, and where a step is in doubt
//! by reading the order first.

use entity::sea_orm_active_enums::OrderStatus;
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tiffin_tests::{Answer, Person, acts::status_name};

use super::{
    Step, is_for_now, pause,
    scene::{Kitchen, Scene},
};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

/// An order with its history so far.
const ORDER: &str = "id status driver { id } events { sequence status driver { id } }";

/// What is to become of an order.
pub struct Life<'a> {
    scene: &'a Scene,
    kitchen: &'a Kitchen,
    pub customer: &'a Person,
    /// The second one carries the order after the first has given it back.
    drivers: [&'a Person; 2],
    cancelled_from: Option<OrderStatus>,
    assigned_from: OrderStatus,
    /// Whether its driver is still to give it back.
    returned: bool,
    /// Whether drivers take the order themselves, and are not sent by the kitchen.
    claimed: bool,
    random: ChaCha8Rng,
    in_doubt: usize,
}

/// An order as somebody saw it.
#[derive(Clone, Debug)]
pub struct Sight {
    pub id: String,
    status: OrderStatus,
    driver: Option<String>,
    pub history: Vec<Step>,
}

/// What came of a life.
pub struct Lived {
    /// The steps that a server has said were taken.
    pub acknowledged: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    To(OrderStatus),
    Assign(usize),
    GiveBack,
}

/// What is known after a mutation was sent.
enum Outcome {
    Done(Sight),
    /// It may have happened or not, or may happen yet.
    InDoubt,
    Refused(Answer),
}

impl<'a> Life<'a> {
    pub fn random(scene: &'a Scene, drivers: [&'a Person; 2], mut random: ChaCha8Rng) -> Self {
        let [kitchen, customer] =
            [scene.kitchens.len(), scene.customers.len()].map(|count| random.random_range(0..count));
        let cancelled = random.random_bool(0.25);
        let one_of =
            |statuses: &[OrderStatus], random: &mut ChaCha8Rng| *statuses.choose(random).expect("there are some");
        Life {
            scene,
            kitchen: &scene.kitchens[kitchen],
            customer: &scene.customers[customer],
            drivers,
            cancelled_from: cancelled.then(|| one_of(&[Pending, Confirmed, Preparing, Ready, PickedUp], &mut random)),
            assigned_from: one_of(&[Confirmed, Preparing, Ready], &mut random),
            returned: random.random_bool(0.25),
            claimed: random.random_bool(0.5),
            random,
            in_doubt: 0,
        }
    }

    /// Places the order, and asks again with the same key until it is known to be placed.
    pub async fn place(&mut self, key: &str) -> Sight {
        let dish = self.random.random_range(0..self.kitchen.restaurant.dishes.len());
        let mut basket = self.kitchen.restaurant.basket(&[(dish, 1)]);
        basket["idempotencyKey"] = json!(key);
        let document = format!(
            "mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ order {{ {ORDER} }} }} }}"
        );
        let mut tries = 0;
        loop {
            match self.send(self.customer, &document, json!({"input": basket})).await {
                Outcome::Done(order) => return order,
                Outcome::InDoubt => {}
                Outcome::Refused(answer) => panic!("an order is not placed: {answer}"),
            }
            tries += 1;
            pause(tries).await;
        }
    }

    /// Leads the order to its end.
    pub async fn lead(mut self, mut order: Sight) -> Lived {
        // Placing is acknowledged by its first step, whatever happened to it since.
        let mut acknowledged = vec![order.history[0].clone()];
        while let Some(act) = self.next_act(&order) {
            let (actor, document, variables) = self.mutation(act, &order);
            match self.send(actor, &document, variables).await {
                Outcome::Done(seen) => {
                    acknowledged.extend(seen.history.last().cloned());
                    order = seen;
                }
                Outcome::InDoubt => {
                    self.in_doubt += 1;
                    order = self.look(&order.id).await;
                }
                // Something that was in doubt has happened after all.
                Outcome::Refused(answer) => {
                    assert!(self.in_doubt > 0, "{act:?} of {order:?}: {answer}");
                    order = self.look(&order.id).await;
                }
            }
            if matches!(act, Act::GiveBack) && order.driver.is_none() {
                self.returned = false;
            }
        }
        Lived { acknowledged }
    }

    /// What is to be done with the order as it is; nothing when it is over.
    fn next_act(&self, order: &Sight) -> Option<Act> {
        let assignable = [Confirmed, Preparing, Ready];
        let place = |status| assignable.iter().position(|other| *other == status);
        if self.cancelled_from == Some(order.status) {
            return Some(Act::To(Cancelled));
        }
        match (order.driver.is_some(), place(order.status)) {
            (true, Some(_)) if self.returned => return Some(Act::GiveBack),
            (false, now @ Some(_)) if now >= place(self.assigned_from) => {
                return Some(Act::Assign(usize::from(order.history.iter().any(|step| step.driver.is_some()))));
            }
            _ => {}
        }
        match order.status {
            Pending => Some(Act::To(Confirmed)),
            Confirmed => Some(Act::To(Preparing)),
            Preparing => Some(Act::To(Ready)),
            Ready => Some(Act::To(PickedUp)),
            PickedUp => Some(Act::To(Delivered)),
            Delivered | Cancelled => None,
        }
    }

    /// Who does it, and how.
    fn mutation(&self, act: Act, order: &Sight) -> (&'a Person, String, Value) {
        let driver = self.drivers.into_iter().find(|driver| order.driver.as_ref() == Some(&driver.driver_id()));
        let staff = &self.kitchen.staff;
        let (actor, field, input) = match act {
            Act::To(Cancelled) => {
                let actor = match order.status {
                    Pending | Confirmed => self.customer,
                    Preparing | Ready | Delivered | Cancelled => staff,
                    PickedUp => &self.scene.admin,
                };
                (actor, "cancelOrder", json!({"orderId": order.id}))
            }
            Act::To(status) => {
                let actor = match status {
                    PickedUp | Delivered => driver.expect("the order has one of these drivers"),
                    Pending | Confirmed | Preparing | Ready | Cancelled => staff,
                };
                (actor, "updateOrderStatus", json!({"orderId": order.id, "status": status_name(status)}))
            }
            Act::Assign(number) => {
                let driver = self.drivers[number];
                let actor = if self.claimed { driver } else { staff };
                (actor, "assignDriver", json!({"orderId": order.id, "driverId": driver.driver_id()}))
            }
            Act::GiveBack => {
                (driver.expect("the order has one of these drivers"), "releaseDriver", json!({"orderId": order.id}))
            }
        };
        let type_name = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
        let document =
            format!("mutation($input: {type_name}!) {{ done: {field}(input: $input) {{ order {{ {ORDER} }} }} }}");
        (actor, document, json!({"input": input}))
    }

    async fn send(&mut self, actor: &Person, document: &str, variables: Value) -> Outcome {
        let answer = self.scene.somewhere(actor, &mut self.random).try_query(document, variables).await;
        match answer.ok().filter(|answer| !is_for_now(answer)) {
            None => {
                self.scene.in_doubt.send_modify(|count| *count += 1);
                Outcome::InDoubt
            }
            Some(answer) if !answer.problems().is_empty() => {
                let refusals = ["CONFLICT", "FORBIDDEN", "NOT_FOUND"];
                let refused = answer.problems().iter().all(|problem| refusals.contains(&problem.code.as_str()));
                assert!(refused, "{answer}");
                Outcome::Refused(answer)
            }
            Some(answer) => Outcome::Done(Sight::of(answer.at("/done/order"))),
        }
    }

    /// The order as it is now, as soon as somebody tells.
    async fn look(&mut self, id: &str) -> Sight {
        let document = format!("query($id: ID!) {{ order(id: $id) {{ {ORDER} }} }}");
        let mut tries = 0;
        loop {
            tries += 1;
            pause(tries).await;
            let looking = self.scene.somewhere(self.customer, &mut self.random);
            match looking.try_query(&document, json!({"id": id})).await {
                Ok(answer) if !is_for_now(&answer) => return Sight::of(answer.at("/order")),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

impl Sight {
    fn of(order: &Value) -> Self {
        let id = order["id"].as_str().expect("an order has an id").to_owned();
        let history = order["events"].as_array().expect("an order has a history");
        Sight {
            status: status_named(order["status"].as_str().expect("an order has a status")),
            driver: order["driver"]["id"].as_str().map(str::to_owned),
            history: history.iter().map(|event| Step::of(&id, event)).collect(),
            id,
        }
    }
}

fn status_named(name: &str) -> OrderStatus {
    let statuses = [Pending, Confirmed, Preparing, Ready, PickedUp, Delivered, Cancelled];
    statuses.into_iter().find(|status| status_name(*status) == name).expect("a status that is known")
}
