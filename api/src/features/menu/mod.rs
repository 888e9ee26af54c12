//! Menus: each restaurant has one.

pub mod finder;
pub mod mutation;
pub mod service;
pub mod types;

pub use types::Menu;
