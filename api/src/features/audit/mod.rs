//! The audit record: who did what to what, when, and from where. It holds the acts of admins and merchants, and everything about signing
//! in.

pub mod finder;
pub mod query;
pub mod service;
pub mod types;

pub use types::AuditEvent;
