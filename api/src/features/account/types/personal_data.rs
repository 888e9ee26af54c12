//! What is held on somebody, to take away.

use async_graphql::{Json, SimpleObject};

use crate::graphql::date_time::DateTime;

/// Everything that is held on the viewer.
#[derive(SimpleObject)]
pub struct PersonalData {
    /// When it was read.
    pub collected_at: DateTime,
    /// One object with `user`, `identities`, `sessions`, `customer`, `orders`, `reviews`, `driver`, `restaurants` and `acts`. Times are RFC 3339 in
    /// UTC, amounts strings in the currency beside them, ids those of the API; `customer` and `driver` are null for who is none.
    pub document: Json<serde_json::Value>,
}
