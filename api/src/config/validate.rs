//! What the types cannot say: ranges, and what must fit together.

use secrecy::ExposeSecret;
use url::Url;

use super::Config;

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
        require(Url::parse(url).is_ok(), "REDIS_URL is not a valid address");
    }
    require(database.max_connections >= 1, "database.max_connections is at least 1");
    require(
        database.min_connections <= database.max_connections,
        "database.min_connections is at most database.max_connections",
    );
    require(database.connect_timeout_seconds >= 1, "database.connect_timeout_seconds is at least 1");
    require(database.acquire_timeout_seconds >= 1, "database.acquire_timeout_seconds is at least 1");
    require(
        database.lock_timeout_seconds <= database.statement_timeout_seconds,
        "database.lock_timeout_seconds is at most database.statement_timeout_seconds",
    );
    require(
        database.statement_timeout_seconds <= config.limits.operation_timeout_seconds,
        "database.statement_timeout_seconds is at most limits.operation_timeout_seconds",
    );
    require(!config.broker.prefix.trim().is_empty(), "broker.prefix is not empty");
    require(!config.broker.cluster || config.broker.redis_url.is_some(), "broker.cluster needs REDIS_URL");

    let limits = &config.limits;
    for (key, value) in [
        ("limits.body_bytes", limits.body_bytes),
        ("limits.document_tokens", limits.document_tokens),
        ("limits.depth", limits.depth),
        ("limits.complexity", limits.complexity),
        ("limits.selections", limits.selections),
        ("limits.root_fields", limits.root_fields),
        ("limits.errors", limits.errors),
        ("websocket.message_bytes", config.websocket.message_bytes),
        ("websocket.operations", config.websocket.operations),
        ("websocket.queue", config.websocket.queue),
        ("websocket.connections", config.websocket.connections),
    ] {
        require(value >= 1, &format!("{key} is at least 1"));
    }
    for (key, value) in [
        ("websocket.init_timeout_seconds", config.websocket.init_timeout_seconds),
        ("websocket.ping_interval_seconds", config.websocket.ping_interval_seconds),
        ("websocket.send_timeout_seconds", config.websocket.send_timeout_seconds),
        ("limits.operation_timeout_seconds", limits.operation_timeout_seconds),
    ] {
        require(value >= 1, &format!("{key} is at least 1"));
    }
    for (key, value) in [
        ("drivers.location_write_seconds", config.drivers.location_write_seconds),
        ("drivers.route_interval_seconds", config.drivers.route_interval_seconds),
    ] {
        require(value >= 1, &format!("{key} is at least 1"));
    }
    for origin in &config.http.allowed_origins {
        require(
            origin == "*" || is_origin(origin),
            &format!("http.allowed_origins: {origin:?} is no origin such as https://app.example"),
        );
    }
    require(
        config.log.filter.parse::<tracing_subscriber::EnvFilter>().is_ok(),
        "log.filter (TIFFIN_LOG) is a list of levels such as info,sqlx::query=debug",
    );
    anyhow::ensure!(problems.is_empty(), "the configuration cannot be used: {}", problems.join("; "));
    Ok(())
}

/// A scheme, a host and maybe a port, and nothing after them: as browsers send it.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.has_host() && url.origin().ascii_serialization() == text)
}
