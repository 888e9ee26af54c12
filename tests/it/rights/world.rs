//! The people and things that the table speaks of.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::Utc;
use entity::{
    audit_events, driver_locations,
    sea_orm_active_enums::{AccountTokenPurpose, DriverStatus, OrderStatus},
    sessions, users,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::json;
use tiffin_tests::{City, Person, builders::Restaurant, global_id, rows::row_number};
use tokio::sync::OnceCell;

/// The columns of the table, in this order.
pub const VIEWERS: [&str; 8] =
    ["anonymous", "customer", "other customer", "merchant", "other merchant", "driver", "other driver", "admin"];

/// Everybody's, and what is kept of it: argon2id with next to no cost.
const PASSWORD: &str = "a long enough password";
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$JY1MGewg+NyYB8oHzM17nQ$iu5xEo6JQhLSx6d7V0XsliDHfWTzikDx5lRv6DvV+x8";

/// A number that no row has.
const NOBODYS_NUMBER: i32 = i32::MAX;

/// One of each thing that the table names, and the eight who look at them. Several worlds can be in one city.
pub struct World<'a> {
    city: &'a City,
    viewers: [Person; 8],
    restaurant: Restaurant,
    /// Ids by name, without those that are only made when they are asked for.
    things: BTreeMap<&'static str, String>,
    made: BTreeMap<&'static str, OnceCell<String>>,
}

impl<'a> World<'a> {
    pub async fn create(city: &'a City) -> Self {
        let restaurant = city.restaurant().located_at(21.0, 105.8).with_dishes(2).create().await;
        let closed = city.restaurant().inactive().with_dishes(2).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let (customer, other_customer) = (city.customer("Ann Nguyen").await, city.customer("Ben Tran").await);
        let (merchant, colleague) = (city.merchant_of(&restaurant).await, city.merchant_of(&restaurant).await);
        city.make_member(&merchant, &closed).await;
        let other_merchant = city.merchant_of(&elsewhere).await;
        let driver = async |name: &str| city.new_driver(name).located_at(21.01, 105.81).create().await;
        let (duy, dan, lan) = (driver("Duy").await, driver("Dan").await, driver("Lan").await);
        let admin = city.admin().await;
        // Both records are worth nothing without the role.
        let former_driver = city.driver_record(&other_customer, DriverStatus::Offline).await;
        city.make_member(&other_customer, &restaurant).await;

        let order = |restaurant: &Restaurant, status| city.order(&customer, restaurant).status(status);
        let delivered = order(&restaurant, OrderStatus::Delivered).driver(&duy).create().await.id();
        let past = order(&closed, OrderStatus::Delivered).driver(&duy).create().await.id();
        let pending = order(&restaurant, OrderStatus::Pending).create().await.id();
        let waiting = order(&restaurant, OrderStatus::Ready).create().await.id();
        let carried = order(&restaurant, OrderStatus::PickedUp).driver(&duy).create().await.id();
        let others = city.order(&other_customer, &elsewhere);
        let others_delivered = others.status(OrderStatus::Delivered).driver(&dan).create().await.id();
        let others = city.order(&other_customer, &elsewhere).create().await.id();
        let review = city.review(&customer, &restaurant).create().await.id();
        let closed_review = city.review(&other_customer, &closed).create().await.id();

        for favourite in [restaurant.id(), closed.id(), restaurant.dish_id(0)] {
            city.favourite(&customer, &favourite).await;
        }
        for order in [&delivered, &carried] {
            add_to_route(city, order, &duy).await;
        }
        let act = act(city, &merchant, &restaurant.menu_id()).await;
        let customer_act = global_id("AuditEvent", city.audit_event(&customer).await.id);
        let dead_letter = global_id("Job", city.dead_letter(&customer).await.id);
        let phone_session = global_id("ActiveSession", city.session(customer.user()).await.id);

        let part = |of: &str, type_name: &str, number: i32| format!("{type_name}:{}:{number}", row_number(of));
        let mut things = BTreeMap::from([
            ("delivered_item", part(&delivered, "OrderItem", row_number(&restaurant.dish_id(0)))),
            ("delivered_step", part(&delivered, "OrderEvent", 1)),
            ("waiting_item", part(&waiting, "OrderItem", row_number(&restaurant.dish_id(0)))),
            ("waiting_step", part(&waiting, "OrderEvent", 1)),
            ("restaurant", restaurant.id()),
            ("menu", restaurant.menu_id()),
            ("dish", restaurant.dish_id(0)),
            ("new_dish", restaurant.dish_id(1)),
            ("closed", closed.id()),
            ("closed_menu", closed.menu_id()),
            ("closed_dish", closed.dish_id(0)),
            ("closed_new_dish", closed.dish_id(1)),
            ("elsewhere", elsewhere.id()),
            ("elsewhere_menu", elsewhere.menu_id()),
            ("elsewhere_dish", elsewhere.dish_id(0)),
            ("delivered", delivered),
            ("past", past),
            ("pending", pending),
            ("waiting", waiting),
            ("carried", carried),
            ("others_delivered", others_delivered),
            ("others", others),
            ("review", review),
            ("closed_review", closed_review),
            ("customer", customer.customer_id()),
            ("other_customer", other_customer.customer_id()),
            ("driver", duy.driver_id()),
            ("other_driver", dan.driver_id()),
            ("free_driver", lan.driver_id()),
            ("former_driver", global_id("Driver", former_driver.id)),
            ("customer_user", customer.user_id()),
            ("other_customer_user", other_customer.user_id()),
            ("merchant_user", merchant.user_id()),
            ("colleague_user", colleague.user_id()),
            ("other_merchant_user", other_merchant.user_id()),
            ("driver_user", duy.user_id()),
            ("other_driver_user", dan.user_id()),
            ("free_driver_user", lan.user_id()),
            ("admin_user", admin.user_id()),
            ("phone_session", phone_session),
            ("act", act),
            ("customer_act", customer_act),
            ("dead_letter", dead_letter),
            ("customer_email", customer.user().email.clone()),
            ("password", PASSWORD.to_owned()),
        ]);
        for (name, person) in [
            ("customer_session", &customer),
            ("other_customer_session", &other_customer),
            ("merchant_session", &merchant),
            ("other_merchant_session", &other_merchant),
            ("driver_session", &duy),
            ("other_driver_session", &dan),
            ("admin_session", &admin),
        ] {
            things.insert(name, signed_in(city, person).await);
        }
        let viewers = [city.anonymous(), customer, other_customer, merchant, other_merchant, duy, dan, admin];
        let on_request = [
            "confirmed",
            "preparing",
            "assigned",
            "customer_address",
            "cursor",
            "new_email",
            "refresh_token",
            "verification_token",
            "reset_token",
        ];
        let made = on_request.map(|name| (name, OnceCell::new())).into();
        World { city, viewers, restaurant, things, made }
    }

    /// Who looks, by the column's number.
    pub fn viewer(&self, column: usize) -> &Person {
        &self.viewers[column]
    }

    /// What the table calls the thing with this id; the id itself where it has no name.
    pub fn name_of(&self, id: &str) -> String {
        let made = self.made.iter().filter_map(|(name, id)| Some((*name, id.get()?)));
        let mut named = self.things.iter().map(|(name, id)| (*name, id)).chain(made);
        named.find(|(_, other)| *other == id).map_or_else(|| id.to_owned(), |(name, _)| name.to_owned())
    }

    /// The names of all things of this type.
    pub fn all(&self, type_name: &str) -> Vec<String> {
        let of_type = |id: &str| id.split(':').next() == Some(type_name);
        self.things.iter().filter(|(_, id)| of_type(id)).map(|(name, _)| (*name).to_owned()).collect()
    }

    /// Whether nothing was made on request.
    pub fn is_as_created(&self) -> bool {
        self.made.values().all(|cell| !cell.initialized())
    }

    /// What stands for `$name` in a document. What would be in the way of other rows is made when it is first asked for.
    pub async fn value(&self, name: &str) -> String {
        if let Some(id) = self.things.get(name) {
            return quoted(id);
        }
        if let Some(type_name) = name.strip_prefix("no_") {
            return quoted(&nonexistent(type_name));
        }
        match name {
            "address" => return r#"{line1: "1 Lake Road", city: "Hà Nội"}"#.to_owned(),
            "now" => return quoted(&Utc::now().to_rfc3339()),
            _ => {}
        }
        let cell = self.made.get(name).unwrap_or_else(|| panic!("the table names ${name}, which nothing is called"));
        quoted(cell.get_or_init(|| self.make(name)).await)
    }

    async fn make(&self, name: &str) -> String {
        let order = |status| self.city.order(&self.viewers[1], &self.restaurant).status(status);
        match name {
            "confirmed" => order(OrderStatus::Confirmed).create().await.id(),
            "preparing" => order(OrderStatus::Preparing).create().await.id(),
            "assigned" => order(OrderStatus::Ready).driver(&self.viewers[6]).create().await.id(),
            "customer_address" => {
                let document = "query($id: ID!) { customer(id: $id) { addresses { id } } }";
                let answer = self.viewers[7].query(document, json!({"id": self.things["customer"]})).await;
                answer.text("/customer/addresses/0/id").to_owned()
            }
            "new_email" => {
                static NUMBER: AtomicU32 = AtomicU32::new(1);
                format!("new{}@example.com", NUMBER.fetch_add(1, Ordering::Relaxed))
            }
            "verification_token" => {
                self.city.account_token(self.viewers[1].user(), AccountTokenPurpose::VerifyEmail).await
            }
            "reset_token" => self.city.account_token(self.viewers[1].user(), AccountTokenPurpose::ResetPassword).await,
            "refresh_token" => {
                let document = "mutation($email: String!, $password: String!) { \
                     signIn(input: {email: $email, password: $password}) { session { refreshToken } } }";
                let variables = json!({"email": self.things["customer_email"], "password": PASSWORD});
                let answer = self.viewers[0].query(document, variables).await;
                answer.text("/signIn/session/refreshToken").to_owned()
            }
            _ => {
                let document = "query($id: ID!) { order(id: $id) { events { cursor } } }";
                let answer = self.viewers[7].query(document, json!({"id": self.things["delivered"]})).await;
                answer.text("/order/events/0/cursor").to_owned()
            }
        }
    }
}

/// Gives the person a password, and the id of its first session.
async fn signed_in(city: &City, person: &Person) -> String {
    let user = person.user().id;
    users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::val(PASSWORD_HASH))
        .filter(users::Column::Id.eq(user))
        .exec(city.db())
        .await
        .expect("a user can be changed");
    let sessions =
        sessions::Entity::find().filter(sessions::Column::UserId.eq(user)).order_by_asc(sessions::Column::Id);
    let session = sessions.one(city.db()).await.expect("sessions can be read");
    global_id("ActiveSession", session.expect("the person is signed in").id)
}

/// A place where the driver was with the order.
async fn add_to_route(city: &City, order: &str, driver: &Person) {
    let place = driver_locations::ActiveModel {
        order_id: Set(row_number(order)),
        slot: Set(0),
        driver_id: Set(driver.driver().id),
        recorded_at: Set(Utc::now().fixed_offset()),
        lat: Set(21.into()),
        lng: Set(105.into()),
        ..Default::default()
    };
    driver_locations::Entity::insert(place).exec_without_returning(city.db()).await.expect("a place can be written");
}

/// The id of an entry in the record: that the merchant changed its menu.
async fn act(city: &City, merchant: &Person, menu: &str) -> String {
    let act = audit_events::ActiveModel {
        at: Set(Utc::now().fixed_offset()),
        actor_id: Set(Some(merchant.user().id)),
        action: Set("MENU_UPDATED".to_owned()),
        subject: Set(Some(menu.to_owned())),
        ..Default::default()
    };
    global_id("AuditEvent", act.insert(city.db()).await.expect("an act can be written").id)
}

/// The id of a thing of this type (in any case) that does not exist.
pub fn nonexistent(type_name: &str) -> String {
    let (first, rest) = type_name.split_at(1);
    let part = match type_name {
        "OrderItem" | "OrderEvent" => ":1",
        "Address" => ":0123456789abcdef",
        _ => "",
    };
    format!("{}{rest}:{NOBODYS_NUMBER}{part}", first.to_uppercase())
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}
