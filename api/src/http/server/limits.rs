//! The time-outs of connections, and how many there may be.

use std::time::Duration;

use crate::config::Config;

/// What is asked of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open at the same time.
    pub connections: usize,
    /// For the head of a request.
    pub header_time: Duration,
    /// Without a request.
    pub idle_time: Duration,
    /// Between two pings, and until the answer to one (HTTP/2).
    pub ping_time: Duration,
}

impl Limits {
    pub fn new(config: &Config, connections: usize) -> Self {
        Limits {
            connections,
            header_time: Duration::from_secs(config.http.header_timeout_seconds),
            idle_time: Duration::from_secs(config.http.keep_alive_seconds),
            ping_time: Duration::from_secs(config.websocket.ping_interval_seconds),
        }
    }
}
