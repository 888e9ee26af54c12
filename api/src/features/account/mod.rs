//! Accounts: users, sessions and tokens, passwords, OpenID sign-in, roles and rights.

mod administration;
pub mod authentication;
mod collision;
mod deletion;
mod email_change;
pub mod expiry;
pub mod finder;
mod generation;
pub mod letters;
pub mod made_up;
pub mod mutation;
mod openid;
mod personal_data;
mod proof;
pub mod query;
mod rights;
mod secret;
pub mod service;
mod session;
mod sign_in;
pub mod types;
mod verification;

pub use types::User;
