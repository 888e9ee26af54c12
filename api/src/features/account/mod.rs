//! Users: who signs in, and as whom.

pub mod loader;
pub mod query;
pub mod types;

pub use types::User;
