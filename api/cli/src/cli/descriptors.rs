//! File descriptors: how many files and connections this process may have open at the same time (`ulimit -n`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use tiffin::config::Config;

/// What a process has open beside its connections and its database: the log, Redis, letters, OpenID, metrics, those that are refused.
const OTHERS: u64 = 64;
/// What SQLite has open at the most: 8 connections with three files each.
const OF_SQLITE: u64 = 24;

/// Raises the limit as far as the system lets us; gives it. None: there is none.
pub fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, limit = current, "the limit of open files cannot be raised");
    }
    getrlimit(Resource::Nofile).current
}

/// How many connections may be open at the same time: as many as configured, or as the limit has room for; then the log says so.
pub fn connections(limit: Option<u64>, config: &Config) -> usize {
    let wanted = config.http.connections;
    let Some(limit) = limit else { return wanted };
    let database = config.database.address();
    let of_database = if database.starts_with("sqlite:") { OF_SQLITE } else { config.database.max_connections.into() };
    // However low it is, somebody is served.
    let room = limit.saturating_sub(of_database + OTHERS).max(limit / 4).max(1);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if room < wanted {
        tracing::warn!(
            limit,
            connections = room,
            http.connections = wanted,
            websocket.connections = config.websocket.connections,
            "the limit of open files (ulimit -n) has no room for http.connections: fewer connections are served at the same time"
        );
    }
    wanted.min(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiffin::config::Environment;

    #[test]
    fn connections_are_as_many_as_there_is_room_for() {
        let mut config = Config::defaults(Environment::Production, false);
        config.http.connections = 1_000;
        for (limit, connections) in
            [(None, 1_000), (Some(1 << 30), 1_000), (Some(1_000), 912), (Some(64), 16), (Some(1), 1)]
        {
            assert_eq!(super::connections(limit, &config), connections, "{limit:?}");
        }
    }
}
