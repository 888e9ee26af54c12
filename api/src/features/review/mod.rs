//! Reviews of restaurants by their customers.

pub mod finder;
pub mod mutation;
pub mod service;
pub mod types;

pub use types::Review;
