//! Jobs as admins see them: what is to be done later, and what has failed for good. What jobs are is said in [`crate::jobs`].

pub mod finder;
pub mod mutation;
pub mod query;
pub mod service;
pub mod types;

pub use types::Job;
