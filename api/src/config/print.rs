//! The configuration as a person reads it. Secrets stay inside.

use std::fmt::Write;

use figment::Figment;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use url::Url;

use super::{
    Config,
    source::{flatten, origin, variable},
};

const HIDDEN: &str = "***";

/// An address without its password.
pub fn redact(url: &str) -> String {
    if !url.contains("://") && url.starts_with("sqlite:") {
        return url.to_owned();
    }
    let Ok(mut url) = Url::parse(url) else {
        return HIDDEN.to_owned();
    };
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return HIDDEN.to_owned();
    }
    if url.query_pairs().any(|(name, _)| name.contains("password")) {
        url.set_query(Some(HIDDEN));
    }
    url.into()
}

/// An address goes out without its password.
pub(super) fn redacted_url<S: Serializer>(url: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_ref().map(|url| redact(url.expose_secret())).serialize(serializer)
}

/// A secret does not go out at all.
pub(super) fn hidden<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| HIDDEN).serialize(serializer)
}

/// A TOML file of what is in force; the comments name each variable and where its value came from.
pub(super) fn describe(config: &Config, figment: &Figment) -> String {
    let mut text = String::new();
    let mut section = String::new();
    for (key, value) in flatten(config) {
        let (name, field) = key.split_once('.').unwrap_or(("", &key));
        if name != section {
            section = name.to_owned();
            let _ = write!(text, "\n[{section}]\n"); // Writing to a String cannot fail.
        }
        // Numbers, booleans, strings and lists of strings read the same in JSON and TOML.
        let setting = match value {
            serde_json::Value::Null => format!("# {field} ="),
            value => format!("{field} = {value}"),
        };
        let source = figment.find_metadata(&key).map_or_else(|| "default".to_owned(), origin);
        let _ = writeln!(text, "{setting:<52} # {}, {source}", variable(&key));
    }
    text
}
