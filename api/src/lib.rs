//! Tiffin, the open food-delivery backend: a GraphQL API server. The command line (`api/cli`) and the demo city (`api/seed`) stand above it.
//!
//! A map of the rooms, from the roof down; each names only what stands below it (`docs/architecture.md` draws it):
//!
//! - [`http`] serves GraphQL over HTTP and websockets, GraphiQL and health.
//! - [`schema`] is where the features are put together.
//! - [`features`] is the product. Resolvers decide nothing: rules live in each feature's `service`, rights in its `finder`.
//! - [`graphql`] is the kernel that every feature builds on: how operations are checked, planned and run, lists and pages.
//! - [`app`] is what every part needs, handed down and never global. What other [`processes`] serve from the same database is looked
//!   after, for each of them has to hear of the others' changes.
//! - [`events`] tell processes and sockets that something has changed, the [`limiter`] counts how often something may happen, over all
//!   processes, [`mail`] sends letters, [`openid_client`] lets people sign in elsewhere, [`telemetry`] logs.
//! - [`jobs`] are done later, whatever becomes of the process, and [`tasks`] go on beside the requests.
//! - [`database`] has connections and transactions, and everything in which PostgreSQL and SQLite differ. A [`deadline`] bounds what a
//!   request waits for.
//! - [`config`] is what whoever runs the server has said.
//! - [`credentials`] prove who somebody is. The [`limiter`] and the [`events`] reach Redis by a [`redis_connection`].
//! - [`domain`] has the words that everything is said in: who asks, ids, money, the time, what may go wrong. [`tls`] is whom we believe, and
//!   [`shutdown`] ends it all in order.

pub mod app;
pub mod config;
pub mod credentials;
pub mod database;
pub mod deadline;
pub mod domain;
pub mod events;
pub mod features;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod journal;
pub mod limiter;
pub mod mail;
pub mod openid_client;
pub mod processes;
pub mod redis_connection;
pub mod schema;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
pub mod tls;
