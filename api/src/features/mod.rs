//! The product, one module for each feature: its GraphQL types (`types`), its root fields (`query`, `mutation`, `subscription`), its
//! business rules (`service`), and its finders (`finder`): the SQL behind relations and lists, with its rights, filters and sorts.

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
/// The restaurants and dishes that customers keep for later.
pub mod favourite;
/// What is done later, as admins see it.
pub mod job;
/// A restaurant's one menu.
pub mod menu;
/// Orders, from the basket to the door.
pub mod order;
/// Restaurants, the root of the catalog.
pub mod restaurant;
/// What a restaurant earned, by day, week or month.
pub mod revenue;
/// What customers think of restaurants.
pub mod review;
