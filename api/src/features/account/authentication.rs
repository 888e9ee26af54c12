//! Authentication: the one place where an access token becomes a viewer, whoever was given it: a request, a socket, or something that works
//! for somebody.

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, Utc};

use super::{
    generation::generation_confirm,
    rights::{RightsInSession, rights_in_session},
};
use crate::{
    app::App,
    credentials::Claims,
    domain::{
        error::{Code, Error, Result},
        viewer::{Origin, Rights, SignedIn, Viewer},
    },
    graphql::execute::Payer,
};

/// Who asks, and until when that is certain.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub viewer: Viewer,
    /// When the access token expires; none for the anonymous.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Authenticated {
    pub const ANONYMOUS: Self = Authenticated { viewer: Viewer::Anonymous, expires_at: None };
}

/// Reads the viewer's rights anew, for whatever acts for it: a socket lives long, and rights come and go meanwhile.
/// UNAUTHENTICATED where its session has ended.
pub async fn renew_rights(app: &App, viewer: &Viewer) -> Result<()> {
    let Viewer::User(user) = viewer else { return Ok(()) };
    let Some(session) = user.session else { return Ok(()) };
    let began = Instant::now();
    // Whatever opened a connection was used by it, and is not replaced any more.
    user.renew(rights_in_session(&app.db, user.id, session, None).await?.ok_or_else(session_ended)?.rights, began);
    Ok(())
}

/// Reads the viewer's rights anew for a newer access token of its session; gives when that one expires. FORBIDDEN for a token of
/// anybody else, and of another session.
pub async fn renew(app: &App, viewer: &Viewer, token: &str) -> Result<DateTime<Utc>> {
    let claims = app.access_tokens.verify(token)?;
    let is_same = |user: &SignedIn| user.id == claims.user && user.session == Some(claims.session);
    let Some(user) = viewer.user().filter(|user| is_same(user)) else {
        return Err(Error::forbidden("This access token is not of the session that the connection was opened with."));
    };
    let began = Instant::now();
    user.renew(use_token(app, &claims).await?, began);
    Ok(claims.expires_at)
}

/// Whose access token this is. UNAUTHENTICATED where it is not valid, or its session has ended.
pub async fn authenticate(app: &App, token: &str, origin: &Origin) -> Result<Authenticated> {
    let claims = app.access_tokens.verify(token)?;
    let rights = use_token(app, &claims).await?;
    let user = SignedIn::new(claims.user, Some(claims.session), Some(origin.clone()), rights);
    Ok(Authenticated { viewer: Viewer::User(Arc::new(user)), expires_at: Some(claims.expires_at) })
}

/// What a token's user may act as. The first use of the tokens that were given out together is written down: from then on nothing
/// replaces them. RATE_LIMITED, without a statement, for a user whose window is used up.
async fn use_token(app: &App, claims: &Claims) -> Result<Rights> {
    Payer::named(claims.user).charge_token_check(app).await?;
    let find = async || {
        let generation = claims.generation.map(|number| (number, claims.issued_at));
        rights_in_session(&app.db, claims.user, claims.session, generation).await
    };
    let RightsInSession { rights, is_unused } = find().await?.ok_or_else(session_ended)?;
    if let Some(generation) = claims.generation.filter(|_| is_unused)
        && !generation_confirm(&app.db, claims.session, generation).await?
    {
        // Somebody else was using them, or a refresh was replacing them, at the same moment.
        return Ok(find().await?.ok_or_else(session_ended)?.rights);
    }
    Ok(rights)
}

fn session_ended() -> Error {
    Error::new(Code::Unauthenticated, "The session has ended, or a newer token has replaced this one: sign in again.")
}
