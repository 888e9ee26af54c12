//! Sessions as clients see them: once with their tokens, and afterwards without.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Object, SimpleObject};
use entity::sessions;
use sea_orm::prelude::DateTimeWithTimeZone;

use super::User;
use crate::{
    features::account::session::OpenedSession,
    graphql::{
        date_time::DateTime,
        ids::{GlobalId, SessionId},
        plan::object,
    },
    viewer::Viewer,
};

pub struct Session(pub OpenedSession);

/// Somebody is signed in. The tokens are shown here and never again.
#[Object]
impl Session {
    /// Send it with every request as `Authorization: Bearer <accessToken>`, and in `connection_init` as
    /// `{"authorization": "Bearer <accessToken>"}`.
    async fn access_token(&self) -> &str {
        &self.0.access_token
    }

    /// Renew the session with `refreshSession` before then.
    async fn access_token_expires_at(&self) -> DateTime {
        self.0.access_token_expires_at.into()
    }

    /// `refreshSession` exchanges it for the next tokens. Until one of those is used it may be sent again, for the answer may have been
    /// lost: then it gives others, and those from before are worth nothing. Keep it where nobody else reads it.
    async fn refresh_token(&self) -> &str {
        &self.0.refresh_token
    }

    async fn user(&self) -> User {
        User(self.0.user.clone().into())
    }
}

#[derive(Clone, Debug)]
pub struct ActiveSession(pub Arc<sessions::Model>);

/// A place where somebody is signed in, such as a phone or a browser.
#[object(row = sessions::Model)]
impl ActiveSession {
    fn id(id: &i32) -> ID {
        SessionId(*id).to_global()
    }

    /// When the user signed in.
    fn created_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }

    /// When it was opened or renewed last.
    fn last_used_at(last_used_at: &DateTimeWithTimeZone) -> DateTime {
        (*last_used_at).into()
    }

    /// When it ends unless it is renewed.
    fn expires_at(expires_at: &DateTimeWithTimeZone) -> DateTime {
        (*expires_at).into()
    }

    /// When it was ended; null while it goes on.
    fn ended_at(ended_at: &Option<DateTimeWithTimeZone>) -> Option<DateTime> {
        ended_at.map(Into::into)
    }

    /// The network address it was opened or renewed from last; null when not known.
    fn address(address: &Option<String>) -> Option<&str> {
        address.as_deref()
    }

    /// What its client calls itself; null where it does not.
    fn user_agent(user_agent: &Option<String>) -> Option<&str> {
        user_agent.as_deref()
    }

    /// Whether it is the one that asks.
    fn is_current(viewer: &Viewer, id: &i32) -> bool {
        viewer.user().is_some_and(|user| user.session == Some(SessionId(*id)))
    }
}

#[derive(Clone, Debug, InputObject)]
pub struct RefreshSessionInput {
    /// The newest one that came; after a lost answer, the one that was sent.
    pub refresh_token: String,
}

#[derive(Clone, Debug, InputObject)]
pub struct SignOutInput {
    /// The newest one, or any of the session's.
    pub refresh_token: String,
}

#[derive(Clone, Debug, InputObject)]
pub struct RevokeSessionInput {
    pub session_id: ID,
}

#[derive(Clone, Debug, InputObject)]
pub struct RevokeAllSessionsInput {
    /// Whose sessions; one's own when left out. Admins may name anybody.
    pub user_id: Option<ID>,
    /// Keep the session that asks.
    #[graphql(default)]
    pub except_current: bool,
}

#[derive(SimpleObject)]
pub struct RefreshSessionPayload {
    pub session: Session,
}

#[derive(SimpleObject)]
pub struct SignOutPayload {
    /// Who was signed out; null where the token was never given out here.
    pub user: Option<User>,
}

#[derive(SimpleObject)]
pub struct RevokeSessionPayload {
    pub session: ActiveSession,
}

#[derive(SimpleObject)]
pub struct RevokeAllSessionsPayload {
    /// How many sessions ended now.
    pub revoked: i32,
}
