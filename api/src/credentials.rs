//! What proves who somebody is: access tokens and passwords. Whose they are is read in `features::account`.

mod access_token;
pub mod password;

pub use access_token::{AccessTokens, Claims};
