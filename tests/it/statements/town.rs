//! A city in which everything is there `size` times.

use entity::sea_orm_active_enums::OrderStatus;
use tiffin_tests::{
    City, Person,
    builders::{Order, Restaurant, Review},
    global_id,
};

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    Anonymous,
    /// Ordered `size` times at the first restaurant, and reviewed every one.
    Ann,
    /// On the staff of every restaurant.
    Merchant,
    /// Delivered `size` orders of the first restaurant, and carries another.
    Driver,
    Admin,
}

/// `size` restaurants, the first of them with `size` dishes, orders of every kind and reviews; `size` customers who each have an
/// order under way, at a restaurant and with a driver of their own; and `size` drivers who wait.
pub struct Town<'a> {
    city: &'a City,
    restaurants: Vec<Restaurant>,
    customers: Vec<Person>,
    drivers: Vec<Person>,
    /// Under way: one of each customer at each restaurant. The first has every dish of the first restaurant.
    orders: Vec<Order>,
    review: Review,
    session: i32,
    audit_event: i32,
    job: i64,
    merchant: Person,
    admin: Person,
}

impl<'a> Town<'a> {
    pub async fn with(city: &'a City, size: usize) -> Self {
        let (mut restaurants, mut customers, mut drivers) = (Vec::new(), Vec::new(), Vec::new());
        for place in 0..size {
            let dishes = if place == 0 { size } else { 2 };
            let restaurant = city.restaurant().located_at(21.0, 105.8).with_dishes(dishes);
            restaurants.push(restaurant.create().await);
            customers.push(city.customer(&format!("Customer {place}")).await);
            drivers.push(city.new_driver("Duy").located_at(21.0, 105.8).create().await);
            city.new_driver("Waiting").located_at(21.0, 105.9).create().await;
        }
        let merchant = city.merchant("Mai").await;
        for restaurant in &restaurants {
            city.make_member(&merchant, restaurant).await;
        }
        // In another month than everything else, so that the revenue of it is known.
        let march = "2026-03-04T12:00:00Z".parse().expect("a time");
        for place in 0..size {
            let delivered = city.order(&customers[0], &restaurants[0]).status(OrderStatus::Delivered);
            delivered.driver(&drivers[0]).placed_at(march).create().await;
            city.order(&customers[0], &restaurants[0]).status(OrderStatus::Confirmed).create().await;
            if place > 0 {
                city.review(&customers[0], &restaurants[place]).create().await;
                city.review(&customers[place], &restaurants[0]).create().await;
            }
        }
        for place in 0..size {
            city.favourite(&customers[0], &restaurants[place].id()).await;
            city.favourite(&customers[0], &restaurants[0].dish_id(place)).await;
        }
        let review = city.review(&customers[0], &restaurants[0]).create().await;
        let mut orders = Vec::new();
        for place in 0..size {
            let items: Vec<_> = (0..restaurants[place].dishes.len()).map(|dish| (dish, 1)).collect();
            let under_way = city.order(&customers[place], &restaurants[place]).status(OrderStatus::PickedUp);
            orders.push(under_way.driver(&drivers[place]).items(&items).route(2).create().await);
        }
        let (mut audit_event, mut job) = (0, 0);
        for customer in &customers {
            audit_event = city.audit_event(customer).await.id;
            job = city.dead_letter(customer).await.id;
        }
        let session = city.session(merchant.user()).await.id;
        let admin = city.admin().await;
        Town { city, restaurants, customers, drivers, orders, review, session, audit_event, job, merchant, admin }
    }

    /// The ids of the customer, the driver and the restaurant that orders of every kind are of.
    pub fn busiest(&self) -> [String; 3] {
        [self.customers[0].customer_id(), self.drivers[0].driver_id(), self.restaurants[0].id()]
    }

    pub fn person(&self, viewer: Viewer) -> Person {
        match viewer {
            Viewer::Anonymous => self.city.anonymous(),
            Viewer::Ann => self.customers[0].clone(),
            Viewer::Merchant => self.merchant.clone(),
            Viewer::Driver => self.drivers[0].clone(),
            Viewer::Admin => self.admin.clone(),
        }
    }

    /// The query with the ids of this town's first rows in the place of their names, such as `$restaurant`.
    pub fn address(&self, query: &str) -> String {
        let first = &self.restaurants[0];
        let ids = |ids: Vec<String>| serde_json::to_string(&ids).expect("ids are texts");
        let names = [
            ("$restaurants", ids(self.restaurants.iter().map(Restaurant::id).collect())),
            ("$orders", ids(self.orders.iter().map(Order::id).collect())),
            ("$dishes", ids((0..first.dishes.len()).map(|dish| first.dish_id(dish)).collect())),
            (
                "$each",
                ids(vec![
                    first.id(),
                    first.menu_id(),
                    first.dish_id(0),
                    self.orders[0].id(),
                    self.review.id(),
                    self.customers[0].customer_id(),
                    self.drivers[0].driver_id(),
                    self.customers[0].user_id(),
                    global_id("ActiveSession", self.session),
                    global_id("AuditEvent", self.audit_event),
                    global_id("Job", self.job),
                ]),
            ),
            ("$restaurant", format!("{:?}", first.id())),
            ("$menu", format!("{:?}", first.menu_id())),
            ("$dish", format!("{:?}", first.dish_id(0))),
            ("$order", format!("{:?}", self.orders[0].id())),
            ("$review", format!("{:?}", self.review.id())),
            ("$customer", format!("{:?}", self.customers[0].customer_id())),
            ("$driver", format!("{:?}", self.drivers[0].driver_id())),
            ("$user", format!("{:?}", self.customers[0].user_id())),
        ];
        names.iter().fold(query.to_owned(), |query, (name, id)| query.replace(name, id))
    }
}
