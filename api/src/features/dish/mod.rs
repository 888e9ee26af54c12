//! Dishes: what a menu offers, and what it costs.

pub mod finder;
pub mod mutation;
pub mod query;
pub mod service;
pub mod types;

pub use types::Dish;
