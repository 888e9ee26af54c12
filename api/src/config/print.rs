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

const HEAD: &str = "\
# What is in force. Lines that begin with # are defaults, which follow the environment and the version as long as nobody sets them, and
# secrets, which are hidden: they are set by the variables at the end of their lines.
";

/// A TOML file of what is in force; the comments name each variable and where its value came from. Started with it, and with the variables
/// of the secrets, a server is the same.
pub(super) fn describe(config: &Config, figment: &Figment) -> String {
    let mut text = HEAD.to_owned();
    let mut section = String::new();
    for (key, value) in flatten(config) {
        let (name, field) = key.split_once('.').unwrap_or(("", &key));
        if name != section {
            section = name.to_owned();
            let _ = write!(text, "\n[{section}]\n"); // Writing to a String cannot fail.
        }
        let source = figment.find_metadata(&key).map_or_else(|| "default".to_owned(), origin);
        let is_secret = value.as_str().is_some_and(|value| value.contains(HIDDEN));
        // Production is said even where it only follows from a database, whose address may be a secret: without both it would be
        // a developer's server.
        let is_set = source != "default" || (key == "environment" && !config.is_development());
        // Numbers, booleans, strings and lists of strings read the same in JSON and TOML.
        let setting = match value {
            serde_json::Value::Null => format!("# {field} ="),
            value if is_secret || !is_set => format!("# {field} = {value}"),
            value => format!("{field} = {value}"),
        };
        let note = if is_secret { "a secret: set " } else { "" };
        let _ = writeln!(text, "{setting:<52} # {note}{}, {source}", variable(&key));
    }
    text
}
