//! Tiffin: the stubs of this branch.
pub mod app;
pub mod cli;
pub mod config;
pub mod database;
pub mod events;
pub mod graphql;
pub mod http;
pub mod seed;
pub mod shutdown;
pub mod telemetry;
