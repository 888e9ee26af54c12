//! The two GraphQL protocols over websockets: what they have in common, and the dispatch to each.

use async_graphql::Request;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value as Json};

use super::{graphql_transport_ws, subscriptions_transport_ws};
use crate::http::{incoming_request, live_operation::OperationAnswer, metrics::Transport};

/// What is spoken on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    GraphqlTransportWs,
    /// The older one.
    SubscriptionsTransportWs,
}

/// What a client may say.
pub enum Incoming {
    Init { payload: Option<Json> },
    Ping { payload: Option<Json> },
    Pong,
    Start { id: String, request: Box<Request> },
    Stop { id: String },
    Terminate,
}

/// A message that is none of the protocol's.
#[derive(Debug)]
pub struct Misunderstood {
    /// The operation that it would have been about.
    pub id: Option<String>,
    pub reason: String,
}

/// A message with an operation's response, which is JSON.
pub(super) fn next(kind: &str, id: &str, payload: &str) -> String {
    // A text is written whatever it holds.
    let id = serde_json::to_string(id).unwrap_or_default();
    format!(r#"{{"type":"{kind}","id":{id},"payload":{payload}}}"#)
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

/// A message's fields and its type.
pub fn fields(text: &str) -> Result<(Map<String, Json>, String), Misunderstood> {
    let mut fields = match serde_json::from_str(text) {
        Ok(Json::Object(fields)) => fields,
        Ok(_) => return Err(Misunderstood::new("A message is a JSON object.")),
        Err(error) => return Err(Misunderstood::new(format!("This is not JSON: {error}."))),
    };
    match fields.remove("type") {
        Some(Json::String(kind)) => Ok((fields, kind)),
        _ => Err(Misunderstood::new("`type` must be a string.")),
    }
}

/// The id of the operation that the message is about.
pub fn id(fields: &mut Map<String, Json>) -> Result<String, Misunderstood> {
    match fields.remove("id") {
        Some(Json::String(id)) if !id.is_empty() => Ok(id),
        _ => Err(Misunderstood::new("`id` must be a string that is not empty.")),
    }
}

/// The optional payload, which is an object.
pub fn payload(mut fields: Map<String, Json>) -> Result<Option<Json>, Misunderstood> {
    match fields.remove("payload") {
        None | Some(Json::Null) => Ok(None),
        Some(payload @ Json::Object(_)) => Ok(Some(payload)),
        Some(_) => Err(Misunderstood::new("`payload` must be an object.")),
    }
}

/// The message that starts an operation.
pub fn start(mut fields: Map<String, Json>) -> Result<Incoming, Misunderstood> {
    let id = id(&mut fields)?;
    let request = match fields.remove("payload") {
        Some(Json::Object(payload)) => incoming_request::to_request(payload).map_err(|(_, reason)| reason),
        _ => Err("`payload` must be an object.".to_owned()),
    };
    match request {
        Ok(request) => Ok(Incoming::Start { id, request: Box::new(request) }),
        Err(reason) => Err(Misunderstood { id: Some(id), reason }),
    }
}

impl Misunderstood {
    pub fn new(reason: impl Into<String>) -> Self {
        Self { id: None, reason: reason.into() }
    }
}
