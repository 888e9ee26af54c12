//! Generates the demo city: small enough to know by heart, with orders in every state.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use entity::sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole};
use rand::{
    Rng, SeedableRng,
    seq::{IndexedRandom, SliceRandom},
};
use rand_chacha::ChaCha8Rng;

use super::{
    ADMIN, CUSTOMER, DRIVER, MERCHANT,
    catalog::{self, RESTAURANTS},
    opinion, people,
    rows::{NewDriver, NewRestaurant, Rows, degrees, next_id},
    story::{self, Appointment, Courier, Ending, Kitchen, Move, Roster},
};
use tiffin::features::account::service::DEMO_DOMAIN;

const CUSTOMERS: usize = 40;
const DRIVERS: usize = 10;
const ORDERS: usize = 300;
const DAYS: i64 = 28;
/// Metres from the centre to where the last people live.
const RADIUS: f64 = 1600.0;
/// The seed of the random numbers, so that the city is the same everywhere.
const SEED: u64 = 0x0074_6966_6669_6e00;

/// Orders under way at the beginning, by the indexes of restaurant, customer and driver in their lists. The demo's own people are the first
/// customer and driver, and staff of the first two restaurants.
pub const UNDER_WAY: [(usize, usize, OrderStatus, Option<usize>); 16] = [
    (0, 5, Pending, None),
    (0, 9, Pending, None),
    (0, 12, Confirmed, None),
    (0, 14, Preparing, None),
    (0, 17, Ready, None),
    (0, 20, Ready, Some(1)),
    (1, 7, Pending, None),
    (1, 22, Preparing, None),
    (2, 11, Confirmed, None),
    (3, 15, Preparing, None),
    (4, 0, PickedUp, Some(2)),
    (5, 18, Preparing, Some(3)),
    (6, 25, PickedUp, Some(4)),
    (7, 28, Pending, None),
    (9, 33, Preparing, None),
    (10, 30, Confirmed, None),
];
use OrderStatus::{Confirmed, Pending, PickedUp, Preparing, Ready};

/// The indexes of the drivers who are OFFLINE at the beginning.
const OFFLINE: [usize; 2] = [8, 9];

/// The city as it is at `now`: the same each time, but for the times.
pub fn rows(now: DateTime<Utc>) -> Rows {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut rows = Rows::default();
    let joined = now - Duration::days(420);
    rows.user("Dana Whitfield", MERCHANT, UserRole::Merchant, joined);
    let admin = rows.user("Ada Quinn", ADMIN, UserRole::Admin, joined);
    add_customers(&mut rng, &mut rows, now);
    add_drivers(&mut rng, &mut rows, now);
    let kitchens = add_restaurants(&mut rows, now);
    add_orders(&mut rng, &mut rows, &kitchens, admin, now);
    number_events(&mut rows);
    set_drivers(&mut rng, &mut rows, now);
    add_reviews(&mut rng, &mut rows, now);
    count_orders(&mut rows);
    rows
}

fn add_customers(rng: &mut ChaCha8Rng, rows: &mut Rows, now: DateTime<Utc>) {
    for number in 0..CUSTOMERS {
        let name = if number == 0 { "Maya Rao".to_owned() } else { people::name(number) };
        let email = if number == 0 { CUSTOMER.to_owned() } else { people::email(&name, DEMO_DOMAIN) };
        let mut addresses = vec![people::address(rng, "Home", RADIUS)];
        if number == 0 || rng.random_bool(0.3) {
            addresses.push(people::address(rng, "Work", RADIUS));
        }
        if number == 0 {
            // Across the city from the kitchen whose order is on its way: there is time to watch it come.
            addresses[0].location = Some(people::place((1300.0, 900.0)));
            addresses[1].location = Some(people::place((700.0, 1400.0)));
        }
        let joined = now - Duration::days(rng.random_range(DAYS + 2..400));
        rows.customer(&name, &email, format!("+1 419 555 01{number:02}"), &addresses, joined);
    }
}

fn add_drivers(rng: &mut ChaCha8Rng, rows: &mut Rows, now: DateTime<Utc>) {
    for number in 0..DRIVERS {
        let name = if number == 0 { "Diego Santos".to_owned() } else { people::name(CUSTOMERS + number) };
        let email = if number == 0 { DRIVER.to_owned() } else { people::email(&name, DEMO_DOMAIN) };
        let driver = NewDriver {
            name: &name,
            email: &email,
            phone: format!("+1 419 555 01{:02}", 80 + number),
            vehicle_type: people::VEHICLES[number % people::VEHICLES.len()],
            place: people::anywhere(rng, 0.7 * RADIUS),
            seen_at: now,
        };
        rows.driver(driver, now - Duration::days(DAYS + 30));
    }
}

/// Restaurants with menus, dishes and staff.
fn add_restaurants(rows: &mut Rows, now: DateTime<Utc>) -> Vec<Kitchen> {
    let merchant = rows.users.iter().find(|user| user.email == MERCHANT).map_or(1, |user| user.id);
    RESTAURANTS
        .iter()
        .enumerate()
        .map(|(number, facts)| {
            let opened = now - Duration::days(800 - 37 * i64::try_from(number).unwrap_or_default());
            let staff = if number < 2 {
                merchant
            } else {
                let name = people::name(CUSTOMERS + DRIVERS + number);
                rows.user(&name, &people::email(&name, DEMO_DOMAIN), UserRole::Merchant, opened)
            };
            add_restaurant(rows, facts, staff, opened)
        })
        .collect()
}

fn add_restaurant(rows: &mut Rows, facts: &catalog::CatalogRestaurant, staff: i32, opened: DateTime<Utc>) -> Kitchen {
    let restaurant = NewRestaurant {
        name: facts.name,
        address: facts.address,
        phone: format!("+1 419 555 01{:02}", 60 + next_id(&rows.restaurants)),
        cuisine: facts.cuisine,
        currency: facts.currency,
        delivery_fee: facts.delivery_fee,
        tax_rate: facts.tax_rate,
        place: people::place(facts.place),
        is_active: facts.is_active,
        menu: facts.menu,
        dishes: facts.dishes().collect(),
        staff,
    };
    rows.restaurant(restaurant, opened)
}

/// An order to generate, with the indexes of its parties in their lists.
struct DemoOrder {
    placed: DateTime<Utc>,
    restaurant: usize,
    customer: usize,
    course: Vec<Move>,
    driver: Option<usize>,
}

fn add_orders(rng: &mut ChaCha8Rng, rows: &mut Rows, kitchens: &[Kitchen], admin: i32, now: DateTime<Utc>) {
    let mut plans = past(rng, kitchens, now);
    plans.extend(UNDER_WAY.iter().map(|(restaurant, customer, status, driver)| {
        let course = story::course_until(rng, *status, driver.is_some());
        // The last step was a moment ago, and nobody has waited for long.
        let placed = now - Duration::seconds(story::length(&course) + rng.random_range(20..150));
        DemoOrder { placed, restaurant: *restaurant, customer: *customer, course, driver: *driver }
    }));
    plans.sort_by_key(|plan| plan.placed);

    let couriers: Vec<_> = rows
        .drivers
        .iter()
        .map(|driver| Courier { driver: driver.id, user: driver.user_id.unwrap_or_default() })
        .collect();
    let mut everybody = Roster::new(couriers.iter().copied());
    for plan in plans {
        let appointment = Appointment {
            id: next_id(&rows.orders),
            placed: plan.placed,
            customer: &rows.customers[plan.customer],
            kitchen: &kitchens[plan.restaurant],
            admin,
        };
        let story = match plan.driver {
            Some(driver) => story::tell(rng, &appointment, &plan.course, &mut Roster::new([couriers[driver]])),
            None => story::tell(rng, &appointment, &plan.course, &mut everybody),
        };
        rows.orders.push(story.order);
        rows.items.extend(story.items);
        rows.events.extend(story.events);
    }
}

/// Orders that have ended, the last some hours ago, so that all drivers are free again.
fn past(rng: &mut ChaCha8Rng, kitchens: &[Kitchen], now: DateTime<Utc>) -> Vec<DemoOrder> {
    let times = story::order_times(rng, ORDERS - UNDER_WAY.len(), now - Duration::days(DAYS), now - Duration::hours(4));
    let closed = now - Duration::days(DAYS / 2);
    let mut endings: Vec<_> = [Ending::DeliveredByAnother, Ending::Undeliverable].repeat(2);
    endings.resize_with(times.len(), || Ending::any(rng));
    endings.shuffle(rng);
    let open_then = |kitchen: &usize, placed| kitchens[*kitchen].restaurant.is_active || placed < closed;
    times
        .into_iter()
        .zip(endings)
        .enumerate()
        .map(|(number, (placed, ending))| {
            let open: Vec<_> = (0..kitchens.len()).filter(|kitchen| open_then(kitchen, placed)).collect();
            let restaurant = open.choose_weighted(rng, |kitchen| popularity(*kitchen)).copied().unwrap_or_default();
            // The demo's customer orders often, and was the first.
            let customer = if number % 16 == 0 { 0 } else { rng.random_range(0..CUSTOMERS) };
            DemoOrder { placed, restaurant, customer, course: story::course(rng, ending), driver: None }
        })
        .collect()
}

/// How many choose the restaurant, compared with the others.
fn popularity(restaurant: usize) -> f64 {
    let own = if restaurant < 2 { 2.0 } else { 1.0 };
    own * (RESTAURANTS[restaurant].quality - 3.0)
}

/// Numbers the events in the order in which they happened: their positions in the feeds.
fn number_events(rows: &mut Rows) {
    rows.events.sort_by_key(|event| (event.at, event.order_id, event.sequence));
    for (event, position) in rows.events.iter_mut().zip(1..) {
        event.position = position;
    }
}

/// Puts the drivers where their orders are.
fn set_drivers(rng: &mut ChaCha8Rng, rows: &mut Rows, now: DateTime<Utc>) {
    for (number, driver) in rows.drivers.iter_mut().enumerate() {
        let carried = UNDER_WAY.iter().find(|(_, _, _, courier)| *courier == Some(number));
        driver.status = match carried {
            Some(_) => DriverStatus::Busy,
            None if OFFLINE.contains(&number) => DriverStatus::Offline,
            None => DriverStatus::Available,
        };
        if driver.status == DriverStatus::Offline {
            driver.location_recorded_at = Some((now - Duration::hours(rng.random_range(9..20))).into());
        }
        if let Some((restaurant, _, _, _)) = carried {
            let (north, east) = RESTAURANTS[*restaurant].place;
            let place =
                people::place((north + rng.random_range(-200.0..200.0), east + rng.random_range(-200.0..200.0)));
            (driver.current_lat, driver.current_lng) = (degrees(place.lat), degrees(place.lng));
            driver.location_heading = Some(f64::from(rng.random_range(0..360)));
            driver.location_speed = Some(6.0);
        }
    }
}

/// Adds reviews by some of the customers who were served.
fn add_reviews(rng: &mut ChaCha8Rng, rows: &mut Rows, now: DateTime<Utc>) {
    let mut served = BTreeMap::new();
    for order in rows.orders.iter().filter(|order| order.status == OrderStatus::Delivered) {
        served.entry((order.customer_id, order.restaurant_id)).or_insert(order);
    }
    for ((customer, restaurant), order) in served {
        if rng.random_bool(0.5) {
            let facts = RESTAURANTS[usize::try_from(restaurant - 1).unwrap_or_default()];
            let at = order.order_time.to_utc() + Duration::minutes(rng.random_range(70..240));
            let review =
                opinion::review(rng, next_id(&rows.reviews), (customer, restaurant), facts.quality, at.min(now));
            rows.reviews.push(review);
        }
    }
    for restaurant in &mut rows.restaurants {
        let ratings = rows.reviews.iter().filter(|review| review.restaurant_id == restaurant.id);
        let (count, sum) = ratings.fold((0, 0), |(count, sum), review| (count + 1, sum + i64::from(review.rating)));
        restaurant.review_count = count;
        restaurant.avg_rating = opinion::average(sum, count.into());
    }
}

fn count_orders(rows: &mut Rows) {
    for order in &rows.orders {
        if let Some(restaurant) = rows.restaurants.iter_mut().find(|restaurant| restaurant.id == order.restaurant_id) {
            restaurant.total_orders += 1;
        }
    }
}
