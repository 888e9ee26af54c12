//! GraphQL inputs and payloads for sign-up, sign-in and the verification of e-mail addresses.

use async_graphql::{InputObject, SimpleObject};

use super::{Session, User};
use crate::graphql::{date_time::DateTime, plan::SeenBy};

/// What `signUp` is given.
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

/// What `signIn` is given.
#[derive(Clone, InputObject)]
pub struct SignInInput {
    /// However it is written; see `SignUpInput`.
    pub email: String,
    /// The password of the account.
    pub password: String,
}

/// What `changePassword` is given.
#[derive(Clone, InputObject)]
pub struct ChangePasswordInput {
    /// The one that is to be replaced.
    pub current_password: String,
    /// 10 to 200 characters.
    pub new_password: String,
}

/// What `changeEmail` is given.
#[derive(Clone, InputObject)]
pub struct ChangeEmailInput {
    /// The address that the account is to have; see `SignUpInput`.
    pub new_email: String,
    /// The account's password; null for an account that has none, whose session must be younger than ten minutes.
    pub password: Option<String>,
}

/// What `requestEmailVerification` is given.
#[derive(Clone, InputObject)]
pub struct RequestEmailVerificationInput {
    /// However it is written; see `SignUpInput`.
    pub email: String,
}

/// What `verifyEmail` is given.
#[derive(Clone, InputObject)]
pub struct VerifyEmailInput {
    /// From the link in the message.
    pub token: String,
}

/// What `requestPasswordReset` is given.
#[derive(Clone, InputObject)]
pub struct RequestPasswordResetInput {
    /// However it is written; see `SignUpInput`.
    pub email: String,
}

/// What `resetPassword` is given.
#[derive(Clone, InputObject)]
pub struct ResetPasswordInput {
    /// From the link in the message.
    pub token: String,
    /// 10 to 200 characters.
    pub new_password: String,
}

/// What `signUp` gives back.
#[derive(SimpleObject)]
pub struct SignUpPayload {
    /// The first session of the account, with its tokens.
    pub session: Session,
}

/// What `signIn` gives back.
#[derive(SimpleObject)]
pub struct SignInPayload {
    /// The new session, with its tokens.
    pub session: Session,
}

/// What `changePassword` gives back.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// Whose password it is.
    pub user: User,
}

/// What `changeEmail` gives back.
#[derive(SimpleObject)]
pub struct ChangeEmailPayload {
    /// Whose address it is to be; `email` is the present one until the new one is verified.
    pub user: User,
    /// Until when the link in the message is good.
    pub expires_at: DateTime,
}

/// What `requestEmailVerification` gives back.
#[derive(SimpleObject)]
pub struct RequestEmailVerificationPayload {
    /// Always true: whether a message was sent, only its recipient learns.
    pub accepted: bool,
}

/// What `verifyEmail` gives back.
#[derive(SimpleObject)]
pub struct VerifyEmailPayload {
    /// Whose it is, with everything below it as it sees it itself, whoever asks.
    pub user: SeenBy<User>,
}

/// What `requestPasswordReset` gives back.
#[derive(SimpleObject)]
pub struct RequestPasswordResetPayload {
    /// Always true: whether a message was sent, only its recipient learns.
    pub accepted: bool,
}

/// What `resetPassword` gives back.
#[derive(SimpleObject)]
pub struct ResetPasswordPayload {
    /// Whose it is, with everything below it as it sees it itself, whoever asks.
    pub user: SeenBy<User>,
}
