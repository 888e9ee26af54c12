//! Builders of test data: people and rows, written straight into the database with defaults that make sense.
//!
//! ```text
//! let restaurant = city.restaurant().named("Phở Thìn").with_dishes(3).create().await;
//! let merchant = city.merchant_of(&restaurant).await;
//! let ann = city.customer("Ann").await;
//! let order = city.order(&ann, &restaurant).status(OrderStatus::Ready).create().await;
//! ```
//!
//! Only the beginning of a test is written here. What the test is about goes through the API.

mod accounts;
mod favourites;
mod jobs;
mod orders;
mod people;
mod restaurants;
mod reviews;

pub use orders::{Order, OrderBuilder};
pub use people::DriverBuilder;
pub use restaurants::{Restaurant, RestaurantBuilder};
pub use reviews::{Review, ReviewBuilder};

use chrono::{DateTime, FixedOffset, SubsecRound, Utc};
use rust_decimal::Decimal;

/// Now, to the microsecond: what PostgreSQL keeps.
fn now() -> DateTime<FixedOffset> {
    Utc::now().trunc_subsecs(6).fixed_offset()
}

/// An exact amount: `decimal("12.50")`.
pub fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("an amount in a test is a decimal number")
}
