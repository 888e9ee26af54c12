//! Reviews of restaurants by their customers.

pub mod loader;
pub mod mutation;
pub mod service;
pub mod types;

pub use types::Review;
