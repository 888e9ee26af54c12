//! The end-to-end tests, in files named as the features, and the tests of what is true of the whole project.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod abandoned;
mod accounts;
mod architecture;
mod assignment;
mod background;
mod catalog;
mod charges;
mod contention;
mod contract;
mod cuts;
mod demo;
mod event_stream;
mod generated;
mod graphql_over_http;
mod hostile;
mod inputs;
mod introspection;
mod lifecycle;
mod live_feeds;
mod live_locations;
mod live_steps;
mod money;
mod pages;
mod people;
mod placement;
mod process;
mod revenue;
mod reviews;
mod secrets;
mod smoke;
mod sockets;
mod statements;
mod websocket;
mod websocket_older;
