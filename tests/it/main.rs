//! The end-to-end tests, in files named as the features, and the tests of what is true of the whole project.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod accounts;
mod architecture;
mod assignment;
mod background;
mod catalog;
mod contention;
mod contract;
mod cuts;
mod demo;
mod event_stream;
mod generated;
mod graphql_over_http;
mod hostile;
mod inputs;
mod lifecycle;
mod live_drain;
mod live_feeds;
mod live_locations;
mod live_sessions;
mod live_slow;
mod live_steps;
mod metrics;
mod money;
mod pages;
mod people;
mod placement;
mod process;
mod revenue;
mod reviews;
mod smoke;
mod sockets;
mod statements;
mod websocket;
mod websocket_older;
