use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    customers, dishes, drivers, menus, order_events, order_items, orders, restaurant_members, restaurants, reviews,
    sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole},
    users,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QueryOrder};

use super::*;
use tiffin::{
    config::{Config, Environment},
    domain::{
        ids::DriverId,
        money::{Charge, rounded},
    },
    features::{address::Address, order::lifecycle},
};

/// A server's inside on a SQLite file of its own, removed with it.
pub struct Home(pub Arc<App>);

impl Home {
    pub async fn new(name: &str) -> Self {
        let mut config = Config::defaults(Environment::Development, true);
        config.database.data_directory =
            std::env::temp_dir().join(format!("tiffin seed {}-{name}", std::process::id()));
        let db = database::connect(&config.database).await.expect("connects");
        migration::migrate(db.connections()).await.expect("migrates");
        Home(App::with_database(config, db).await.expect("starts"))
    }

    pub async fn seeded(name: &str) -> Self {
        let home = Home::new(name).await;
        assert!(demo(&home.0).await.expect("fills"));
        home
    }

    pub async fn all<E: EntityTrait>(&self) -> Vec<E::Model> {
        E::find().all(&self.0.db).await.expect("reads")
    }

    pub async fn end(self) {
        self.0.close().await;
        std::fs::remove_dir_all(&self.0.config.database.data_directory).expect("removed");
    }
}

#[tokio::test]
async fn the_city_is_as_big_as_promised() {
    let home = Home::seeded("size").await;
    let restaurants = home.all::<restaurants::Entity>().await;
    let active = restaurants.iter().filter(|restaurant| restaurant.is_active);
    assert!(active.clone().count() >= 12 && restaurants.len() > active.clone().count(), "an inactive one too");
    assert!(active.map(|restaurant| &restaurant.cuisine_type).collect::<BTreeSet<_>>().len() >= 6);
    assert!(restaurants.iter().any(|restaurant| restaurant.currency == "VND"));
    let dishes = home.all::<dishes::Entity>().await;
    for menu in home.all::<menus::Entity>().await {
        let own: Vec<_> = dishes.iter().filter(|dish| dish.menu_id == menu.id).collect();
        assert!((8..=20).contains(&own.len()), "{} dishes on {}", own.len(), menu.name);
        assert!(own.iter().all(|dish| dish.description.is_some()));
    }
    assert!(dishes.iter().any(|dish| !dish.is_available));
    assert!(dishes[0].id == 1 && dishes[0].menu_id == 1 && dishes[0].is_available);
    assert_eq!(home.all::<customers::Entity>().await.len(), 40);
    assert!(!home.all::<reviews::Entity>().await.is_empty());

    let orders = home.all::<orders::Entity>().await;
    assert_eq!(orders.len(), 300);
    let statuses: BTreeSet<_> = orders.iter().map(|order| lifecycle::name(order.status)).collect();
    assert_eq!(statuses.len(), 7);
    let now = clock::now();
    for order in &orders {
        let age = now - order.order_time.to_utc();
        assert!(age.num_days() <= 28 && age.num_seconds() > 0, "{age}");
        let waits = order.status == OrderStatus::Pending;
        assert!(!waits || age.num_minutes() < 10, "it would be cancelled at once");
    }

    let drivers = home.all::<drivers::Entity>().await;
    assert_eq!(drivers.len(), 10);
    let working: BTreeSet<_> = drivers.iter().map(|driver| format!("{:?}", driver.status)).collect();
    assert_eq!(working.len(), 3);
    assert!(drivers.iter().all(|driver| driver.current_lat.is_some() && driver.location_recorded_at.is_some()));
    home.end().await;
}

#[tokio::test]
async fn amounts_counts_and_ratings_are_what_the_rows_say() {
    let home = Home::seeded("sums").await;
    let orders = home.all::<orders::Entity>().await;
    let items = home.all::<order_items::Entity>().await;
    let dishes: HashMap<_, _> = home.all::<dishes::Entity>().await.into_iter().map(|dish| (dish.id, dish)).collect();
    let reviews = home.all::<reviews::Entity>().await;
    for restaurant in home.all::<restaurants::Entity>().await {
        let own: Vec<_> = orders.iter().filter(|order| order.restaurant_id == restaurant.id).collect();
        assert_eq!(usize::try_from(restaurant.total_orders), Ok(own.len()));
        let ratings: Vec<_> =
            reviews.iter().filter(|review| review.restaurant_id == restaurant.id).map(|review| review.rating).collect();
        assert_eq!(usize::try_from(restaurant.review_count), Ok(ratings.len()));
        let sum = ratings.iter().sum::<i32>();
        let average = rust_decimal::Decimal::from(sum) / rust_decimal::Decimal::from(ratings.len().max(1));
        assert_eq!(restaurant.avg_rating, rounded(average, 1), "{}", restaurant.name);

        for order in own {
            let lines: Vec<_> = items.iter().filter(|item| item.order_id == order.id).collect();
            assert!(!lines.is_empty());
            for line in &lines {
                let dish = &dishes[&line.dish_id];
                assert_eq!((dish.menu_id, &dish.name), (restaurant.id, &line.dish_name));
                assert!(dish.is_available);
            }
            let prices = lines.iter().map(|line| (line.unit_price, line.quantity));
            let charge = Charge::of(prices, restaurant.tax_rate, restaurant.delivery_fee, &restaurant.currency);
            let stored = (order.subtotal, order.tax, order.delivery_fee, order.total_amount);
            assert_eq!(stored, (charge.subtotal, charge.tax, charge.delivery_fee, charge.total));
            assert_eq!(order.currency, restaurant.currency);
            assert!(!Address::from_json(&order.delivery_address).line1.is_empty());
        }
    }
    for review in &reviews {
        let served = orders.iter().any(|order| {
            order.customer_id == review.customer_id
                && order.restaurant_id == review.restaurant_id
                && order.status == OrderStatus::Delivered
                && order.order_time < review.created_at
        });
        assert!(served, "review {} of somebody who was not served", review.id);
        assert!(review.created_at.to_utc() <= clock::now());
    }
    home.end().await;
}

#[tokio::test]
async fn histories_are_those_that_orders_can_have() {
    let home = Home::seeded("histories").await;
    let orders: HashMap<_, _> = home.all::<orders::Entity>().await.into_iter().map(|order| (order.id, order)).collect();
    let events = order_events::Entity::find()
        .order_by_asc(order_events::Column::OrderId)
        .order_by_asc(order_events::Column::Sequence)
        .all(&home.0.db)
        .await
        .expect("reads");
    let mut histories: BTreeMap<i32, Vec<order_events::Model>> = BTreeMap::new();
    for event in events {
        histories.entry(event.order_id).or_default().push(event);
    }
    assert_eq!(histories.len(), orders.len());
    let now = clock::now();
    for (id, history) in &histories {
        let order = &orders[id];
        let first = &history[0];
        assert_eq!((first.sequence, first.status, first.previous_status), (1, OrderStatus::Pending, None));
        assert_eq!(first.at, order.order_time);
        for (before, event) in history.iter().zip(&history[1..]) {
            assert_eq!((event.sequence, event.previous_status), (before.sequence + 1, Some(before.status)));
            assert!(event.at > before.at && event.position > before.position && event.at.to_utc() <= now);
            assert!(event.published_at.is_some());
            check_step(before, event);
        }
        let last = history.last().expect("an event");
        assert_eq!((last.status, last.driver_id), (order.status, order.driver_id), "order {id}");
    }
    home.end().await;
}

/// One event after another is a step of the table, or an assignment, or a release.
pub fn check_step(before: &order_events::Model, event: &order_events::Model) {
    if event.status != before.status {
        assert!(lifecycle::STEPS.iter().any(|(from, to, _)| (*from, *to) == (before.status, event.status)));
        assert_eq!(event.driver_id, before.driver_id);
        assert!(event.status != OrderStatus::PickedUp || event.driver_id.is_some());
    } else {
        assert!(lifecycle::ASSIGNABLE.contains(&event.status));
        assert!(event.driver_id.is_some() != before.driver_id.is_some());
    }
}

#[tokio::test]
async fn drivers_carry_one_order_at_a_time() {
    let home = Home::seeded("drivers").await;
    let orders = home.all::<orders::Entity>().await;
    let is_under_way = |order: &&orders::Model| !lifecycle::is_final(order.status);
    for driver in home.all::<drivers::Entity>().await {
        let carried = orders.iter().filter(is_under_way).filter(|order| order.driver_id == Some(driver.id)).count();
        assert_eq!(carried, usize::from(driver.status == DriverStatus::Busy), "{}", driver.name);
    }
    // And never did otherwise: from an assignment to the release or the end there is no other.
    let mut events = home.all::<order_events::Entity>().await;
    events.sort_by_key(|event| event.position);
    assert!(events.is_sorted_by_key(|event| event.at), "feeds are in the order of time");
    let mut carries: HashMap<i32, i32> = HashMap::new();
    let mut carried_by: HashMap<i32, i32> = HashMap::new();
    for event in events {
        if let Some(driver) = event.driver_id {
            let order = *carries.entry(driver).or_insert(event.order_id);
            assert_eq!(order, event.order_id, "driver {driver} carries two orders");
            carried_by.insert(event.order_id, driver);
        }
        if event.driver_id.is_none() || lifecycle::is_final(event.status) {
            carried_by.remove(&event.order_id).and_then(|driver| carries.remove(&driver));
        }
    }
    home.end().await;
}

#[tokio::test]
async fn the_demo_accounts_have_something_to_act_on() {
    let home = Home::seeded("accounts").await;
    let users: HashMap<_, _> =
        home.all::<users::Entity>().await.into_iter().map(|user| (user.email.clone(), user)).collect();
    assert!(users.values().all(|user| user.email_verified_at.is_some()));
    let [customer, merchant, driver, admin] = ACCOUNTS.map(|account| &users[account.email]);
    assert_eq!(
        [customer.role, merchant.role, driver.role, admin.role],
        [UserRole::Customer, UserRole::Merchant, UserRole::Driver, UserRole::Admin]
    );
    let orders = home.all::<orders::Entity>().await;
    let customers = home.all::<customers::Entity>().await;
    let drivers = home.all::<drivers::Entity>().await;
    assert!(customers.iter().all(|customer| customer.user_id.is_some()));
    let customer = customers.iter().find(|row| row.user_id == Some(customer.id)).expect("the demo's customer");
    let carried = orders.iter().find(|order| order.customer_id == customer.id && order.status == OrderStatus::PickedUp);
    let carrier = carried.and_then(|order| order.driver_id).expect("an order on its way to it");
    assert!(drivers.iter().any(|row| row.id == carrier && row.current_lat.is_some()));
    let driver = drivers.iter().find(|row| row.user_id == Some(driver.id)).expect("the demo's driver");
    assert_eq!(driver.status, DriverStatus::Available);
    assert!(
        orders.iter().filter(|order| lifecycle::is_claimable(order.status, order.driver_id.map(DriverId))).count() > 2
    );

    let members = home.all::<restaurant_members::Entity>().await;
    let own: BTreeSet<_> =
        members.iter().filter(|member| member.user_id == merchant.id).map(|member| member.restaurant_id).collect();
    assert_eq!(own, BTreeSet::from([1, 2]));
    let open: BTreeSet<_> = orders
        .iter()
        .filter(|order| order.restaurant_id == 1 && !lifecycle::is_final(order.status))
        .map(|order| lifecycle::name(order.status))
        .collect();
    assert!(open.len() >= 4, "{open:?}");
    home.end().await;
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_new_rows_get_new_numbers() {
    let home = Home::seeded("again").await;
    let before = home.all::<order_events::Entity>().await;
    let restaurants = home.all::<restaurants::Entity>().await;
    assert!(!demo(&home.0).await.expect("runs"));
    assert_eq!(home.all::<order_events::Entity>().await, before);
    assert_eq!(home.all::<restaurants::Entity>().await, restaurants);

    let mut another = restaurants[0].clone().into_active_model();
    another.id = sea_orm::ActiveValue::NotSet;
    let another = another.insert(&home.0.db).await.expect("inserts");
    assert_eq!(usize::try_from(another.id), Ok(restaurants.len() + 1));
    home.end().await;
}

#[tokio::test]
async fn two_processes_at_once_make_one_city() {
    let home = Home::new("twice").await;
    let (one, other) = tokio::join!(demo(&home.0), demo(&home.0));
    assert!(one.expect("runs") != other.expect("runs"));
    assert_eq!(home.all::<orders::Entity>().await.len(), 300);
    home.end().await;
}

#[test]
fn the_city_is_the_same_but_for_the_times() {
    let now = clock::now();
    let (one, other) = (demo::rows(now), demo::rows(now));
    assert_eq!(one.orders, other.orders);
    assert_eq!(one.events, other.events);
    let names: BTreeSet<_> = one.users.iter().map(|user| &user.email).collect();
    assert_eq!(names.len(), one.users.len());
}
