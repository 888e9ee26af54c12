//! The messages of graphql-transport-ws.

use async_graphql::{Request, Response, ServerError};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::http::graphql::to_request;

/// What a client may say.
pub enum Incoming {
    ConnectionInit { payload: Option<Json> },
    Ping { payload: Option<Json> },
    Pong,
    Subscribe { id: String, request: Box<Request> },
    Complete { id: String },
}

impl Incoming {
    /// Reads a message; nothing if it is none of the protocol's.
    pub fn read(text: &str) -> Option<Self> {
        let Ok(Json::Object(mut message)) = serde_json::from_str(text) else {
            return None;
        };
        let kind = message.remove("type")?;
        match kind.as_str()? {
            "connection_init" => Some(Self::ConnectionInit { payload: payload(message)? }),
            "ping" => Some(Self::Ping { payload: payload(message)? }),
            "pong" => payload(message).map(|_| Self::Pong),
            "subscribe" => {
                let id = id(&mut message)?;
                let Json::Object(payload) = message.remove("payload")? else {
                    return None;
                };
                let request = Box::new(to_request(payload).ok()?);
                Some(Self::Subscribe { id, request })
            }
            "complete" => Some(Self::Complete { id: id(&mut message)? }),
            _ => None,
        }
    }
}

fn id(message: &mut Map<String, Json>) -> Option<String> {
    match message.remove("id")? {
        Json::String(id) if !id.is_empty() => Some(id),
        _ => None,
    }
}

/// The optional payload, which is an object.
fn payload(mut message: Map<String, Json>) -> Option<Option<Json>> {
    match message.remove("payload") {
        None | Some(Json::Null) => Some(None),
        Some(payload @ Json::Object(_)) => Some(Some(payload)),
        Some(_) => None,
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outgoing<'a> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Json>,
    },
    Next {
        id: &'a str,
        payload: &'a Response,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl Outgoing<'_> {
    pub fn to_text(&self) -> String {
        // Maps here have text for keys, and nothing else makes JSON fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_not_read() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{a}"}}"#,
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert!(Incoming::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn messages_are_read_whatever_else_they_hold() {
        for text in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":null}"#,
            r#"{"payload":{"a":1},"type":"connection_init"}"#,
            r#"{"type":"pong","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":null,"variables":null,"extensions":{}},"more":1}"#,
            r#"{"type":"complete","id":"1"}"#,
        ] {
            assert!(Incoming::read(text).is_some(), "{text}");
        }
    }
}
