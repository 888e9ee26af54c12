//! Validation across keys: what must fit together, which neither the types nor the bounds of numbers can say.

use std::time::Duration;

use axum::http::HeaderName;
use lettre::{AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use secrecy::ExposeSecret;
use url::Url;

use super::{Config, LimitsConfig, MailConfig, OpenidConfig, log_filter};
use crate::{credentials::AccessTokens, tls::Authorities};

/// All that is wrong, in one error.
pub(super) fn validate(config: &Config) -> anyhow::Result<()> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };

    let database = &config.database;
    if let Some(url) = &database.url {
        let url = url.expose_secret();
        require(
            ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| url.starts_with(scheme)),
            "DATABASE_URL begins with postgres:// or sqlite:",
        );
        require(url.starts_with("sqlite:") || Url::parse(url).is_ok(), "DATABASE_URL is not a valid address");
    }
    if let Some(url) = &database.direct_url {
        let is_postgres = |url: &str| ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let url = url.expose_secret();
        require(is_postgres(url), "DATABASE_DIRECT_URL begins with postgres://");
        require(Url::parse(url).is_ok(), "DATABASE_DIRECT_URL is not a valid address");
        require(
            is_postgres(&database.address()),
            "DATABASE_DIRECT_URL leads past a pooler: DATABASE_URL, which leads to it, begins with postgres:// too",
        );
    }
    require(
        !database.address().contains(":memory:") && !database.address().contains("mode=memory"),
        "DATABASE_URL names a file: an in-memory database is lost with its connection",
    );
    if let Some(url) = &config.broker.redis_url {
        let url = url.expose_secret();
        require(
            ["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme)),
            "REDIS_URL begins with redis:// or rediss://",
        );
        let is_address = Url::parse(url).is_ok() && config.broker.redis_address(&Authorities::default()).is_ok();
        require(is_address, "REDIS_URL is not a valid address");
    }
    if let Err(problem) = Authorities::private(config.tls.authorities.as_deref()) {
        require(false, &format!("tls.authorities (TIFFIN_TLS_AUTHORITIES): {problem:#}"));
    }
    require(
        database.min_connections <= database.max_connections,
        "database.min_connections is at most database.max_connections",
    );
    require(
        database.lock_timeout_seconds <= database.statement_timeout_seconds,
        "database.lock_timeout_seconds is at most database.statement_timeout_seconds",
    );
    require(
        database.statement_timeout_seconds <= config.limits.operation_timeout_seconds,
        "database.statement_timeout_seconds is at most limits.operation_timeout_seconds",
    );
    require(!config.broker.prefix.trim().is_empty(), "broker.prefix is not empty");
    let broker = &config.broker;
    require(!broker.cluster || broker.redis_url.is_some(), "broker.cluster needs REDIS_URL");
    require(!broker.required || broker.redis_url.is_some(), "broker.required needs REDIS_URL");

    let limits = &config.limits;
    let accounts = &config.accounts;
    if let Some(keys) = &accounts.token_keys
        && let Err(problem) = AccessTokens::new(Some(keys), Duration::from_secs(accounts.access_token_seconds))
    {
        require(false, &format!("accounts.token_keys (TIFFIN_ACCOUNTS_TOKEN_KEYS): {problem}"));
    }
    require(
        config.shutdown.spread_seconds < config.shutdown.timeout_seconds,
        "shutdown.spread_seconds is below shutdown.timeout_seconds",
    );
    let largest = (LimitsConfig::document_cost(limits.document_bytes) + limits.complexity) as u64;
    require(
        limits.viewer_cost == 0 || limits.viewer_cost >= largest,
        &format!("limits.viewer_cost is 0, or at least the {largest} that the largest request within the limits costs"),
    );
    require(
        !config.documents.trusted_only || !config.documents.manifests.is_empty(),
        "documents.trusted_only needs documents.manifests: no document would be taken",
    );
    for origin in &config.http.allowed_origins {
        require(
            origin == "*" || is_origin(origin),
            &format!("http.allowed_origins: {origin:?} is no origin such as https://app.example"),
        );
    }
    for header in &config.http.allowed_headers {
        require(
            HeaderName::try_from(header).is_ok(),
            &format!("http.allowed_headers: {header:?} is no header's name such as sentry-trace"),
        );
    }
    for problem in
        mail_problems(&config.mail, config.is_development()).into_iter().chain(openid_problems(&config.openid))
    {
        require(false, problem);
    }
    if let Err(problem) = log_filter(&config.log.filter) {
        let expected = "log.filter (TIFFIN_LOG) is a list of levels such as info,sqlx::query=debug";
        require(false, &format!("{expected}: {problem}"));
    }
    anyhow::ensure!(problems.is_empty(), "the configuration cannot be used: {}", problems.join("; "));
    Ok(())
}

/// What is wrong with how letters are sent.
fn mail_problems(mail: &MailConfig, development: bool) -> Vec<&'static str> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, problem| {
        if !holds {
            problems.push(problem);
        }
    };
    require(mail.from.parse::<Mailbox>().is_ok(), "mail.from is a sender such as Tiffin <no-reply@app.example>");
    let link_address = Url::parse(&mail.link_address).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    require(link_address.is_some(), "mail.link_address is an address such as https://app.example");
    let Some(url) = &mail.smtp_url else { return problems };
    let url = url.expose_secret();
    require(
        AsyncSmtpTransport::<Tokio1Executor>::from_url(url).is_ok(),
        "mail.smtp_url is an address such as smtps://user:password@smtp.example:465 or smtp://smtp.example?tls=required",
    );
    let in_the_clear = Url::parse(url).is_ok_and(|url| {
        let encrypted =
            url.scheme() == "smtps" || url.query_pairs().any(|pair| pair == ("tls".into(), "required".into()));
        url.password().is_some() && !encrypted
    });
    require(!in_the_clear, "mail.smtp_url would send its password in the clear: use smtps:// or ?tls=required");
    if !development {
        let encrypted = link_address.is_some_and(|url| url.scheme() == "https");
        require(encrypted, "mail.link_address begins with https:// in production, for links hold secrets");
        require(
            !mail.from.contains("@tiffin.example"),
            "mail.from is a sender of yours where an SMTP server is configured",
        );
    }
    problems
}

/// What is wrong with how people sign in with the OpenID provider.
fn openid_problems(openid: &OpenidConfig) -> Vec<&'static str> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, problem| {
        if !holds {
            problems.push(problem);
        }
    };
    let Some(issuer) = &openid.issuer else {
        require(openid.client_id.is_none(), "openid.issuer is missing, and openid.client_id is there");
        return problems;
    };
    require(
        is_encrypted_or_near(issuer),
        "openid.issuer is an address such as https://accounts.example (http only on this machine)",
    );
    require(openid.client_id.is_some(), "openid.client_id is missing: the provider gives it");
    require(!openid.redirect_urls.is_empty(), "openid.redirect_urls is missing: people have to come back somewhere");
    require(
        openid.redirect_urls.iter().all(|url| Url::parse(url).is_ok_and(|url| !url.cannot_be_a_base())),
        "openid.redirect_urls are addresses such as https://app.example/signed-in",
    );
    problems
}

/// Whether what is said to the address stays between the two.
fn is_encrypted_or_near(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| match url.scheme() {
        "https" => url.has_host(),
        "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    })
}

/// What only a server needs, and no other command.
pub(super) fn validate_for_serving(config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.is_development() || config.accounts.token_keys.is_some(),
        "accounts.token_keys (TIFFIN_ACCOUNTS_TOKEN_KEYS) is missing: production needs name=secret, where the secret is random, such \
         as `openssl rand -base64 48` gives"
    );
    anyhow::ensure!(
        config.is_development() || !(config.demo.seed || config.demo.live),
        "the demo is for development: it fills an empty database with a made-up city (demo.seed, TIFFIN_DEMO_SEED) and plays its people \
         (demo.live, TIFFIN_DEMO_LIVE). Leave both off in production, or set TIFFIN_ENV=development for a trial"
    );
    Ok(())
}

/// A scheme, a host and maybe a port, and nothing after them: as browsers send it.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.has_host() && url.origin().ascii_serialization() == text)
}
