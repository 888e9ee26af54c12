//! Signs access tokens (JWTs) as the server does, so that a test's people need not sign in one by one.

use chrono::Utc;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use crate::global_id;

/// The key of every city's servers.
pub(crate) const KEY_NAME: &str = "tests";
pub(crate) const KEY_SECRET: &str = "tests-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW";

/// A token of the first generation for this session of the user, good for so many seconds from now; for none, if they are negative.
pub fn access_token(user: i32, session: i32, seconds: i64) -> String {
    access_token_of(user, session, Some(1), seconds)
}

/// The same for any generation; without one, as servers signed them before there were any.
pub fn access_token_of(user: i32, session: i32, generation: Option<i32>, seconds: i64) -> String {
    let now = Utc::now().timestamp();
    let mut claims = json!({
        "iss": "tiffin",
        "sub": global_id("User", user),
        "sid": global_id("ActiveSession", session),
        "iat": now,
        "exp": now + seconds,
    });
    if let Some(generation) = generation {
        claims["gen"] = json!(generation);
    }
    let header = Header { kid: Some(KEY_NAME.to_owned()), ..Header::default() };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(KEY_SECRET.as_bytes())).expect("a token is signed")
}
