//! GraphQL inputs and payloads for the administration and the deletion of accounts.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{Role, User};

/// What `setUserRole` is given.
#[derive(Clone, Debug, InputObject)]
pub struct SetUserRoleInput {
    /// Whom it is about.
    pub user_id: ID,
    /// What the user is from now on.
    pub role: Role,
}

/// What `setUserActive` is given.
#[derive(Clone, Debug, InputObject)]
pub struct SetUserActiveInput {
    /// Whom it is about.
    pub user_id: ID,
    /// Whether the user may sign in from now on.
    pub is_active: bool,
}

/// What `deleteAccount` is given.
#[derive(Clone, InputObject)]
pub struct DeleteAccountInput {
    /// The account's password, where it has one.
    pub password: Option<String>,
}

/// What `setUserRole` gives back.
#[derive(SimpleObject)]
pub struct SetUserRolePayload {
    /// As it is now.
    pub user: User,
}

/// What `setUserActive` gives back.
#[derive(SimpleObject)]
pub struct SetUserActivePayload {
    /// As it is now.
    pub user: User,
}

/// What `deleteAccount` gives back.
#[derive(SimpleObject)]
pub struct DeleteAccountPayload {
    /// The id that the user had: drop it from caches.
    pub deleted_user_id: ID,
}
