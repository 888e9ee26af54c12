//! All rows of a made-up city, and how they get into an empty database.

use chrono::{DateTime, Utc};
use entity::{
    customers, dishes, drivers, menus, order_events, order_items, orders, restaurant_members, restaurants, reviews,
    sea_orm_active_enums::{DriverStatus, UserRole},
    users,
};
use migration::search_text::fold;
use rust_decimal::{Decimal, prelude::FromPrimitive};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, Iterable};

use crate::features::address::{Address, LatLng};

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
            name: Some(name.to_owned()),
            role,
            is_active: true,
            email_verified_at: Some(at.into()),
            created_at: at.into(),
            search_text: fold(&format!("{name} {email}")),
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
            phone: Some(phone),
            addresses: Some(addresses.iter().map(Address::to_json).collect()),
            created_at: at.into(),
            updated_at: at.into(),
            user_id: Some(user),
            search_text: fold(name),
        });
    }

    /// Adds a driver with its user, and gives both numbers.
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

/// What is particular to a driver.
pub struct NewDriver<'n> {
    pub name: &'n str,
    pub email: &'n str,
    pub phone: String,
    pub vehicle_type: &'static str,
    pub place: LatLng,
    pub seen_at: DateTime<Utc>,
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
pub async fn write_in_tx(transaction: &DatabaseTransaction, rows: Rows) -> Result<(), sea_orm::DbErr> {
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

async fn insert<E>(transaction: &DatabaseTransaction, rows: Vec<E::Model>) -> Result<(), sea_orm::DbErr>
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
