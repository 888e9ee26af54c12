//! Tiffin, the open food-delivery backend: a GraphQL API server.
//!
//! A map of the tree, in the order a request passes through it:
//!
//! - [`cli`] reads the command line and [`config`] the configuration; [`app`] is what every part needs, handed down and never
//!   global: the [`database`], the [`events`], the [`mail`], the configuration. [`telemetry`] logs, [`shutdown`] ends it all in order.
//!   What goes on beside the requests is one of the [`tasks`].
//! - [`http`] serves GraphQL over HTTP and websockets, GraphiQL and health, and finds out who asks.
//! - [`graphql`] is the kernel that every feature builds on: how operations are checked, planned and run, lists and pages.
//! - [`features`] is the product. Resolvers decide nothing: rules live in each feature's `service`.
//! - [`descriptors`] are what connections are made of. A [`deadline`] bounds what a request waits for. [`limiter`] counts how often something may happen, over all processes. It and the
//!   [`events`] reach them by a [`redis_connection`].
//! - [`access_token`] and [`password`] prove who somebody is.
//! - What other [`processes`] serve from the same database is looked after, for each of them has to hear of the others' changes.
//! - [`domain`] has the words that everything is said in: who asks, ids, money, what may go wrong.
//! - [`clock`], [`literal`] and [`dialect`] (everything in which PostgreSQL and SQLite differ) are used by all features.
//! - [`seed`] makes the demo city.

pub mod access_token;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod deadline;
pub mod descriptors;
pub mod dialect;
pub mod domain;
pub mod events;
pub mod features;
pub mod graphql;
pub mod http;
pub mod limiter;
pub mod literal;
pub mod mail;
pub mod openid_client;
pub mod password;
pub mod processes;
pub mod redis_connection;
pub mod seed;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
pub mod tls;
