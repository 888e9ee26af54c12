//! GraphQL types for sign-in through an OpenID provider.

use async_graphql::{InputObject, SimpleObject};

use super::Session;
use crate::graphql::plan::object;

/// Somebody who vouches for people: they sign in there, and are signed in here.
#[object]
#[derive(Clone, Debug)]
pub struct SignInProvider {
    /// What people know it by.
    pub name: String,
}

/// What `startOpenIdSignIn` is given.
#[derive(Clone, InputObject)]
pub struct StartOpenIdSignInInput {
    /// The page of the front end that the browser comes back to, exactly as it is configured (`openid.redirect_urls`).
    pub redirect_url: String,
}

/// What `completeOpenIdSignIn` is given.
#[derive(Clone, InputObject)]
pub struct CompleteOpenIdSignInInput {
    /// What `startOpenIdSignIn` gave to this browser.
    pub secret: String,
    /// From the address that the browser came back to.
    pub state: String,
    /// From the address that the browser came back to.
    pub code: String,
}

/// What `startOpenIdSignIn` gives back.
#[derive(SimpleObject)]
pub struct StartOpenIdSignInPayload {
    /// The provider's page: send the browser there. It comes back to `redirectUrl` with `state` and `code`, or with `error`.
    pub authorization_url: String,
    /// Keep it in the browser (`sessionStorage`) and nowhere else: only who has it completes the sign-in, so that nobody can be made to
    /// complete somebody else's. It holds for 10 minutes.
    pub secret: String,
}

/// What `completeOpenIdSignIn` gives back.
#[derive(SimpleObject)]
pub struct CompleteOpenIdSignInPayload {
    /// The new session, with its tokens.
    pub session: Session,
}
