//! What a restaurant earned, by day, week or month.

pub mod loader;
pub mod service;
pub mod types;

pub use types::{RevenuePeriod, RevenuePoint};
