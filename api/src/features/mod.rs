//! The product, feature by feature. Each holds what clients see of it (`types`), what may be asked and done (`query`,
//! `mutation`, `subscription`), the rules (`service`), and the statements behind relations and lists (`loader`).

/// Users: who signs in, and as whom.
pub mod account;
/// Postal addresses and places on the map.
pub mod address;
/// Who did what to what, when, and from where.
pub mod audit;
/// People who order.
pub mod customer;
/// What a menu offers.
pub mod dish;
/// Couriers, and where they are.
pub mod driver;
/// A restaurant's one menu.
pub mod favourite;

pub mod menu;
/// Orders, from the basket to the door.
pub mod order;
/// Restaurants, the root of the catalog.
pub mod restaurant;
/// What a restaurant earned, by day, week or month.
pub mod revenue;
/// What customers think of restaurants.
pub mod review;
