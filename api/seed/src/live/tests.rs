use std::collections::{HashMap, HashSet};

use entity::{
    customers, drivers, order_events, orders,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
    users,
};
use sea_orm::{EntityTrait, QueryOrder};

use super::*;
use crate::{
    CUSTOMER, DRIVER,
    tests::{Home, check_step},
};
use tiffin::{
    domain::ids::DriverId,
    features::{
        driver::record::{record, setbacks},
        order::lifecycle,
    },
};

/// So many minutes of the town's life, in ticks of four seconds, as fast as the database goes.
async fn let_pass(home: &Home, town: &mut Town, minutes: u64) {
    for _ in 0..minutes * 15 {
        let next = town.now + Duration::from_secs(4);
        town.tick(&home.0, next).await.expect("lives");
    }
}

async fn history(home: &Home) -> Vec<order_events::Model> {
    let events = order_events::Entity::find().order_by_asc(order_events::Column::Position);
    events.all(&home.0.db).await.expect("reads")
}

#[tokio::test]
async fn orders_move_and_people_are_left_alone() {
    let home = Home::seeded("live").await;
    let owner_of =
        |email: &str, users: &[users::Model]| users.iter().find(|user| user.email == email).map(|user| user.id);
    let users = home.all::<users::Entity>().await;
    let demo_driver = |drivers: Vec<drivers::Model>| {
        drivers.into_iter().find(|driver| driver.user_id == owner_of(DRIVER, &users)).expect("the demo's driver")
    };
    let customers = home.all::<customers::Entity>().await;
    let demo_customer = customers.iter().find(|row| row.user_id == owner_of(CUSTOMER, &users)).expect("it is there");
    let (before, driver_before) = (history(&home).await, demo_driver(home.all::<drivers::Entity>().await));
    let mut town = Town::load(&home.0, Instant::now()).await.expect("loads");
    let_pass(&home, &mut town, 20).await;

    assert_eq!(demo_driver(home.all::<drivers::Entity>().await), driver_before);
    let orders: HashMap<_, _> = home.all::<orders::Entity>().await.into_iter().map(|order| (order.id, order)).collect();
    let after = history(&home).await;
    let new: Vec<_> = after.iter().filter(|event| !before.contains(event)).collect();
    assert!(new.len() > 40, "only {} steps in 20 minutes", new.len());
    assert!((303..330).contains(&orders.len()), "{} orders", orders.len());
    for event in &new {
        let order = &orders[&event.order_id];
        let at_merchant = town.cast.demo_restaurants.contains(&order.restaurant_id);
        let by_kitchen = matches!(event.status, OrderStatus::Confirmed | OrderStatus::Preparing)
            || event.previous_status == Some(OrderStatus::Preparing);
        assert!(!(at_merchant && by_kitchen), "{event:?} is for the demo's merchant to do");
        assert_ne!(event.driver_id, Some(driver_before.id));
    }
    let of_demo_customer = orders.values().filter(|order| order.customer_id == demo_customer.id);
    assert!(of_demo_customer.clone().any(|order| order.id > 300), "it has something to watch again");
    assert!(of_demo_customer.filter(|order| order.id <= 300).all(|order| lifecycle::is_final(order.status)));
    check_rows(&home, &orders, &after).await;
    home.end().await;
}

async fn check_rows(home: &Home, orders: &HashMap<i32, orders::Model>, events: &[order_events::Model]) {
    let mut last: HashMap<i32, &order_events::Model> = HashMap::new();
    for event in events {
        if let Some(before) = last.insert(event.order_id, event) {
            check_step(before, event);
        }
    }
    assert!(orders.values().all(|order| last[&order.id].status == order.status));
    let carried: Vec<_> = orders
        .values()
        .filter(|order| !lifecycle::is_final(order.status))
        .filter_map(|order| order.driver_id)
        .collect();
    let busy = home.all::<drivers::Entity>().await.into_iter().filter(|driver| driver.status == DriverStatus::Busy);
    let busy: HashSet<_> = busy.map(|driver| driver.id).collect();
    assert_eq!((carried.len(), carried.into_iter().collect::<HashSet<_>>()), (busy.len(), busy));
}

#[tokio::test]
async fn drivers_get_there_step_by_step() {
    let home = Home::seeded("rides").await;
    let carrier = |drivers: Vec<drivers::Model>| {
        let carrier = drivers.into_iter().find(|driver| driver.id == 3).expect("the third carries an order");
        (carrier.current_lat.expect("known"), carrier.current_lng.expect("known"))
    };
    let mut town = Town::load(&home.0, Instant::now()).await.expect("loads");
    let mut places = vec![carrier(home.all::<drivers::Entity>().await)];
    for _ in 0..10 {
        let next = town.now + TICK;
        town.tick(&home.0, next).await.expect("lives");
        record(&home.0, &setbacks()).await.expect("written");
        places.push(carrier(home.all::<drivers::Entity>().await));
    }
    places.dedup();
    assert_eq!(places.len(), 11, "a new place each second");
    home.end().await;
}

#[tokio::test]
async fn something_always_comes_to_the_demo_customer() {
    let home = Home::seeded("always").await;
    let mut town = Town::load(&home.0, Instant::now()).await.expect("loads");
    let customer = town.cast.demo_guest.as_ref().expect("it is there").customer.id;
    let (mut before, mut brought) = (HashMap::new(), HashSet::new());
    for tick in 0..900 {
        let next = town.now + Duration::from_secs(3);
        town.tick(&home.0, next).await.expect("lives");
        let orders = home.all::<orders::Entity>().await;
        let carried = orders.iter().filter(|row| row.customer_id == customer && row.status == OrderStatus::PickedUp);
        let drivers: Vec<_> = carried.clone().filter_map(|order| order.driver_id.map(DriverId)).collect();
        let places: HashMap<_, _> = home.0.events.last_positions(&drivers).await.into_iter().collect();
        let places: HashMap<_, _> = places.into_iter().map(|(driver, at)| (driver, (at.lat, at.lng))).collect();
        let moves = places.iter().any(|(driver, place)| before.get(driver).is_some_and(|before| before != place));
        assert!(moves || tick == 0, "nobody is on the way at tick {tick}: {before:?}, {places:?}");
        brought.extend(carried.map(|order| order.id));
        before = places;
    }
    assert!(brought.len() >= 5, "{} orders came in 45 minutes", brought.len());
    home.end().await;
}

#[tokio::test]
async fn it_waits_where_there_is_nobody() {
    let home = Home::new("nobody").await;
    let life = DemoLife::default();
    for _ in 0..2 {
        life.go_on(&home.0).await.expect("passes");
        assert!(matches!(*life.0.lock().await, WhoIsThere::Deserted(_)));
    }
    home.end().await;
}
