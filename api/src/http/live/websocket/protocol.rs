//! The two GraphQL protocols over websockets, and the dispatch to each.

use axum::http::{HeaderMap, header};

use super::{
    graphql_transport_ws,
    message::{Incoming, Misunderstood},
    subscriptions_transport_ws,
};
use crate::http::{live::operation::OperationAnswer, metrics::Transport};

/// What is spoken on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    GraphqlTransportWs,
    /// The older one.
    SubscriptionsTransportWs,
}

impl Protocol {
    /// Those that are spoken.
    const ALL: [Self; 2] = [Self::GraphqlTransportWs, Self::SubscriptionsTransportWs];

    /// The name in `Sec-WebSocket-Protocol`: the older protocol has that of the newer one's library.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GraphqlTransportWs => "graphql-transport-ws",
            Self::SubscriptionsTransportWs => "graphql-ws",
        }
    }

    pub const fn transport(self) -> Transport {
        match self {
            Self::GraphqlTransportWs => Transport::GraphqlTransportWs,
            Self::SubscriptionsTransportWs => Transport::SubscriptionsTransportWs,
        }
    }

    /// The first of those that a client offers, as it likes them (RFC 6455, section 4.1), that is spoken here.
    pub fn liked_best(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        let mut names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        names.find_map(|name| Self::named(name.trim_ascii()))
    }

    /// The protocol of this name.
    fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().as_bytes() == name)
    }

    pub fn read(self, text: &str) -> Result<Incoming, Misunderstood> {
        match self {
            Self::GraphqlTransportWs => graphql_transport_ws::read(text),
            Self::SubscriptionsTransportWs => subscriptions_transport_ws::read(text),
        }
    }

    /// What is said to a client that may begin.
    pub const fn acknowledgement(self) -> &'static [&'static str] {
        match self {
            Self::GraphqlTransportWs => &[graphql_transport_ws::ACKNOWLEDGEMENT],
            Self::SubscriptionsTransportWs => {
                &[subscriptions_transport_ws::ACKNOWLEDGEMENT, subscriptions_transport_ws::KEEP_ALIVE]
            }
        }
    }

    /// What is said from time to time besides the websocket's own ping.
    pub const fn keep_alive(self) -> Option<&'static str> {
        match self {
            Self::GraphqlTransportWs => None,
            Self::SubscriptionsTransportWs => Some(subscriptions_transport_ws::KEEP_ALIVE),
        }
    }

    /// An answer of the operation with this id.
    pub fn answer(self, id: &str, answer: OperationAnswer<'_>) -> String {
        match self {
            Self::GraphqlTransportWs => graphql_transport_ws::answer(id, answer),
            Self::SubscriptionsTransportWs => subscriptions_transport_ws::answer(id, answer),
        }
    }
}
