//! Favourites: the restaurants and dishes that customers keep for later.

pub mod finder;
pub mod mutation;
pub mod service;
pub mod types;

pub use types::Favourite;
