//! Sessions as clients see them: once with their tokens, and afterwards without.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Object, SimpleObject};
use entity::sessions;

use super::User;
use crate::{
    features::account::session::OpenedSession,
    graphql::{context::OperationContext, date_time::DateTime, ids::GlobalId, row::Row},
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
#[Object]
impl ActiveSession {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    /// When the user signed in.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was opened or renewed last.
    async fn last_used_at(&self) -> DateTime {
        self.0.last_used_at.into()
    }

    /// When it ends unless it is renewed.
    async fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// When it was ended; null while it goes on.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(Into::into)
    }

    /// The network address it was opened or renewed from last; null when not known.
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// What its client calls itself; null where it does not.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// Whether it is the one that asks.
    async fn is_current(&self, ctx: &async_graphql::Context<'_>) -> bool {
        ctx.viewer().user().is_some_and(|user| user.session == Some(self.0.id()))
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
