//! Orders, from the basket to the door.

pub mod assignment;
pub mod dismissal;
mod history;
pub mod lifecycle;
pub mod loader;
pub mod mutation;
pub mod overdue;
pub mod placement;
pub mod query;
pub mod service;
pub mod subscription;
pub mod sweep;
pub mod types;
pub mod watch;

pub use types::Order;
