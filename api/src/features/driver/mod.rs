//! Couriers, and where they are.

pub mod loader;
pub mod mutation;
pub mod query;
pub mod service;
pub mod subscription;
pub mod types;

pub use types::Driver;
