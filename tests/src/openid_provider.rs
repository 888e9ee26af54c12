//! A real OpenID provider, and the browser of those who sign in there.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{
    Client, Url,
    header::{COOKIE, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use serde_json::Value;
use tokio::process::Child;

use crate::{Identity, Settings, workspace};

/// An OpenID provider (`tests/node/openid_provider.mjs`) that knows one client. Dropped, its process ends.
pub struct OpenIdProvider {
    issuer: String,
    http: Client,
    _process: Child,
}

/// What the browser comes back with.
#[derive(Clone, Debug)]
pub struct Returned {
    pub state: String,
    pub code: String,
}

impl OpenIdProvider {
    /// Where the browser comes back to.
    pub const REDIRECT_URL: &str = "https://app.example/signed-in";

    /// One that tells who somebody is at its userinfo endpoint.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One that tells it in the ID token.
    pub async fn start_with_claims_in_token() -> Self {
        Self::start_with(&["claims-in-token"]).await
    }

    /// One that is spoken to by TLS, which the browser of this harness does not speak: people can only be sent there.
    pub async fn start_with_tls(identity: &Identity) -> Self {
        let mut provider = Self::start_with(&[&["tls"][..], &identity.paths()].concat()).await;
        provider.issuer = provider.issuer.replace("http://127.0.0.1", "https://localhost");
        provider
    }

    async fn start_with(arguments: &[&str]) -> Self {
        let (process, _, port) = workspace::node_server("openid_provider.mjs", arguments).await;
        let http = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(60)).build();
        let http = http.expect("an HTTP client can be made");
        OpenIdProvider { issuer: format!("http://127.0.0.1:{port}"), http, _process: process }
    }

    /// What it calls itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What a server needs to be its client: environment variables.
    pub fn settings(&self) -> Settings {
        [
            ("TIFFIN_OPENID_ISSUER", self.issuer.as_str()),
            ("TIFFIN_OPENID_CLIENT_ID", "tiffin"),
            ("TIFFIN_OPENID_CLIENT_SECRET", "hunter2"),
            ("TIFFIN_OPENID_REDIRECT_URLS", Self::REDIRECT_URL),
            ("TIFFIN_OPENID_NAME", "Example"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Lets it know somebody, with these claims from now on.
    pub async fn person(&self, subject: &str, claims: Value) {
        let request = self.http.put(format!("{}/people/{subject}", self.issuer)).body(claims.to_string());
        let answer = request.send().await.expect("the provider answers");
        assert!(answer.status().is_success(), "the provider takes {claims}");
    }

    /// Lets it sign with a new key, and forget the old one.
    pub async fn change_keys(&self) {
        let answer = self.http.post(format!("{}/keys", self.issuer)).send().await.expect("the provider answers");
        assert!(answer.status().is_success(), "the provider makes a key");
    }

    /// Signs somebody in there, as a browser does that was sent to this address, until it is sent back.
    pub async fn sign_in(&self, authorization_url: &str, subject: &str) -> Returned {
        let mut cookies = BTreeMap::new();
        let mut url: Url = authorization_url.parse().expect("the address is one");
        for _ in 0..10 {
            if url.as_str().starts_with(Self::REDIRECT_URL) {
                let parameter = |name| {
                    let found = url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned());
                    found.unwrap_or_else(|| panic!("the browser comes back without {name}: {url}"))
                };
                return Returned { state: parameter("state"), code: parameter("code") };
            }
            if url.path().starts_with("/interaction/") {
                url.query_pairs_mut().append_pair("subject", subject);
            }
            let sent: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = self.http.get(url.clone()).header(COOKIE, sent.join("; "));
            let answer = request.send().await.expect("the provider answers");
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let cookie = cookie.to_str().expect("a cookie is text").split(';').next().unwrap_or_default();
                let (name, value) = cookie.split_once('=').expect("a cookie has a name");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let next = answer.headers().get(LOCATION).map(|next| next.to_str().expect("an address is text").to_owned());
            let Some(next) = next else {
                panic!("the provider stops at {url}: {}", answer.text().await.unwrap_or_default());
            };
            url = url.join(&next).expect("the provider sends the browser to an address");
        }
        panic!("the provider never sends the browser back: {url}");
    }
}
