use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use entity::order_events;

use super::*;
use tiffin::{domain::clock, features::order::lifecycle};

/// A tenth of the city, all in one piece.
static SMALL: LazyLock<(Size, Rows)> = LazyLock::new(|| {
    let size = Size::of(0.1);
    let mut city = Rows::default();
    make(size, clock::now(), |part| {
        city.users.extend(part.users);
        city.customers.extend(part.customers);
        city.drivers.extend(part.drivers);
        city.restaurants.extend(part.restaurants);
        city.dishes.extend(part.dishes);
        city.orders.extend(part.orders);
        city.items.extend(part.items);
        city.events.extend(part.events);
        city.reviews.extend(part.reviews);
        true
    });
    (size, city)
});

#[test]
fn there_is_as_much_as_the_scale_says() {
    let whole = Size { restaurants: 1_000, customers: 20_000, drivers: 500, orders: 200_000, reviews: 30_000 };
    assert_eq!(Size::of(1.0), whole);
    let (size, city) = &*SMALL;
    assert_eq!((city.restaurants.len(), city.dishes.len()), (size.restaurants, size.restaurants * 40));
    assert_eq!((city.customers.len(), city.drivers.len()), (size.customers, size.drivers));
    assert_eq!((city.orders.len(), city.reviews.len()), (size.orders, size.reviews));
    let items = city.items.len() as f64 / city.orders.len() as f64;
    assert!((2.7..3.3).contains(&items), "{items} items an order");
    let emails: BTreeSet<_> = city.users.iter().map(|user| user.email.to_lowercase()).collect();
    assert_eq!(emails.len(), city.users.len());
    assert!(emails.contains(&landmark()));
    assert!(
        city.dishes.iter().all(|dish| dish.name.chars().count() <= 100 && dish.price > rust_decimal::Decimal::ZERO)
    );
}

#[test]
fn feeds_are_in_the_order_of_time_and_nobody_carries_two_orders() {
    let (_, city) = &*SMALL;
    let now = clock::now();
    assert!(city.events.is_sorted_by_key(|event| event.at), "in the order of time, over all parts");
    assert!(city.events.iter().zip(1..).all(|(event, position)| event.position == position));
    assert!(city.events.iter().all(|event| event.at.to_utc() <= now));
    let mut carries: HashMap<i32, i32> = HashMap::new();
    let mut carried_by: HashMap<i32, i32> = HashMap::new();
    for event in &city.events {
        if let Some(driver) = event.driver_id {
            assert_eq!(*carries.entry(driver).or_insert(event.order_id), event.order_id);
            carried_by.insert(event.order_id, driver);
        }
        if event.driver_id.is_none() || lifecycle::is_final(event.status) {
            carried_by.remove(&event.order_id).and_then(|driver| carries.remove(&driver));
        }
    }
    let busy: BTreeSet<_> =
        city.drivers.iter().filter(|driver| driver.status == DriverStatus::Busy).map(|driver| driver.id).collect();
    assert_eq!(carries.keys().copied().collect::<BTreeSet<_>>(), busy);
    assert!(busy.len() == 5 && !busy.contains(&1), "the demo's driver is free");
}

#[test]
fn histories_lead_to_where_the_orders_are() {
    let (_, city) = &*SMALL;
    let mut last: BTreeMap<i32, &order_events::Model> = BTreeMap::new();
    for event in &city.events {
        match last.insert(event.order_id, event) {
            Some(before) => crate::tests::check_step(before, event),
            None => assert_eq!((event.sequence, event.previous_status), (1, None)),
        }
    }
    assert!(
        city.orders
            .iter()
            .all(|order| (last[&order.id].status, last[&order.id].driver_id) == (order.status, order.driver_id))
    );
    let statuses: BTreeSet<_> = city.orders.iter().map(|order| lifecycle::name(order.status)).collect();
    assert_eq!(statuses.len(), 7);
}

#[test]
fn it_stops_when_nobody_listens() {
    let mut parts = 0;
    make(Size::of(0.01), clock::now(), |_| {
        parts += 1;
        false
    });
    assert_eq!(parts, 1);
}
