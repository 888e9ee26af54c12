//! The rows of a generated city, and how they get into an empty database.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use entity::{
    customers, dishes, drivers, menus, order_events, order_items, orders, restaurant_members, restaurants, reviews,
    sea_orm_active_enums::{DriverStatus, UserRole},
    users,
};
use migration::{email, search_text::fold};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable};

use super::{opinion, story::Kitchen};
use tiffin::{
    database::Transaction,
    domain::money,
    features::{
        address::{Address, LatLng},
        dish::service as dish_service,
        restaurant,
    },
};

/// A city, table by table, in the order in which they can be written.
#[derive(Default)]
pub struct Rows {
    pub users: Vec<users::Model>,
    pub customers: Vec<customers::Model>,
    pub drivers: Vec<drivers::Model>,
    pub restaurants: Vec<restaurants::Model>,
    pub menus: Vec<menus::Model>,
    pub dishes: Vec<dishes::Model>,
    pub members: Vec<restaurant_members::Model>,
    pub orders: Vec<orders::Model>,
    pub items: Vec<order_items::Model>,
    pub events: Vec<order_events::Model>,
    pub reviews: Vec<reviews::Model>,
}

impl Rows {
    /// Adds a user, and gives its number.
    pub fn user(&mut self, name: &str, email: &str, role: UserRole, at: DateTime<Utc>) -> i32 {
        let id = next_id(&self.users);
        self.users.push(users::Model {
            id,
            email: email.to_owned(),
            normalized_email: email::key(email),
            name: Some(name.to_owned()),
            role,
            is_active: true,
            email_verified_at: Some(at.into()),
            created_at: at.into(),
            search_text: fold(&format!("{name} {email}")),
            password_hash: None,
        });
        id
    }

    /// Adds a customer with its user.
    pub fn customer(&mut self, name: &str, email: &str, phone: String, addresses: &[Address], at: DateTime<Utc>) {
        let user = self.user(name, email, UserRole::Customer, at);
        self.customers.push(customers::Model {
            id: next_id(&self.customers),
            name: name.to_owned(),
            email: email.to_owned(),
            normalized_email: email::key(email),
            phone: Some(phone),
            addresses: Some(addresses.iter().map(Address::to_json).collect()),
            created_at: at.into(),
            updated_at: at.into(),
            user_id: Some(user),
            search_text: fold(name),
            review_name: None,
        });
    }

    /// Adds a restaurant with its menu, dishes and staff.
    pub fn restaurant(&mut self, wanted: NewRestaurant, opened: DateTime<Utc>) -> Kitchen {
        let id = next_id(&self.restaurants);
        let digits = money::digits(wanted.currency);
        let restaurant = restaurants::Model {
            id,
            name: wanted.name.to_owned(),
            address: wanted.address.to_owned(),
            phone: wanted.phone,
            cuisine_type: wanted.cuisine.to_owned(),
            avg_rating: opinion::average(0, 0),
            total_orders: 0,
            is_active: wanted.is_active,
            created_at: opened.into(),
            currency: wanted.currency.to_owned(),
            delivery_fee: Decimal::new(wanted.delivery_fee, digits),
            tax_rate: Decimal::new(wanted.tax_rate, 4),
            lat: Some(wanted.place.lat),
            lng: Some(wanted.place.lng),
            delivery_zone: None,
            review_count: 0,
            search_text: restaurant::service::search_text(wanted.name, wanted.address),
        };
        let description = Some(format!("What {} cooks today", wanted.name));
        let (staff, menu) = (wanted.staff, wanted.menu.to_owned());
        self.restaurants.push(restaurant.clone());
        self.menus.push(menus::Model { id, restaurant_id: id, name: menu, description });
        self.members.push(restaurant_members::Model { restaurant_id: id, user_id: staff, created_at: opened.into() });
        let first = self.dishes.len();
        for dish in wanted.dishes {
            self.dishes.push(dish_row(next_id(&self.dishes), id, dish, digits));
        }
        let dishes = self.dishes[first..].iter().filter(|dish| dish.is_available).cloned().collect();
        Kitchen { restaurant, dishes, staff }
    }

    /// Adds a driver with its user.
    pub fn driver(&mut self, wanted: NewDriver, at: DateTime<Utc>) {
        let user = self.user(wanted.name, wanted.email, UserRole::Driver, at);
        let id = next_id(&self.drivers);
        self.drivers.push(drivers::Model {
            id,
            name: wanted.name.to_owned(),
            phone: wanted.phone,
            license_number: format!("OH-{:07}", 4_100_000 + id),
            vehicle_type: wanted.vehicle_type.to_owned(),
            status: DriverStatus::Offline,
            current_lat: degrees(wanted.place.lat),
            current_lng: degrees(wanted.place.lng),
            location_heading: None,
            location_speed: None,
            location_recorded_at: Some(wanted.seen_at.into()),
            user_id: Some(user),
        });
    }
}

/// What is particular to a restaurant. Amounts are in the smallest unit of its currency.
pub struct NewRestaurant<'n> {
    pub name: &'n str,
    pub address: &'n str,
    pub phone: String,
    pub cuisine: &'n str,
    pub currency: &'n str,
    pub delivery_fee: i64,
    /// In ten-thousandths.
    pub tax_rate: i64,
    pub place: LatLng,
    pub is_active: bool,
    pub menu: &'n str,
    pub dishes: Vec<NewDish<'n>>,
    /// The user who works there.
    pub staff: i32,
}

/// What is particular to a dish. The price is in the smallest unit of its restaurant's currency.
pub struct NewDish<'n> {
    pub category: &'n str,
    pub name: Cow<'n, str>,
    pub price: i64,
    pub description: &'n str,
    pub is_available: bool,
}

/// What is particular to a driver.
pub struct NewDriver<'n> {
    pub name: &'n str,
    pub email: &'n str,
    pub phone: String,
    pub vehicle_type: &'static str,
    pub place: LatLng,
    pub seen_at: DateTime<Utc>,
}

fn dish_row(id: i32, menu: i32, dish: NewDish, digits: u32) -> dishes::Model {
    let row = dishes::Model {
        id,
        menu_id: menu,
        name: dish.name.into_owned(),
        description: Some(dish.description.to_owned()),
        price: Decimal::new(dish.price, digits),
        image_url: None,
        is_available: dish.is_available,
        category: dish.category.to_owned(),
        search_text: String::new(),
    };
    let search_text = dish_service::search_text(&row.clone().into_active_model());
    dishes::Model { search_text, ..row }
}

/// Degrees as drivers' places are kept.
pub fn degrees(degrees: f64) -> Option<Decimal> {
    Decimal::from_f64(degrees).map(|degrees| degrees.round_dp(8))
}

/// The number of the next row of a table that is numbered from 1.
pub fn next_id<T>(rows: &[T]) -> i32 {
    i32::try_from(rows.len()).unwrap_or(i32::MAX - 1) + 1
}

/// Writes all rows.
pub async fn write_in_tx(transaction: &Transaction, rows: Rows) -> Result<(), DbErr> {
    insert::<users::Entity>(transaction, rows.users).await?;
    insert::<customers::Entity>(transaction, rows.customers).await?;
    insert::<drivers::Entity>(transaction, rows.drivers).await?;
    insert::<restaurants::Entity>(transaction, rows.restaurants).await?;
    insert::<menus::Entity>(transaction, rows.menus).await?;
    insert::<dishes::Entity>(transaction, rows.dishes).await?;
    insert::<restaurant_members::Entity>(transaction, rows.members).await?;
    insert::<orders::Entity>(transaction, rows.orders).await?;
    insert::<order_items::Entity>(transaction, rows.items).await?;
    insert::<order_events::Entity>(transaction, rows.events).await?;
    insert::<reviews::Entity>(transaction, rows.reviews).await
}

/// Parameters that one statement can have on both databases.
const PARAMETERS: usize = 30_000;

async fn insert<E>(transaction: &Transaction, rows: Vec<E::Model>) -> Result<(), DbErr>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    let at_once = PARAMETERS / E::Column::iter().count();
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let chunk: Vec<_> = rows.by_ref().take(at_once).collect();
        E::insert_many(chunk).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// Runs the statements one after the other.
pub async fn run_all(transaction: &Transaction, statements: Vec<String>) -> Result<(), DbErr> {
    for statement in statements {
        transaction.execute_unprepared(&statement).await?;
    }
    Ok(())
}
