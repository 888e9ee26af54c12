//! The kernel that every feature builds on. It names no feature: they are put together in [`crate::schema`].

pub mod connection;
pub mod context;
pub mod date;
pub mod date_time;
pub mod decimal;
pub mod document;
pub mod enumeration;
pub mod execute;
pub mod flights;
pub mod input;
pub mod json;
pub mod limits;
pub mod list;
pub mod live;
pub mod loaders;
pub mod page;
pub mod plan;
pub mod row;
pub mod scalars;
pub mod search;
pub mod sort;
pub mod without_token;
