//! The migrations on both databases: always on SQLite, and on the PostgreSQL server of `TEST_DATABASE_URL`, where each test makes
//! and drops databases of its own.
#![allow(clippy::unwrap_used)]

mod addresses;
mod backfill;
mod entities;
mod erd;
mod purposes;
mod rules;
mod scratch;
mod steps;
