//! What customers think of restaurants.

pub mod loader;
pub mod mutation;
pub mod service;
pub mod types;

pub use types::Review;
