//! Revenue of a restaurant by day, week or month.

pub mod loader;
pub mod service;
pub mod types;

pub use types::{RevenuePeriod, RevenuePoint};
