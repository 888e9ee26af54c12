//! Reviews of restaurants by their customers.

pub mod finder;
pub mod mutation;
pub mod service;
pub mod subscription;
pub mod types;
mod watch;

pub use types::Review;
