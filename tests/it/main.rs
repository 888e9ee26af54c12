//! The end-to-end tests, in files named as the features, and the tests of what is true of the whole project.

mod architecture;
mod assignment;
mod background;
mod contention;
mod catalog;
mod contract;
mod cuts;
mod generated;
mod graphql_over_http;
mod lifecycle;
mod live_feeds;
mod live_locations;
mod live_steps;
mod placement;
mod money;
mod pages;
mod people;
mod revenue;
mod reviews;
mod smoke;
mod statements;
mod websocket;
