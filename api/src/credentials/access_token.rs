//! Access tokens: short-lived proofs of who asks, as JSON Web Tokens (RFC 7519) signed with HS256.
//!
//! A token names a user and a session. What the user may do is not in it: every request reads that from the database, so that a
//! token is worth nothing once its session has ended.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::domain::{
    clock,
    error::{Code, Error, Result},
    ids::{GlobalId, SessionId, UserId},
};

/// Who issues the tokens, and whom they are for: the tokens of another service that shares a key are none of ours.
const ISSUER: &str = "tiffin";

/// HS256 needs a key of at least as many bytes as its hash has (RFC 7518, section 3.2).
const MINIMUM_SECRET_BYTES: usize = 32;
/// What was typed by repeating a few letters is no secret, however long.
const MINIMUM_DIFFERENT_BYTES: usize = 8;

/// Signs access tokens and checks them. Keys have names, which tokens carry, so that a new key can sign while older ones still
/// verify what they have signed.
pub struct AccessTokens {
    signing: (String, EncodingKey),
    verifying: HashMap<String, DecodingKey>,
    lifetime: TimeDelta,
}

/// What a token says, once its signature and its time have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    pub user: UserId,
    pub session: SessionId,
    /// Which tokens of the session it was given out with; none for a token from before they were counted.
    pub generation: Option<i32>,
    /// To the second, rounded down.
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The claims as they are written: registered ones, `sid` (OpenID Connect Front-Channel Logout, section 3), and `gen`, our own.
#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    sub: String,
    sid: String,
    #[serde(rename = "gen", default, skip_serializing_if = "Option::is_none")]
    generation: Option<i32>,
    iat: i64,
    exp: i64,
}

impl AccessTokens {
    /// `keys` are `name=secret`, separated by commas: the first signs, and all of them verify. Without any, a key is made for this
    /// process alone.
    ///
    /// # Errors
    /// A sentence that tells which key cannot be used, and why.
    pub fn new(keys: Option<&SecretString>, lifetime: Duration) -> Result<Self, String> {
        let keys = match keys {
            Some(keys) => parse(keys.expose_secret())?,
            None => vec![("process".to_owned(), random_secret())],
        };
        let mut verifying = HashMap::new();
        for (name, secret) in &keys {
            if verifying.insert(name.clone(), DecodingKey::from_secret(secret)).is_some() {
                return Err(format!("the key {name:?} is there twice"));
            }
        }
        let Some((name, secret)) = keys.first() else {
            return Err("there is no key".to_owned());
        };
        let lifetime = TimeDelta::from_std(lifetime).map_err(|_| "the tokens live too long".to_owned())?;
        Ok(AccessTokens { signing: (name.clone(), EncodingKey::from_secret(secret)), verifying, lifetime })
    }

    /// A token of the session's generation, and when it expires.
    pub fn issue(&self, user: UserId, session: SessionId, generation: i32) -> Result<(String, DateTime<Utc>)> {
        let now = clock::now();
        // The claim has whole seconds.
        let expires_at = DateTime::from_timestamp((now + self.lifetime).timestamp(), 0).unwrap_or(now);
        let payload = Payload {
            iss: ISSUER.to_owned(),
            sub: user.to_global().0,
            sid: session.to_global().0,
            generation: Some(generation),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let (name, key) = &self.signing;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(name.clone());
        let token = jsonwebtoken::encode(&header, &payload, key).map_err(Error::internal)?;
        Ok((token, expires_at))
    }

    /// What the token says. UNAUTHENTICATED when it was not signed by one of our keys, is malformed, or has expired.
    pub fn verify(&self, token: &str) -> Result<Claims> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| not_valid())?;
        let key = header.kid.and_then(|name| self.verifying.get(&name)).ok_or_else(not_valid)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // The library goes by the machine's clock.
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        let decoded = jsonwebtoken::decode::<Payload>(token, key, &validation).map_err(|_| not_valid())?;
        let claims = claims(&decoded.claims).ok_or_else(not_valid)?;
        if claims.expires_at <= clock::now() {
            let message = "The access token has expired: renew it with refreshSession.";
            return Err(Error::new(Code::Unauthenticated, message));
        }
        Ok(claims)
    }
}

fn not_valid() -> Error {
    Error::new(Code::Unauthenticated, "The access token is not valid.")
}

fn claims(payload: &Payload) -> Option<Claims> {
    Some(Claims {
        user: UserId::parse(&payload.sub.as_str().into(), "sub").ok()?,
        session: SessionId::parse(&payload.sid.as_str().into(), "sid").ok()?,
        generation: payload.generation,
        issued_at: DateTime::from_timestamp(payload.iat, 0)?,
        expires_at: DateTime::from_timestamp(payload.exp, 0)?,
    })
}

fn parse(keys: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    let entries = keys.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (name, secret) = entry.split_once('=').ok_or("a key is written name=secret")?;
            let different: HashSet<_> = secret.bytes().collect();
            if secret.len() < MINIMUM_SECRET_BYTES || different.len() < MINIMUM_DIFFERENT_BYTES {
                return Err(format!(
                    "the secret of the key {name:?} is weak: take at least {MINIMUM_SECRET_BYTES} random characters, such as \
                     `openssl rand -base64 48` gives"
                ));
            }
            Ok((name.to_owned(), secret.as_bytes().to_vec()))
        })
        .collect()
}

fn random_secret() -> Vec<u8> {
    let mut secret = vec![0; 64];
    rand::rng().fill_bytes(&mut secret);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2025=aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW";
    const NEW: &str = "2026=Zy9xW7vU5tS3rQ1pO9nM7lK5jI3hG1fE";

    fn tokens(keys: &str, seconds: u64) -> AccessTokens {
        AccessTokens::new(Some(&keys.to_owned().into()), Duration::from_secs(seconds)).expect("the keys are good")
    }

    #[test]
    fn a_token_says_whose_it_is_until_it_expires() {
        let (token, expires_at) = tokens(OLD, 60).issue(UserId(7), SessionId(9), 3).expect("signed");
        let claims = tokens(OLD, 60).verify(&token).expect("valid");
        let issued_at = expires_at - TimeDelta::seconds(60);
        assert_eq!(
            claims,
            Claims { user: UserId(7), session: SessionId(9), generation: Some(3), issued_at, expires_at }
        );

        let (expired, _) = tokens(OLD, 0).issue(UserId(7), SessionId(9), 1).expect("signed");
        let error = tokens(OLD, 60).verify(&expired).expect_err("expired");
        assert_eq!((error.code, error.message.contains("expired")), (Code::Unauthenticated, true));
    }

    #[test]
    fn keys_are_rotated_without_ending_anything() {
        let (token, _) = tokens(OLD, 60).issue(UserId(7), SessionId(9), 1).expect("signed");
        let rotated = tokens(&format!("{NEW}, {OLD}"), 60);
        assert!(rotated.verify(&token).is_ok());
        let (newer, _) = rotated.issue(UserId(7), SessionId(9), 1).expect("signed");
        assert!(tokens(NEW, 60).verify(&newer).is_ok());
        assert!(tokens(OLD, 60).verify(&newer).is_err());
    }

    #[test]
    fn what_was_not_signed_by_us_is_refused() {
        let ours = tokens(OLD, 60);
        let (token, _) = ours.issue(UserId(7), SessionId(9), 1).expect("signed");
        let (head, rest) = token.split_once('.').expect("three parts");
        let (payload, signature) = rest.split_once('.').expect("three parts");
        let unsigned = "eyJhbGciOiJub25lIiwia2lkIjoiMjAyNSJ9";
        for forged in [
            String::new(),
            "x".to_owned(),
            format!("{unsigned}.{payload}."),
            format!("{unsigned}.{payload}.{signature}"),
            format!("{head}.{payload}."),
            format!("{head}.{payload}x.{signature}"),
            format!("{token}x"),
            tokens("2025=another secret that is long enough", 60).issue(UserId(7), SessionId(9), 1).expect("signed").0,
        ] {
            let error = ours.verify(&forged).expect_err(&forged);
            assert_eq!(error.code, Code::Unauthenticated, "{forged}");
        }
    }

    #[test]
    fn weak_keys_are_refused() {
        let long = "a".repeat(64);
        for weak in ["", "secret", "2026=short", &format!("2026={long}"), &format!("{NEW},{NEW}")] {
            assert!(AccessTokens::new(Some(&(*weak).to_owned().into()), Duration::from_secs(1)).is_err(), "{weak}");
        }
        assert!(AccessTokens::new(None, Duration::from_secs(1)).is_ok());
    }
}
