//! What admins do with accounts, and how one ends.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{Role, User};

#[derive(Clone, Debug, InputObject)]
pub struct SetUserRoleInput {
    pub user_id: ID,
    pub role: Role,
}

#[derive(Clone, Debug, InputObject)]
pub struct SetUserActiveInput {
    pub user_id: ID,
    pub is_active: bool,
}

#[derive(Clone, InputObject)]
pub struct DeleteAccountInput {
    /// The account's password, where it has one.
    pub password: Option<String>,
}

#[derive(SimpleObject)]
pub struct SetUserRolePayload {
    pub user: User,
}

#[derive(SimpleObject)]
pub struct SetUserActivePayload {
    pub user: User,
}

#[derive(SimpleObject)]
pub struct DeleteAccountPayload {
    pub deleted_user_id: ID,
}
