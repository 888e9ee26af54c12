//! A real SMTP server that keeps the letters it is given.

use reqwest::Url;
use serde::Deserialize;
use tokio::{process::Child, sync::Mutex};

use crate::{
    Identity, PATIENCE, Settings,
    workspace::{self, Printed, next_printed},
};

/// An SMTP server (`tests/node/mailbox.mjs`) and the letters that it took. Dropped, its process ends.
pub struct Mailbox {
    url: String,
    inside: Mutex<Inside>,
    _process: Child,
}

struct Inside {
    printed: Printed,
    /// Arrived, and not yet asked for.
    letters: Vec<Letter>,
}

/// A letter that arrived.
#[derive(Clone, Debug, Deserialize)]
pub struct Letter {
    /// The addresses of its envelope.
    pub to: Vec<String>,
    pub from: String,
    pub subject: String,
    pub text: String,
    /// Its headers, as they were sent.
    pub headers: Vec<String>,
}

impl Mailbox {
    pub async fn start() -> Self {
        Self::start_with(&[], |port| format!("smtp://127.0.0.1:{port}")).await
    }

    /// One that speaks TLS from the start.
    pub async fn start_with_tls(identity: &Identity) -> Self {
        let [certificate, key] = identity.paths();
        Self::start_with(&["tls", certificate, key], |port| format!("smtps://localhost:{port}")).await
    }

    /// One that turns to TLS when it is asked to.
    pub async fn start_with_starttls(identity: &Identity) -> Self {
        let [certificate, key] = identity.paths();
        let url = |port| format!("smtp://localhost:{port}?tls=required");
        Self::start_with(&["starttls", certificate, key], url).await
    }

    async fn start_with(arguments: &[&str], url: impl FnOnce(u16) -> String) -> Self {
        let (process, printed, port) = workspace::node_server("mailbox.mjs", arguments).await;
        let inside = Mutex::new(Inside { printed, letters: Vec::new() });
        Mailbox { url: url(port), inside, _process: process }
    }

    /// The server's address, as `mail.smtp_url` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a server needs to send its letters here: environment variables.
    pub fn settings(&self) -> Settings {
        [
            ("TIFFIN_MAIL_SMTP_URL", self.url.as_str()),
            ("TIFFIN_MAIL_FROM", "Tiffin <no-reply@mail.example>"),
            ("TIFFIN_MAIL_LINK_ADDRESS", "https://app.example"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The oldest letter to this address that was not asked for yet; waits until there is one.
    pub async fn next_letter_to(&self, address: &str) -> Letter {
        let mut inside = self.inside.lock().await;
        let waiting = async {
            loop {
                let is_to = |letter: &Letter| letter.to.iter().any(|to| to == address);
                if let Some(place) = inside.letters.iter().position(is_to) {
                    return inside.letters.remove(place);
                }
                let letter = next_printed(&mut inside.printed).await;
                inside.letters.push(letter);
            }
        };
        let letter = tokio::time::timeout(PATIENCE, waiting).await;
        letter.unwrap_or_else(|_| panic!("no letter comes to {address}; there are {:#?}", inside.letters))
    }
}

impl Letter {
    /// The address that the letter leads to.
    #[track_caller]
    pub fn link(&self) -> Url {
        let link = self.text.split_whitespace().find(|word| word.starts_with("https://"));
        link.and_then(|link| link.parse().ok()).unwrap_or_else(|| panic!("expected a link, got {self:#?}"))
    }

    /// The token of its link.
    #[track_caller]
    pub fn token(&self) -> String {
        let link = self.link();
        let token = link.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
        token.unwrap_or_else(|| panic!("expected a token, got {self:#?}"))
    }
}
