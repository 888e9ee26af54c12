//! Drivers: their records, their work, and their live places.

pub mod finder;
pub mod location;
pub mod mutation;
pub mod query;
pub mod record;
pub mod service;
pub mod subscription;
pub mod types;

pub use types::Driver;
