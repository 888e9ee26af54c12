//! Everything that is in the city now, read past the server, and to what each marker and each id in it belongs.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
};

use entity::{
    account_tokens, audit_events, customers, dishes, driver_locations, drivers, jobs, menus, order_events, order_items,
    orders, restaurant_members, restaurants, reviews, sessions, users,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sea_orm::EntityTrait;
use serde_json::Value;
use tiffin_tests::City;

use super::{
    leaks::ids_in,
    markers::{degrees_marker, markers_in},
};

/// What a value tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A restaurant with its menu and dishes.
    Restaurant(i32),
    /// That there is this customer, and its name.
    Customer(i32),
    CustomerPhone(i32),
    /// What only the customer itself may know: e-mail address and addresses.
    CustomerOwn(i32),
    Driver(i32),
    /// The driver's phone and place.
    DriverPlace(i32),
    /// A place that the driver has told, which the database does not have yet.
    ToldPlace(i32),
    /// The driver's license.
    DriverOwn(i32),
    /// That there is this user, and its e-mail address: those who run a restaurant together know as much of each other.
    User(i32),
    /// The user's name, where it is signed in, and what it did.
    UserOwn(i32),
    /// That there is this order.
    OrderId(i32),
    /// With its address, its history and what was ordered.
    Order(i32),
    /// Where the order's drivers were with it.
    Route(i32),
    Review(i32),
    /// Any that is to be done later.
    Job,
}

/// The rows of the city at one moment.
pub struct Facts {
    pub users: Vec<users::Model>,
    pub customers: Vec<customers::Model>,
    pub drivers: Vec<drivers::Model>,
    pub restaurants: Vec<restaurants::Model>,
    pub members: Vec<restaurant_members::Model>,
    pub orders: Vec<orders::Model>,
    pub events: Vec<order_events::Model>,
    pub reviews: Vec<reviews::Model>,
    /// Ids as clients know them, by type.
    pub ids: BTreeMap<&'static str, Vec<String>>,
    belongs_to: HashMap<String, Vec<Thing>>,
}

macro_rules! rows {
    ($city:ident, $entity:ident) => {
        $entity::Entity::find().all($city.db()).await.expect("the rows can be read")
    };
}

impl Facts {
    pub async fn read(city: &City) -> Self {
        let (menus, dishes, items) = (rows!(city, menus), rows!(city, dishes), rows!(city, order_items));
        let mut facts = Facts {
            users: rows!(city, users),
            customers: rows!(city, customers),
            drivers: rows!(city, drivers),
            restaurants: rows!(city, restaurants),
            members: rows!(city, restaurant_members),
            orders: rows!(city, orders),
            events: rows!(city, order_events),
            reviews: rows!(city, reviews),
            ids: BTreeMap::new(),
            belongs_to: HashMap::new(),
        };
        let (sessions, acts) = (rows!(city, sessions), rows!(city, audit_events));
        let mut index = Index::default();
        index.add_records(&sessions, &acts);
        for token in rows!(city, account_tokens) {
            // The address that it was sent to may be one that the user is yet to have.
            index.texts(Thing::UserOwn(token.user_id), [Some(token.email.as_str())]);
        }
        for job in rows!(city, jobs) {
            index.id("Job", job.id, Thing::Job);
        }
        for place in rows!(city, driver_locations) {
            index.degrees(Thing::Route(place.order_id), place.lat.to_f64());
            index.degrees(Thing::Route(place.order_id), place.lng.to_f64());
        }
        index.add_people(&facts);
        index.add_restaurants(&facts, &menus, &dishes);
        index.add_orders(&facts, &items);
        facts.ids = index.ids;
        facts.belongs_to = index.belongs_to;
        facts
    }

    /// The driver's record of a user who has one.
    pub fn driver_of(&self, user: Option<i32>) -> Option<i32> {
        self.drivers.iter().find(|driver| driver.user_id.is_some() && driver.user_id == user).map(|driver| driver.id)
    }

    /// What the marker or id belongs to; nothing for what is not in the city.
    pub fn things(&self, value: &str) -> &[Thing] {
        self.belongs_to.get(value).map(Vec::as_slice).unwrap_or_default()
    }
}

#[derive(Default)]
struct Index {
    ids: BTreeMap<&'static str, Vec<String>>,
    belongs_to: HashMap<String, Vec<Thing>>,
}

impl Index {
    fn add_people(&mut self, facts: &Facts) {
        for user in &facts.users {
            let thing = Thing::User(user.id);
            self.id("User", user.id, thing);
            self.texts(thing, [Some(user.email.as_str())]);
            self.texts(Thing::UserOwn(user.id), [user.name.as_deref()]);
        }
        for customer in &facts.customers {
            let own = Thing::CustomerOwn(customer.id);
            self.id("Customer", customer.id, Thing::Customer(customer.id));
            self.texts(Thing::Customer(customer.id), [Some(customer.name.as_str())]);
            self.texts(Thing::CustomerPhone(customer.id), [customer.phone.as_deref()]);
            self.texts(own, [Some(customer.email.as_str()), customer.review_name.as_deref()]);
            self.json(own, customer.addresses.as_ref());
        }
        for driver in &facts.drivers {
            let place = Thing::DriverPlace(driver.id);
            self.id("Driver", driver.id, Thing::Driver(driver.id));
            self.texts(Thing::Driver(driver.id), [Some(driver.name.as_str()), Some(&driver.vehicle_type)]);
            self.texts(place, [Some(driver.phone.as_str())]);
            self.texts(Thing::DriverOwn(driver.id), [Some(driver.license_number.as_str())]);
            self.degrees(place, driver.current_lat.as_ref().and_then(Decimal::to_f64));
            self.degrees(place, driver.current_lng.as_ref().and_then(Decimal::to_f64));
        }
    }

    fn add_records(&mut self, sessions: &[sessions::Model], acts: &[audit_events::Model]) {
        for session in sessions {
            self.id("ActiveSession", session.id, Thing::UserOwn(session.user_id));
        }
        for act in acts {
            // What nobody did is for admins.
            let thing = Thing::UserOwn(act.actor_id.unwrap_or_default());
            self.id("AuditEvent", act.id, thing);
            // Whoever did it may read what it was done to, also when that is out of sight by now.
            let details = act.details.as_ref().map(Value::to_string).unwrap_or_default();
            for text in [act.subject.as_deref().unwrap_or_default(), &details] {
                ids_in(text).for_each(|id| self.belongs(id.to_owned(), thing));
            }
        }
    }

    fn add_restaurants(&mut self, facts: &Facts, menus: &[menus::Model], dishes: &[dishes::Model]) {
        for restaurant in &facts.restaurants {
            let thing = Thing::Restaurant(restaurant.id);
            self.id("Restaurant", restaurant.id, thing);
            let texts = [&restaurant.name, &restaurant.address, &restaurant.phone, &restaurant.cuisine_type];
            self.texts(thing, texts.map(|text| Some(text.as_str())));
            self.degrees(thing, restaurant.lat);
            self.degrees(thing, restaurant.lng);
        }
        let mut restaurant_of = HashMap::new();
        for menu in menus {
            let thing = Thing::Restaurant(menu.restaurant_id);
            restaurant_of.insert(menu.id, thing);
            self.id("Menu", menu.id, thing);
            self.texts(thing, [Some(menu.name.as_str()), menu.description.as_deref()]);
        }
        for dish in dishes {
            let thing = restaurant_of[&dish.menu_id];
            self.id("Dish", dish.id, thing);
            let texts = [Some(dish.name.as_str()), Some(&dish.category)];
            self.texts(thing, texts.into_iter().chain([dish.description.as_deref(), dish.image_url.as_deref()]));
        }
    }

    fn add_orders(&mut self, facts: &Facts, items: &[order_items::Model]) {
        for order in &facts.orders {
            let thing = Thing::Order(order.id);
            self.id("Order", order.id, Thing::OrderId(order.id));
            self.texts(thing, [order.customer_name.as_deref(), order.restaurant_name.as_deref()]);
            self.json(thing, Some(&order.delivery_address));
        }
        for event in &facts.events {
            let thing = Thing::Order(event.order_id);
            self.belongs(format!("OrderEvent:{}:{}", event.order_id, event.sequence), thing);
            self.texts(thing, [event.note.as_deref()]);
        }
        for item in items {
            let thing = Thing::Order(item.order_id);
            self.belongs(format!("OrderItem:{}:{}", item.order_id, item.dish_id), thing);
            self.texts(thing, [Some(item.dish_name.as_str())]);
        }
        for review in &facts.reviews {
            let thing = Thing::Review(review.id);
            self.id("Review", review.id, thing);
            let author = facts.customers.iter().find(|customer| customer.id == review.customer_id);
            self.texts(thing, [review.comment.as_deref(), author.and_then(|author| author.review_name.as_deref())]);
        }
    }

    fn id(&mut self, type_name: &'static str, number: impl Display, thing: Thing) {
        let id = tiffin_tests::global_id(type_name, number);
        self.ids.entry(type_name).or_default().push(id.clone());
        self.belongs(id, thing);
    }

    fn texts<'a>(&mut self, thing: Thing, texts: impl IntoIterator<Item = Option<&'a str>>) {
        for text in texts.into_iter().flatten() {
            for marker in markers_in(text) {
                self.belongs(marker.to_owned(), thing);
            }
        }
    }

    fn degrees(&mut self, thing: Thing, degrees: Option<f64>) {
        if let Some(marker) = degrees.and_then(degrees_marker) {
            self.belongs(marker, thing);
        }
    }

    fn json(&mut self, thing: Thing, json: Option<&Value>) {
        match json {
            Some(Value::String(text)) => self.texts(thing, [Some(text.as_str())]),
            Some(Value::Number(number)) => self.degrees(thing, number.as_f64()),
            Some(Value::Array(items)) => items.iter().for_each(|item| self.json(thing, Some(item))),
            Some(Value::Object(fields)) => fields.values().for_each(|value| self.json(thing, Some(value))),
            Some(Value::Null | Value::Bool(_)) | None => {}
        }
    }

    fn belongs(&mut self, value: String, thing: Thing) {
        self.belongs_to.entry(value).or_default().push(thing);
    }
}
