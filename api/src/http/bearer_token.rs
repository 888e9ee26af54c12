//! Where a request or a socket carries its access token (RFC 6750).

use axum::http::{HeaderMap, header::AUTHORIZATION};
use serde_json::Value as Json;

use crate::{
    app::App,
    domain::{
        error::{Code, Error, Result},
        viewer::Origin,
    },
    features::account::authentication::{Authenticated, authenticate},
};

/// Who sends a request, by its header `Authorization: Bearer <access token>`; without one, the anonymous. UNAUTHENTICATED where
/// the token is not valid, or its session has ended.
pub async fn from_headers(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Authenticated> {
    match headers.get(AUTHORIZATION) {
        None => Ok(Authenticated::ANONYMOUS),
        Some(value) => authenticate(app, read(value.to_str().unwrap_or_default())?, origin).await,
    }
}

/// Who opens a socket: whoever `connection_init` names as `{"authorization": "Bearer <access token>"}`, or else the handshake's
/// headers.
pub async fn from_connection_init(
    app: &App,
    headers: &HeaderMap,
    payload: Option<&Json>,
    origin: &Origin,
) -> Result<Authenticated> {
    match authorization(payload) {
        None => from_headers(app, headers, origin).await,
        Some(value) => authenticate(app, read(value)?, origin).await,
    }
}

/// What a message's payload says of who sends it. Clients write the name as headers are written, in either case.
pub fn authorization(payload: Option<&Json>) -> Option<&str> {
    let payload = payload?.as_object()?;
    let value = payload.get("authorization").or_else(|| payload.get("Authorization"))?;
    // What is there and no text is no token.
    (!value.is_null()).then(|| value.as_str().unwrap_or_default())
}

/// The token of `Bearer <access token>`.
pub fn read(authorization: &str) -> Result<&str> {
    let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::new(Code::Unauthenticated, "Authorization is written: Bearer <access token>."));
    }
    Ok(token.trim())
}
