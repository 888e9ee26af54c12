//! Orders: placing them, the state machine of their lives, their drivers, and live updates of their steps.

pub mod acceptance;
pub mod assignment;
pub mod dismissal;
pub mod finder;
mod history;
pub mod lifecycle;
pub mod mutation;
pub mod placement;
pub mod query;
pub mod service;
pub mod subscription;
pub mod types;
pub mod watch;

pub use types::Order;
