//! What a viewer may see of the city, by the domain's rules: written once more, from the documents and not from the server.

use std::collections::HashSet;

use entity::sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole};

use super::facts::{Facts, Thing};

/// What may be told to one viewer at one moment.
#[derive(Default)]
pub struct Sight {
    is_admin: bool,
    user: Option<i32>,
    /// Oneself, and those who run a restaurant together with the viewer.
    users: HashSet<i32>,
    customer: Option<i32>,
    driver: Option<i32>,
    orders: HashSet<i32>,
    /// Orders that could be claimed at some time: of these a feed tells that they came and went.
    claimable_once: HashSet<i32>,
    /// Without those that are only seen because they could be claimed.
    own_orders: HashSet<i32>,
    restaurants: HashSet<i32>,
    /// Customers of orders that are seen.
    customers: HashSet<i32>,
    /// Customers whose order under way is the viewer's to serve.
    served: HashSet<i32>,
    /// Drivers of orders that are seen, and those that can be assigned.
    drivers: HashSet<i32>,
    /// Drivers who carry an order of the viewer's.
    carrying: HashSet<i32>,
    /// Drivers who carried an order of the viewer's at some time.
    followed: HashSet<i32>,
    reviews: HashSet<i32>,
}

impl Sight {
    /// What this user, or an anonymous, may see. Over a feed, drivers are told of every order that was once theirs.
    pub fn of(facts: &Facts, user: Option<i32>, over_a_feed: bool) -> Self {
        let row = facts.users.iter().find(|row| Some(row.id) == user);
        let mut sight =
            Sight { user, is_admin: row.is_some_and(|row| row.role == UserRole::Admin), ..Sight::default() };
        let restaurants: HashSet<_> = facts
            .members
            .iter()
            .filter(|member| Some(member.user_id) == user)
            .map(|member| member.restaurant_id)
            .collect();
        let colleagues = facts.members.iter().filter(|member| restaurants.contains(&member.restaurant_id));
        sight.users = colleagues.map(|member| member.user_id).chain(user).collect();
        if user.is_some() {
            sight.customer = facts.customers.iter().find(|row| row.user_id == user).map(|row| row.id);
            sight.driver = facts.driver_of(user);
        }
        sight.see_orders(facts, &restaurants, over_a_feed);
        sight.see_restaurants(facts, restaurants);
        sight
    }

    fn see_orders(&mut self, facts: &Facts, restaurants: &HashSet<i32>, over_a_feed: bool) {
        for order in &facts.orders {
            let is_own = restaurants.contains(&order.restaurant_id)
                || self.customer == Some(order.customer_id)
                || (self.driver.is_some() && self.driver == order.driver_id);
            let carried_by =
                || facts.events.iter().filter(|event| event.order_id == order.id).map(|event| event.driver_id);
            let was_own = over_a_feed && self.driver.is_some() && carried_by().any(|driver| driver == self.driver);
            let can_be_claimed = self.driver.is_some() && is_claimable(order.status, order.driver_id);
            let mut history = facts.events.iter().filter(|event| event.order_id == order.id);
            if over_a_feed && self.driver.is_some() && history.any(|event| is_claimable(event.status, event.driver_id))
            {
                self.claimable_once.insert(order.id);
            }
            if !(is_own || was_own || can_be_claimed) {
                continue;
            }
            self.orders.insert(order.id);
            self.restaurants.insert(order.restaurant_id);
            self.customers.insert(order.customer_id);
            self.drivers.extend(carried_by().flatten().chain(order.driver_id));
            if is_own {
                self.own_orders.insert(order.id);
                self.followed.extend(carried_by().flatten());
            }
            if is_own && !matches!(order.status, OrderStatus::Delivered | OrderStatus::Cancelled) {
                self.served.insert(order.customer_id);
                self.carrying.extend(order.driver_id);
            }
        }
        if !restaurants.is_empty() {
            let available = facts.drivers.iter().filter(|driver| driver.status == DriverStatus::Available);
            self.drivers.extend(available.map(|driver| driver.id));
        }
    }

    fn see_restaurants(&mut self, facts: &Facts, own: HashSet<i32>) {
        self.restaurants.extend(own);
        self.restaurants.extend(facts.restaurants.iter().filter(|row| row.is_active).map(|row| row.id));
        let written = facts.reviews.iter().filter(|review| self.customer == Some(review.customer_id));
        self.restaurants.extend(written.map(|review| review.restaurant_id).collect::<Vec<_>>());
        let reviews = facts.reviews.iter().filter(|review| self.restaurants.contains(&review.restaurant_id));
        self.reviews = reviews.map(|review| review.id).collect();
    }

    pub fn shows(&self, thing: Thing) -> bool {
        self.is_admin
            || match thing {
                Thing::Restaurant(id) => self.restaurants.contains(&id),
                Thing::Customer(id) => self.customer == Some(id) || self.customers.contains(&id),
                Thing::CustomerPhone(id) => self.customer == Some(id) || self.served.contains(&id),
                Thing::CustomerOwn(id) => self.customer == Some(id),
                Thing::Driver(id) => self.driver == Some(id) || self.drivers.contains(&id),
                Thing::DriverPlace(id) => self.driver == Some(id) || self.carrying.contains(&id),
                // Not yet in the database: it may belong to a route.
                Thing::ToldPlace(id) => self.driver == Some(id) || self.followed.contains(&id),
                Thing::DriverOwn(id) => self.driver == Some(id),
                Thing::User(id) => self.users.contains(&id),
                Thing::UserOwn(id) => self.user == Some(id),
                Thing::OrderId(id) => self.orders.contains(&id) || self.claimable_once.contains(&id),
                Thing::Order(id) => self.orders.contains(&id),
                Thing::Route(id) => self.own_orders.contains(&id),
                Thing::Review(id) => self.reviews.contains(&id),
                Thing::Job => false,
            }
    }
}

fn is_claimable(status: OrderStatus, driver: Option<i32>) -> bool {
    driver.is_none() && matches!(status, OrderStatus::Confirmed | OrderStatus::Preparing | OrderStatus::Ready)
}
