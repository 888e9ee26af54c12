//! Making an account, signing in to it, and proving that it is one's own.

use async_graphql::{InputObject, SimpleObject};

use super::{Session, User};

#[derive(Clone, InputObject)]
pub struct SignUpInput {
    /// At most 255 characters, and none that nobody sees. It is kept as it is written; no account may have it yet, in any case of its
    /// letters, with its accents composed or not, and its domain in letters or as `xn--…`.
    pub email: String,
    /// 10 to 200 characters.
    pub password: String,
    /// At most 100 characters.
    pub name: String,
    /// At most 20 characters; for restaurants and drivers while an order is under way.
    pub phone: Option<String>,
}

#[derive(Clone, InputObject)]
pub struct SignInInput {
    /// However it is written; see `SignUpInput`.
    pub email: String,
    pub password: String,
}

#[derive(Clone, InputObject)]
pub struct ChangePasswordInput {
    pub current_password: String,
    /// 10 to 200 characters.
    pub new_password: String,
}

#[derive(Clone, InputObject)]
pub struct RequestEmailVerificationInput {
    pub email: String,
}

#[derive(Clone, InputObject)]
pub struct VerifyEmailInput {
    /// From the link in the message.
    pub token: String,
}

#[derive(Clone, InputObject)]
pub struct RequestPasswordResetInput {
    pub email: String,
}

#[derive(Clone, InputObject)]
pub struct ResetPasswordInput {
    /// From the link in the message.
    pub token: String,
    /// 10 to 200 characters.
    pub new_password: String,
}

#[derive(SimpleObject)]
pub struct SignUpPayload {
    pub session: Session,
}

#[derive(SimpleObject)]
pub struct SignInPayload {
    pub session: Session,
}

#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    pub user: User,
}

#[derive(SimpleObject)]
pub struct RequestEmailVerificationPayload {
    /// Always true: whether a message was sent, only its recipient learns.
    pub accepted: bool,
}

#[derive(SimpleObject)]
pub struct VerifyEmailPayload {
    pub user: User,
}

#[derive(SimpleObject)]
pub struct RequestPasswordResetPayload {
    /// Always true: whether a message was sent, only its recipient learns.
    pub accepted: bool,
}

#[derive(SimpleObject)]
pub struct ResetPasswordPayload {
    pub user: User,
}
