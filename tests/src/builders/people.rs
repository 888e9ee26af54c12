//! Builds people: users with the records that belong to them.

use entity::{
    customers, drivers, restaurant_members,
    sea_orm_active_enums::{DriverStatus, UserRole},
    users,
};
use migration::{email, search_text::fold};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use serde_json::json;

use super::{Restaurant, now};
use crate::{City, Person};

impl City {
    /// A customer with a phone number and one address.
    pub async fn customer(&self, name: &str) -> Person {
        let user = self.user(name, UserRole::Customer).await;
        let customer = self.customer_row(name, &user.email, Some(user.id)).await;
        self.signed_in(user).await.with_customer(customer)
    }

    /// A customer from the time before there were accounts.
    pub async fn customer_without_user(&self, name: &str, email: &str) -> customers::Model {
        self.customer_row(name, email, None).await
    }

    async fn customer_row(&self, name: &str, email: &str, user: Option<i32>) -> customers::Model {
        let customer = customers::ActiveModel {
            name: Set(name.to_owned()),
            email: Set(email.to_owned()),
            normalized_email: Set(email::key(email)),
            phone: Set(Some(format!("+1 555 {:07}", user.unwrap_or_default()))),
            addresses: Set(Some(json!([{"label": "Home", "line1": "1 Lake Road", "city": "Hà Nội"}]))),
            created_at: Set(now()),
            updated_at: Set(now()),
            user_id: Set(user),
            search_text: Set(fold(name)),
            ..Default::default()
        };
        customer.insert(self.db()).await.expect("a customer can be written")
    }

    /// A merchant who is no restaurant's staff yet.
    pub async fn merchant(&self, name: &str) -> Person {
        self.signed_in(self.user(name, UserRole::Merchant).await).await
    }

    /// A merchant on the staff of this restaurant.
    pub async fn merchant_of(&self, restaurant: &Restaurant) -> Person {
        let merchant = self.merchant("Mai").await;
        self.make_member(&merchant, restaurant).await;
        merchant
    }

    /// Puts somebody on the staff of a restaurant.
    pub async fn make_member(&self, person: &Person, restaurant: &Restaurant) {
        let member = restaurant_members::ActiveModel {
            restaurant_id: Set(restaurant.row.id),
            user_id: Set(person.user().id),
            created_at: Set(now()),
        };
        member.insert(self.db()).await.expect("a member can be written");
    }

    /// A driver who is AVAILABLE, nobody knows where.
    pub async fn driver(&self, name: &str) -> Person {
        self.new_driver(name).create().await
    }

    /// Gives somebody a driver's record, whatever its role.
    pub async fn driver_record(&self, person: &Person, status: DriverStatus) -> drivers::Model {
        let driver = drivers::ActiveModel { status: Set(status), ..driver_row(person.user()) };
        driver.insert(self.db()).await.expect("a driver can be written")
    }

    /// A driver to be described further.
    pub fn new_driver(&self, name: &str) -> DriverBuilder<'_> {
        DriverBuilder { city: self, name: name.to_owned(), status: DriverStatus::Available, location: None }
    }

    pub async fn admin(&self) -> Person {
        self.signed_in(self.user("Ada", UserRole::Admin).await).await
    }

    /// Somebody signed in with this role and no record as a customer or driver: one who has not ordered yet.
    pub async fn newcomer(&self, name: &str, role: UserRole) -> Person {
        self.signed_in(self.user(name, role).await).await
    }

    async fn user(&self, name: &str, role: UserRole) -> users::Model {
        let handle = fold(name).replace(|letter: char| !letter.is_ascii_alphanumeric(), "");
        let email = format!("{handle}{}@example.com", self.number());
        let user = users::ActiveModel {
            name: Set(Some(name.to_owned())),
            role: Set(role),
            is_active: Set(true),
            created_at: Set(now()),
            search_text: Set(fold(&format!("{name} {email}"))),
            normalized_email: Set(email::key(&email)),
            email: Set(email),
            ..Default::default()
        };
        user.insert(self.db()).await.expect("a user can be written")
    }
}

/// A driver on the way into the database.
pub struct DriverBuilder<'a> {
    city: &'a City,
    name: String,
    status: DriverStatus,
    location: Option<(f64, f64)>,
}

impl DriverBuilder<'_> {
    /// AVAILABLE unless said otherwise.
    pub fn status(self, status: DriverStatus) -> Self {
        DriverBuilder { status, ..self }
    }

    /// Last seen just now, at this latitude and longitude.
    pub fn located_at(self, lat: f64, lng: f64) -> Self {
        DriverBuilder { location: Some((lat, lng)), ..self }
    }

    pub async fn create(self) -> Person {
        let user = self.city.user(&self.name, UserRole::Driver).await;
        let degrees = |degrees: f64| Decimal::from_f64(degrees).expect("a position is a number");
        let driver = drivers::ActiveModel {
            status: Set(self.status),
            current_lat: Set(self.location.map(|(lat, _)| degrees(lat))),
            current_lng: Set(self.location.map(|(_, lng)| degrees(lng))),
            location_recorded_at: Set(self.location.map(|_| now())),
            ..driver_row(&user)
        };
        let driver = driver.insert(self.city.db()).await.expect("a driver can be written");
        self.city.signed_in(user).await.with_driver(driver)
    }
}

fn driver_row(user: &users::Model) -> drivers::ActiveModel {
    drivers::ActiveModel {
        name: Set(user.name.clone().unwrap_or_default()),
        phone: Set(format!("+1 556 {:07}", user.id)),
        license_number: Set(format!("LICENCE-{}", user.id)),
        vehicle_type: Set("scooter".to_owned()),
        user_id: Set(Some(user.id)),
        ..Default::default()
    }
}
