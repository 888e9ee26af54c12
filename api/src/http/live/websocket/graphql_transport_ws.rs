//! The messages of graphql-transport-ws, by the letter of <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

use async_graphql::ServerError;
use serde::Serialize;
use serde_json::Value as Json;

use super::message::{Incoming, Misunderstood, fields, id, next, payload, start};
use crate::http::live::operation::OperationAnswer;

pub const ACKNOWLEDGEMENT: &str = r#"{"type":"connection_ack"}"#;

/// Reads a message.
pub fn read(text: &str) -> Result<Incoming, Misunderstood> {
    let (mut fields, kind) = fields(text)?;
    match kind.as_str() {
        "connection_init" => Ok(Incoming::Init { payload: payload(fields)? }),
        "ping" => Ok(Incoming::Ping { payload: payload(fields)? }),
        "pong" => payload(fields).map(|_| Incoming::Pong),
        "subscribe" => start(fields),
        "complete" => Ok(Incoming::Stop { id: id(&mut fields)? }),
        _ => Err(Misunderstood::new("`type` is none that a client may send.")),
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum TransportWsMessage<'a> {
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Json>,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

pub fn answer(id: &str, answer: OperationAnswer<'_>) -> String {
    to_text(&match answer {
        OperationAnswer::Next(response) => return next("next", id, response),
        OperationAnswer::Refused(payload) => TransportWsMessage::Error { id, payload },
        OperationAnswer::Complete => TransportWsMessage::Complete { id },
    })
}

pub fn pong(payload: Option<Json>) -> String {
    to_text(&TransportWsMessage::Pong { payload })
}

fn to_text(message: &TransportWsMessage<'_>) -> String {
    // Maps here have text for keys, and nothing else makes JSON fail.
    serde_json::to_string(message).unwrap_or_default()
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
            assert!(read(text).is_err(), "{text}");
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
            assert!(read(text).is_ok(), "{text}");
        }
    }
}
