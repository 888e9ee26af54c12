//! Generates the history of an order, from the basket to its end or to the present: rows that could have come from the services.

use std::{cmp::Reverse, collections::BinaryHeap};

use chrono::{DateTime, Duration, Utc};
use entity::{customers, dishes, order_events, order_items, orders, restaurants, sea_orm_active_enums::OrderStatus};
use rand::{
    Rng,
    seq::{IndexedRandom, SliceRandom},
};
use rand_chacha::ChaCha8Rng;

use tiffin::domain::{
    ids::{GlobalId, UserId},
    money::Charge,
};

/// A restaurant at work: what it sells, and the user who works there.
pub struct Kitchen {
    pub restaurant: restaurants::Model,
    /// Those that are available.
    pub dishes: Vec<dishes::Model>,
    pub staff: i32,
}

/// A driver and its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Courier {
    pub driver: i32,
    pub user: i32,
}

/// How a past order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Delivered,
    /// Delivered by another driver than the first.
    DeliveredByAnother,
    CancelledByCustomer,
    NotAccepted,
    CancelledByKitchen,
    Undeliverable,
}

impl Ending {
    /// An ending, drawn with the frequencies of real life.
    pub fn any(rng: &mut ChaCha8Rng) -> Self {
        match rng.random_range(0..100) {
            0..88 => Ending::Delivered,
            88..90 => Ending::DeliveredByAnother,
            90..94 => Ending::CancelledByCustomer,
            94..96 => Ending::NotAccepted,
            96..99 => Ending::CancelledByKitchen,
            _ => Ending::Undeliverable,
        }
    }
}

/// Something that happens so many seconds after what happened before.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    seconds: i64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Step(OrderStatus, By, Option<&'static str>),
    Assign,
    Release,
}

/// Who takes a step.
#[derive(Clone, Copy, Debug)]
enum By {
    Customer,
    Staff,
    Driver,
    Admin,
    System,
}

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

fn after(seconds: i64, status: OrderStatus, by: By) -> Move {
    Move { seconds, kind: Kind::Step(status, by, None) }
}

fn cancelled(seconds: i64, by: By, note: &'static str) -> Move {
    Move { seconds, kind: Kind::Step(Cancelled, by, Some(note)) }
}

/// The whole way to the door.
fn whole_way(rng: &mut ChaCha8Rng) -> Vec<Move> {
    let mut moves = vec![
        after(0, Pending, By::Customer),
        after(rng.random_range(25..240), Confirmed, By::Staff),
        after(rng.random_range(20..180), Preparing, By::Staff),
        after(rng.random_range(400..1100), Ready, By::Staff),
        after(rng.random_range(90..420), PickedUp, By::Driver),
        after(rng.random_range(420..1300), Delivered, By::Driver),
    ];
    // A driver is found while the kitchen works.
    moves.insert(rng.random_range(2..5), Move { seconds: rng.random_range(15..90), kind: Kind::Assign });
    moves
}

/// The course of an order that ends like this.
pub fn course(rng: &mut ChaCha8Rng, ending: Ending) -> Vec<Move> {
    let mut moves = whole_way(rng);
    match ending {
        Ending::Delivered => {}
        Ending::DeliveredByAnother => {
            let assigned = moves.iter().position(|found| matches!(found.kind, Kind::Assign)).unwrap_or(0);
            moves.insert(assigned + 1, Move { seconds: 120, kind: Kind::Release });
            moves.insert(assigned + 2, Move { seconds: 45, kind: Kind::Assign });
        }
        Ending::CancelledByCustomer => {
            moves.truncate(rng.random_range(1..3));
            moves.push(cancelled(rng.random_range(20..60), By::Customer, "Ordered by mistake."));
        }
        Ending::NotAccepted => {
            moves.truncate(1);
            moves.push(cancelled(15 * 60 + rng.random_range(1..15), By::System, "Not accepted within 15 minutes."));
        }
        Ending::CancelledByKitchen => {
            moves.truncate(rng.random_range(2..4));
            moves.push(cancelled(rng.random_range(60..200), By::Staff, "We ran out of an ingredient. Sorry!"));
        }
        Ending::Undeliverable => {
            moves.truncate(moves.len() - 1);
            moves.push(cancelled(1500, By::Admin, "Nobody was at the address."));
        }
    }
    moves
}

/// The course so far of an order under way.
pub fn course_until(rng: &mut ChaCha8Rng, status: OrderStatus, has_driver: bool) -> Vec<Move> {
    let mut moves = whole_way(rng);
    moves.retain(|found| !matches!(found.kind, Kind::Assign));
    let end = moves.iter().position(|found| matches!(found.kind, Kind::Step(to, _, _) if to == status));
    moves.truncate(end.map_or(1, |end| end + 1));
    if has_driver {
        let place = moves.len() - usize::from(status == PickedUp);
        moves.insert(place, Move { seconds: 30, kind: Kind::Assign });
    }
    moves
}

/// The seconds from the first move to the last.
pub fn length(course: &[Move]) -> i64 {
    course.iter().map(|found| found.seconds).sum()
}

/// Drivers, each with one order at a time.
pub struct Roster(BinaryHeap<Reverse<(DateTime<Utc>, Courier)>>);

impl Roster {
    pub fn new(couriers: impl IntoIterator<Item = Courier>) -> Self {
        Roster(couriers.into_iter().map(|courier| Reverse((DateTime::UNIX_EPOCH, courier))).collect())
    }

    /// The driver who has been free for longest, and when it can begin.
    fn take(&mut self, at: DateTime<Utc>) -> Option<(Courier, DateTime<Utc>)> {
        self.0.pop().map(|Reverse((free_at, courier))| (courier, at.max(free_at)))
    }

    fn give_back(&mut self, courier: Courier, at: DateTime<Utc>) {
        self.0.push(Reverse((at + Duration::seconds(20), courier)));
    }
}

/// An order to generate.
pub struct Appointment<'c> {
    pub id: i32,
    pub placed: DateTime<Utc>,
    pub customer: &'c customers::Model,
    pub kitchen: &'c Kitchen,
    /// The user of an admin, for what only admins do.
    pub admin: i32,
}

/// An order with all that belongs to it. The events' places in the feeds are left to whoever has all orders.
pub struct Story {
    pub order: orders::Model,
    pub items: Vec<order_items::Model>,
    pub events: Vec<order_events::Model>,
}

/// Generates the order's rows from its course.
pub fn tell(rng: &mut ChaCha8Rng, appointment: &Appointment, course: &[Move], roster: &mut Roster) -> Story {
    let (order, items) = placed(rng, appointment);
    let mut story = Story { order, items, events: Vec::with_capacity(course.len()) };
    let mut at = appointment.placed;
    let mut courier = None;
    for found in course {
        at += Duration::seconds(found.seconds);
        let previous_status = (!story.events.is_empty()).then_some(story.order.status);
        let (by, note) = match found.kind {
            Kind::Step(status, by, note) => {
                story.order.status = status;
                (by, note)
            }
            Kind::Assign => {
                let Some((next, begins)) = roster.take(at) else { continue };
                (courier, at) = (Some(next), begins);
                (By::Driver, None)
            }
            Kind::Release => (By::Driver, Some("My tyre is flat.")),
        };
        let actor = actor(appointment, courier, by);
        if let Kind::Release = found.kind
            && let Some(released) = courier.take()
        {
            roster.give_back(released, at);
        }
        story.order.driver_id = courier.map(|courier| courier.driver);
        story.events.push(order_events::Model {
            order_id: appointment.id,
            sequence: i32::try_from(story.events.len()).unwrap_or(i32::MAX - 1) + 1,
            status: story.order.status,
            previous_status,
            driver_id: story.order.driver_id,
            actor,
            note: note.map(str::to_owned),
            at: at.into(),
            published_at: Some(at.into()),
            position: 0,
            feed_transaction: 0,
        });
    }
    if let Some(courier) = courier {
        roster.give_back(courier, at);
    }
    story
}

fn actor(appointment: &Appointment, courier: Option<Courier>, by: By) -> String {
    let user = match by {
        By::Customer => appointment.customer.user_id,
        By::Staff => Some(appointment.kitchen.staff),
        By::Driver => courier.map(|courier| courier.user),
        By::Admin => Some(appointment.admin),
        By::System => None,
    };
    user.map_or_else(|| "SYSTEM".to_owned(), |user| UserId(user).to_global().0)
}

fn placed(rng: &mut ChaCha8Rng, appointment: &Appointment) -> (orders::Model, Vec<order_items::Model>) {
    let Appointment { id, placed, customer, kitchen, .. } = appointment;
    let restaurant = &kitchen.restaurant;
    let lines = rng.random_range(1..=5);
    let mut chosen: Vec<&dishes::Model> = kitchen.dishes.choose_multiple(rng, lines).collect();
    chosen.shuffle(rng);
    let items: Vec<_> = chosen
        .into_iter()
        .map(|dish| order_items::Model {
            order_id: *id,
            dish_id: dish.id,
            quantity: [1, 1, 1, 2, 2, 3].choose(rng).copied().unwrap_or(1),
            unit_price: dish.price,
            dish_name: dish.name.clone(),
        })
        .collect();
    let prices = items.iter().map(|item| (item.unit_price, item.quantity));
    let charge = Charge::of(prices, restaurant.tax_rate, restaurant.delivery_fee, &restaurant.currency);
    let addresses = customer.addresses.as_ref().and_then(|addresses| addresses.as_array());
    let address = addresses.and_then(|addresses| addresses.choose(rng));
    let order = orders::Model {
        id: *id,
        customer_id: customer.id,
        restaurant_id: restaurant.id,
        driver_id: None,
        order_time: (*placed).into(),
        total_amount: charge.total,
        delivery_fee: charge.delivery_fee,
        status: Pending,
        delivery_address: address.cloned().unwrap_or_default(),
        customer_name: Some(customer.name.clone()),
        restaurant_name: Some(restaurant.name.clone()),
        subtotal: charge.subtotal,
        tax: charge.tax,
        currency: restaurant.currency.clone(),
        idempotency_key: None,
        request_hash: None,
    };
    (order, items)
}

/// When people order: at lunch and dinner mostly, and always before `until`; in order.
pub fn order_times(
    rng: &mut ChaCha8Rng,
    count: usize,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let days = (until - since).num_days() + 2;
    let midnight = since - Duration::seconds(since.timestamp().rem_euclid(86_400));
    let mut times: Vec<_> = std::iter::repeat_with(|| {
        // Hours in UTC of a city five hours behind: lunch at 17, dinner at 24.
        let (middle, spread) =
            [(17.0, 3.0), (24.0, 4.0), (23.0, 5.0), (20.0, 9.0)].choose(rng).copied().unwrap_or((20.0, 9.0));
        let hour = middle + spread * (rng.random::<f64>() + rng.random::<f64>() - 1.0);
        let day = Duration::days(rng.random_range(-1..days));
        midnight + day + Duration::milliseconds((hour * 3_600_000.0) as i64)
    })
    .filter(|time| (since..until).contains(time))
    .take(count)
    .collect();
    times.sort();
    times
}
