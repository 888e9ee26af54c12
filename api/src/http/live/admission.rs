//! Admission of long-lived connections, websockets and event streams alike: their limits for the process and for each address, and those of
//! their operations.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{http::StatusCode, response::Response};
use ipnet::IpNet;

use crate::{
    config::WebsocketConfig,
    domain::{error::Code, viewer::Origin},
    http::{
        answer::refuse,
        metrics::{self, Transport},
    },
};

/// The connections of this process and what runs on them. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct LiveConnections(Arc<LiveConnectionsInner>);

struct LiveConnectionsInner {
    limits: WebsocketConfig,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: usize,
    operations: usize,
    by_network: HashMap<IpNet, usize>,
}

/// There is no room for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// On this process.
    Process,
    /// For the client's address.
    Address,
}

/// The place of a connection, free again when this is dropped.
pub struct Admission {
    connections: LiveConnections,
    transport: Transport,
    network: IpNet,
}

/// The place of an operation, free again when this is dropped.
pub struct OperationPlace {
    connections: LiveConnections,
    transport: Transport,
}

impl LiveConnections {
    pub fn new(limits: &WebsocketConfig) -> Self {
        Self(Arc::new(LiveConnectionsInner { limits: limits.clone(), counts: Mutex::default() }))
    }

    /// Gives a connection from there its place.
    pub fn admit(&self, origin: &Origin, transport: Transport) -> Result<Admission, Full> {
        let network = origin.network();
        let mut counts = self.counts();
        if counts.connections >= self.0.limits.connections {
            return Err(Full::Process);
        }
        let of_network = counts.by_network.entry(network).or_default();
        if *of_network >= self.0.limits.connections_per_address {
            return Err(Full::Address);
        }
        *of_network += 1;
        counts.connections += 1;
        drop(counts);
        metrics::connections(transport).increment(1);
        Ok(Admission { connections: self.clone(), transport, network })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing panics while it holds the lock.
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    /// Gives an operation on this connection its place; none where the process runs as many as it may.
    pub fn begin_operation(&self) -> Option<OperationPlace> {
        let mut counts = self.connections.counts();
        if counts.operations >= self.connections.0.limits.operations_per_process {
            return None;
        }
        counts.operations += 1;
        drop(counts);
        metrics::operations(self.transport).increment(1);
        Some(OperationPlace { connections: self.connections.clone(), transport: self.transport })
    }
}

impl OperationPlace {
    pub fn transport(&self) -> Transport {
        self.transport
    }
}

impl Full {
    /// The answer to whoever wanted to connect.
    pub fn response(self) -> Response {
        let message = match self {
            Self::Process => "The server has as many live connections as it can serve. Try again shortly.",
            Self::Address => "There are too many live connections from your address. Close one first.",
        };
        match self {
            Self::Process => refuse(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message),
            Self::Address => refuse(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message),
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        metrics::connections(self.transport).decrement(1);
        let mut counts = self.connections.counts();
        counts.connections -= 1;
        if let Some(of_network) = counts.by_network.get_mut(&self.network) {
            *of_network -= 1;
            if *of_network == 0 {
                counts.by_network.remove(&self.network);
            }
        }
    }
}

impl Drop for OperationPlace {
    fn drop(&mut self) {
        metrics::operations(self.transport).decrement(1);
        self.connections.counts().operations -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    fn from(address: &str) -> Origin {
        Origin { address: address.parse().expect("an address"), user_agent: None }
    }

    #[test]
    fn places_are_limited_and_free_again() {
        let mut limits = Config::defaults(Environment::Production, false).websocket;
        (limits.connections, limits.connections_per_address, limits.operations_per_process) = (3, 2, 1);
        let connections = LiveConnections::new(&limits);
        let admit = |address: &str| connections.admit(&from(address), Transport::EventStream);
        let first = admit("192.0.2.1").expect("a place");
        let second = admit("192.0.2.1").expect("a place");
        assert_eq!(admit("192.0.2.1").err(), Some(Full::Address));
        let other = admit("192.0.2.2").expect("a place");
        assert_eq!(admit("192.0.2.3").err(), Some(Full::Process));

        let operation = first.begin_operation().expect("a place");
        assert!(other.begin_operation().is_none());
        drop(operation);
        assert!(other.begin_operation().is_some());

        drop((first, second, other));
        assert!(connections.counts().by_network.is_empty());
        assert!(admit("192.0.2.3").is_ok());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let mut limits = Config::defaults(Environment::Production, false).websocket;
        limits.connections_per_address = 1;
        let connections = LiveConnections::new(&limits);
        let _first = connections.admit(&from("2001:db8::1"), Transport::EventStream).expect("a place");
        assert!(connections.admit(&from("2001:db8::2"), Transport::EventStream).is_err());
        assert!(connections.admit(&from("2001:db8:0:1::2"), Transport::EventStream).is_ok());
    }
}
