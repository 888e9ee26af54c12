//! Revenue of a restaurant by day, week or month.

pub mod finder;
pub mod service;
pub mod types;

pub use types::{RevenuePeriod, RevenuePoint};
