//! GraphQL types of sessions: with their tokens once, and afterwards without.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Object, SimpleObject};
use entity::sessions;
use sea_orm::prelude::DateTimeWithTimeZone;

use super::User;
use crate::{
    domain::{
        ids::{GlobalId, SessionId},
        viewer::Viewer,
    },
    features::account::{rights::seen_by_user, session::OpenedSession},
    graphql::{
        date_time::DateTime,
        plan::{SeenBy, object},
    },
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

    /// The user, with everything below it as it sees it itself, whoever asks.
    async fn user(&self) -> SeenBy<User> {
        let OpenedSession { user, session, .. } = &self.0;
        seen_by_user(user.clone(), Some(*session))
    }
}

#[derive(Clone, Debug)]
pub struct ActiveSession(pub Arc<sessions::Model>);

/// A place where somebody is signed in, such as a phone or a browser.
#[object(row = sessions::Model)]
impl ActiveSession {
    /// Opaque, and unique over all types.
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

/// What `refreshSession` is given.
#[derive(Clone, Debug, InputObject)]
pub struct RefreshSessionInput {
    /// The newest one that came; after a lost answer, the one that was sent.
    pub refresh_token: String,
}

/// What `signOut` is given.
#[derive(Clone, Debug, InputObject)]
pub struct SignOutInput {
    /// The newest one, or any of the session's.
    pub refresh_token: String,
}

/// What `revokeSession` is given.
#[derive(Clone, Debug, InputObject)]
pub struct RevokeSessionInput {
    /// One of `sessions`.
    pub session_id: ID,
}

/// What `revokeAllSessions` is given.
#[derive(Clone, Debug, InputObject)]
pub struct RevokeAllSessionsInput {
    /// Whose sessions; one's own when left out. Admins may name anybody.
    pub user_id: Option<ID>,
    /// Keep the session that asks.
    #[graphql(default)]
    pub except_current: bool,
}

/// What `refreshSession` gives back.
#[derive(SimpleObject)]
pub struct RefreshSessionPayload {
    /// The same session, with its next tokens.
    pub session: Session,
}

/// What `signOut` gives back.
#[derive(SimpleObject)]
pub struct SignOutPayload {
    /// Who was signed out, with everything below it as it sees it itself; as anybody sees it where the session had ended already, or
    /// the token is not the newest. Null where the token was never given out here.
    pub user: Option<SeenBy<User>>,
}

/// What `revokeSession` gives back.
#[derive(SimpleObject)]
pub struct RevokeSessionPayload {
    /// As it is now: at its end.
    pub session: ActiveSession,
}

/// What `revokeAllSessions` gives back.
#[derive(SimpleObject)]
pub struct RevokeAllSessionsPayload {
    /// How many sessions ended now.
    pub revoked: i32,
}
