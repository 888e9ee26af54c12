//! People who order.

mod addresses;
pub mod finder;
pub mod mutation;
pub mod query;
mod review_name;
pub mod service;
pub mod types;

pub use types::Customer;
