//! Restaurants, the root of the catalog. The example that the other features follow.

pub mod finder;
mod members;
pub mod mutation;
pub mod query;
pub mod service;
pub mod types;

pub use types::Restaurant;
