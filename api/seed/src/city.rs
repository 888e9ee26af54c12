//! Generates the big city: people and orders of the same kind as in the demo, by the hundred thousand.

mod names;
mod timeline;

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{DateTime, Duration, Utc};
use entity::{
    customers,
    sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole},
};
use rand::{
    Rng, SeedableRng,
    distr::{Distribution, weighted::WeightedIndex},
    seq::index,
};
use rand_chacha::ChaCha8Rng;

use self::timeline::Timeline;
use super::{
    ADMIN, CUSTOMER, DRIVER, MERCHANT,
    catalog::{self, RESTAURANTS},
    demo::UNDER_WAY,
    opinion, people,
    rows::{NewDish, NewDriver, NewRestaurant, Rows, degrees, next_id},
    story::{self, Appointment, Courier, Ending, Kitchen, Move, Roster},
};
use tiffin::features::account::service::DEMO_DOMAIN;

const DAYS: i64 = 28;
/// Metres from the centre to the city's edge.
const RADIUS: f64 = 9_000.0;
/// The seed of the random numbers, so that the city is the same everywhere.
const SEED: u64 = 0x0063_6974_7900;
const DISHES: usize = 40;
/// Orders in one chunk.
const CHUNK: usize = 4_000;

/// How much of everything there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub restaurants: usize,
    pub customers: usize,
    pub drivers: usize,
    pub orders: usize,
    pub reviews: usize,
}

impl Size {
    /// 1 is a thousand restaurants; in the smallest there is room for the demo's people and orders.
    pub fn of(scale: f64) -> Self {
        let scaled = |whole: f64, least: usize| ((whole * scale).round() as usize).max(least);
        Size {
            restaurants: scaled(1_000.0, 14),
            customers: scaled(20_000.0, 40),
            drivers: scaled(500.0, 10),
            orders: scaled(200_000.0, 300),
            reviews: scaled(30_000.0, 45),
        }
    }
}

/// The e-mail address of a person who is in the big city only: tells whether it is there.
pub fn landmark() -> String {
    let (_, email) = person(3);
    email
}

/// The name and the e-mail address of the user of that number.
fn person(number: i32) -> (String, String) {
    let name = people::name(usize::try_from(number).unwrap_or_default());
    let email = people::email(&format!("{name} {number}"), DEMO_DOMAIN);
    (name, email)
}

/// Generates the city as it is at `now` and hands it on in chunks, in the order in which they can be written: first people and catalog,
/// then orders, last the reviews. Ends early when the receiver is gone.
pub fn make(size: Size, now: DateTime<Utc>, mut hand_on: impl FnMut(Rows) -> bool) {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut rows = Rows::default();
    let founded = now - Duration::days(900);
    let admin = rows.user("Ada Quinn", ADMIN, UserRole::Admin, founded);
    let merchant = rows.user("Dana Whitfield", MERCHANT, UserRole::Merchant, founded);
    let kitchens = add_restaurants(&mut rng, &mut rows, size, merchant, now);
    add_customers(&mut rng, &mut rows, size, now);
    let plans = plans(&mut rng, size, now);
    add_drivers(&mut rng, &mut rows, size, now);
    set_drivers(&mut rng, &mut rows, &kitchens, &plans);
    let couriers = rows.drivers.iter().map(|row| Courier { driver: row.id, user: row.user_id.unwrap_or_default() });
    let people = CityPeople { kitchens, customers: rows.customers.clone(), couriers: couriers.collect(), admin };
    if !hand_on(rows) {
        return;
    }
    if let Some(served) = tell(&mut rng, &people, &plans, &mut hand_on) {
        hand_on(reviews(&mut rng, size, &served, now));
    }
}

/// The people who have a part in orders.
struct CityPeople {
    kitchens: Vec<Kitchen>,
    customers: Vec<customers::Model>,
    couriers: Vec<Courier>,
    admin: i32,
}

/// The restaurants in business, after which all others are made.
fn model(number: usize) -> &'static catalog::CatalogRestaurant {
    let active = RESTAURANTS.iter().filter(|restaurant| restaurant.is_active).count();
    RESTAURANTS[number % active]
}

fn add_restaurants(
    rng: &mut ChaCha8Rng,
    rows: &mut Rows,
    size: Size,
    merchant: i32,
    now: DateTime<Utc>,
) -> Vec<Kitchen> {
    let mut kitchens = Vec::with_capacity(size.restaurants);
    for number in 0..size.restaurants {
        let opened = now - Duration::days(rng.random_range(40..900));
        let staff = if number < 2 {
            merchant
        } else {
            let (name, email) = person(next_id(&rows.users));
            rows.user(&name, &email, UserRole::Merchant, opened)
        };
        let facts = model(number);
        let restaurant = NewRestaurant {
            name: &names::restaurant(number, facts),
            address: &people::address(rng, "", RADIUS).line1,
            phone: format!("+1 555 {:07}", 1_000_000 + number),
            cuisine: facts.cuisine,
            currency: facts.currency,
            delivery_fee: facts.delivery_fee,
            tax_rate: facts.tax_rate,
            place: people::anywhere(rng, RADIUS),
            is_active: true,
            menu: facts.menu,
            dishes: dishes(rng, facts),
            staff,
        };
        kitchens.push(rows.restaurant(restaurant, opened));
    }
    kitchens
}

/// A menu made of the dishes of all restaurants like this one, in variants.
fn dishes(rng: &mut ChaCha8Rng, facts: &catalog::CatalogRestaurant) -> Vec<NewDish<'static>> {
    let alike =
        |other: &&&catalog::CatalogRestaurant| (other.cuisine, other.currency) == (facts.cuisine, facts.currency);
    let dishes: Vec<_> = RESTAURANTS.iter().filter(alike).flat_map(|restaurant| restaurant.dishes()).collect();
    let expensive = rng.random_range(85..125);
    let coin = if facts.currency == "VND" { 1_000 } else { 5 };
    (0..DISHES)
        .map(|number| {
            let (dish, variant) = (&dishes[number % dishes.len()], number / dishes.len());
            let (name, percent) = names::variant(&dish.name, variant, facts.currency);
            let price = dish.price * percent * expensive / 10_000 / coin * coin;
            let is_available = number == 0 || rng.random_bool(0.95);
            NewDish { name: Cow::Owned(name), price: price.max(coin), is_available, ..*dish }
        })
        .collect()
}

fn add_customers(rng: &mut ChaCha8Rng, rows: &mut Rows, size: Size, now: DateTime<Utc>) {
    for number in 0..size.customers {
        let (mut name, mut email) = person(next_id(&rows.users));
        if number == 0 {
            (name, email) = ("Maya Rao".to_owned(), CUSTOMER.to_owned());
        }
        let joined = now - Duration::days(rng.random_range(DAYS + 2..900));
        let addresses = [people::address(rng, "Home", RADIUS)];
        rows.customer(&name, &email, format!("+1 555 {:07}", 2_000_000 + number), &addresses, joined);
    }
}

fn add_drivers(rng: &mut ChaCha8Rng, rows: &mut Rows, size: Size, now: DateTime<Utc>) {
    for number in 0..size.drivers {
        let (mut name, mut email) = person(next_id(&rows.users));
        if number == 0 {
            (name, email) = ("Diego Santos".to_owned(), DRIVER.to_owned());
        }
        let driver = NewDriver {
            name: &name,
            email: &email,
            phone: format!("+1 555 {:07}", 8_000_000 + number),
            vehicle_type: people::VEHICLES[number % people::VEHICLES.len()],
            place: people::anywhere(rng, RADIUS),
            seen_at: now,
        };
        rows.driver(driver, now - Duration::days(rng.random_range(DAYS + 2..700)));
    }
}

/// Drivers who carry an order are near its restaurant; of the others two thirds work.
fn set_drivers(rng: &mut ChaCha8Rng, rows: &mut Rows, kitchens: &[Kitchen], plans: &[CityOrder]) {
    for (number, driver) in rows.drivers.iter_mut().enumerate() {
        let works = number == 0 || rng.random_bool(0.67);
        driver.status = if works { DriverStatus::Available } else { DriverStatus::Offline };
    }
    for open in plans.iter().filter_map(|plan| plan.open.as_deref()) {
        let Some(driver) = open.driver else { continue };
        let restaurant = &kitchens[open.restaurant].restaurant;
        let driver = &mut rows.drivers[driver];
        driver.status = DriverStatus::Busy;
        driver.current_lat = restaurant.lat.and_then(|lat| degrees(lat + rng.random_range(-0.003..0.003)));
        driver.current_lng = restaurant.lng.and_then(|lng| degrees(lng + rng.random_range(-0.003..0.003)));
    }
}

/// An order to generate: when it is placed, and what is fixed about it in advance.
struct CityOrder {
    placed: DateTime<Utc>,
    /// Of an order under way; the course of one that has ended is drawn as it is generated.
    open: Option<Box<Open>>,
}

/// An order under way, with the indexes of its parties in their lists.
struct Open {
    restaurant: usize,
    customer: usize,
    driver: Option<usize>,
    course: Vec<Move>,
}

fn plans(rng: &mut ChaCha8Rng, size: Size, now: DateTime<Utc>) -> Vec<CityOrder> {
    let open: Vec<_> = UNDER_WAY.into_iter().chain(more_under_way(rng, size)).collect();
    // The last ended some hours ago, so that all drivers are free again.
    let ended = size.orders - open.len();
    let times = story::order_times(rng, ended, now - Duration::days(DAYS), now - Duration::hours(5));
    let mut plans: Vec<_> = times.into_iter().map(|placed| CityOrder { placed, open: None }).collect();
    plans.extend(open.into_iter().map(|(restaurant, customer, status, driver)| {
        let course = story::course_until(rng, status, driver.is_some());
        let placed = now - Duration::seconds(story::length(&course) + rng.random_range(20..150));
        CityOrder { placed, open: Some(Box::new(Open { restaurant, customer, driver, course })) }
    }));
    plans.sort_by_key(|plan| plan.placed);
    plans
}

/// One order in a thousand is under way, in every state.
fn more_under_way(rng: &mut ChaCha8Rng, size: Size) -> Vec<(usize, usize, OrderStatus, Option<usize>)> {
    const STATES: [(OrderStatus, bool); 8] = [
        (OrderStatus::Pending, false),
        (OrderStatus::Confirmed, false),
        (OrderStatus::Preparing, false),
        (OrderStatus::Preparing, true),
        (OrderStatus::Ready, false),
        (OrderStatus::Ready, true),
        (OrderStatus::PickedUp, true),
        (OrderStatus::PickedUp, true),
    ];
    let mut drivers = UNDER_WAY.iter().filter_map(|(_, _, _, driver)| *driver).max().unwrap_or(0) + 1..size.drivers;
    let count = (size.orders / 1_000).saturating_sub(UNDER_WAY.len());
    let next = |(status, is_carried): (OrderStatus, bool)| {
        let driver = if is_carried { Some(drivers.next()?) } else { None };
        Some((rng.random_range(2..size.restaurants), rng.random_range(1..size.customers), status, driver))
    };
    STATES.into_iter().cycle().take(count).filter_map(next).collect()
}

/// When each customer was first served by each restaurant, by their ids.
type FirstServed = BTreeMap<(i32, i32), DateTime<Utc>>;

/// Generates all orders. `None` when the receiver is gone.
fn tell(
    rng: &mut ChaCha8Rng,
    people: &CityPeople,
    plans: &[CityOrder],
    hand_on: &mut impl FnMut(Rows) -> bool,
) -> Option<FirstServed> {
    // Some restaurants are far more popular than others.
    let popularity = WeightedIndex::new((0..people.kitchens.len()).map(|rank| (rank as f64 + 3.0).powf(-0.5))).ok()?;
    let mut everybody = Roster::new(people.couriers.iter().copied());
    let (mut served, mut timeline, mut id) = (FirstServed::new(), Timeline::default(), 0);
    for (done, chunk) in plans.chunks(CHUNK).enumerate() {
        let mut rows = Rows::default();
        for plan in chunk {
            id += 1;
            let story = match plan.open.as_deref() {
                Some(open) => {
                    let appointment = appointment(id, plan.placed, people, open.restaurant, open.customer);
                    let driver = open.driver.map(|driver| people.couriers[driver]);
                    story::tell(rng, &appointment, &open.course, &mut Roster::new(driver))
                }
                None => {
                    let restaurant = popularity.sample(rng);
                    let customer = (people.customers.len() as f64 * rng.random::<f64>().powf(1.2)) as usize;
                    let ending = Ending::any(rng);
                    let course = story::course(rng, ending);
                    let appointment = appointment(id, plan.placed, people, restaurant, customer);
                    story::tell(rng, &appointment, &course, &mut everybody)
                }
            };
            if story.order.status == OrderStatus::Delivered {
                served.entry((story.order.customer_id, story.order.restaurant_id)).or_insert(plan.placed);
            }
            rows.orders.push(story.order);
            rows.items.extend(story.items);
            timeline.add(story.events);
        }
        // Events up to the next chunk's first order are complete: no earlier one is still to come.
        rows.events = timeline.take_until(plans.get((done + 1) * CHUNK).map(|plan| plan.placed));
        if !hand_on(rows) {
            return None;
        }
    }
    Some(served)
}

fn appointment(
    id: i32,
    placed: DateTime<Utc>,
    people: &CityPeople,
    restaurant: usize,
    customer: usize,
) -> Appointment<'_> {
    let (kitchen, customer) = (&people.kitchens[restaurant], &people.customers[customer]);
    Appointment { id, placed, customer, kitchen, admin: people.admin }
}

/// Reviews by some of the customers who were served.
fn reviews(rng: &mut ChaCha8Rng, size: Size, served: &FirstServed, now: DateTime<Utc>) -> Rows {
    let mut rows = Rows::default();
    let served: Vec<_> = served.iter().collect();
    let mut chosen = index::sample(rng, served.len(), size.reviews.min(served.len())).into_vec();
    chosen.sort_by_key(|place| served[*place].1);
    for place in chosen {
        let (parties, placed) = served[place];
        let quality = model(usize::try_from(parties.1 - 1).unwrap_or_default()).quality;
        let at = *placed + Duration::minutes(rng.random_range(90..280));
        let review = opinion::review(rng, next_id(&rows.reviews), *parties, quality, at.min(now));
        rows.reviews.push(review);
    }
    rows
}

#[cfg(test)]
mod tests;
