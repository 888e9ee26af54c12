//! The messages of subscriptions-transport-ws, which its clients ask for as `graphql-ws`, by the letter of
//! <https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md>; where that is silent, as its own server does.

use async_graphql::ServerError;
use serde::Serialize;

use super::message::{Incoming, Misunderstood, fields, id, next, payload, start};
use crate::{domain::error::Code, graphql::document::coded, http::live::operation::OperationAnswer};

pub const ACKNOWLEDGEMENT: &str = r#"{"type":"connection_ack"}"#;
pub const KEEP_ALIVE: &str = r#"{"type":"ka"}"#;

/// Reads a message.
pub fn read(text: &str) -> Result<Incoming, Misunderstood> {
    let (mut fields, kind) = fields(text)?;
    match kind.as_str() {
        "connection_init" => Ok(Incoming::Init { payload: payload(fields)? }),
        "start" => start(fields),
        "stop" => Ok(Incoming::Stop { id: id(&mut fields)? }),
        "connection_terminate" => Ok(Incoming::Terminate),
        _ => {
            let reason = "`type` is none that a client may send.".to_owned();
            Err(Misunderstood { id: id(&mut fields).ok(), reason })
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SubscriptionsWsMessage<'a> {
    ConnectionError { payload: &'a ServerError },
    Error { id: &'a str, payload: &'a ServerError },
    Complete { id: &'a str },
}

pub fn answer(id: &str, answer: OperationAnswer<'_>) -> String {
    match answer {
        OperationAnswer::Next(response) => next("data", id, response),
        // There is room for one.
        OperationAnswer::Refused([payload, ..]) => to_text(&SubscriptionsWsMessage::Error { id, payload }),
        OperationAnswer::Refused([]) | OperationAnswer::Complete => to_text(&SubscriptionsWsMessage::Complete { id }),
    }
}

/// The answer to a message that was not understood.
pub fn misunderstood(message: &Misunderstood) -> String {
    let error = coded(Code::BadUserInput, message.reason.clone(), None);
    match &message.id {
        Some(id) => answer(id, OperationAnswer::Refused(&[error])),
        None => connection_error(&error),
    }
}

/// Why the connection may not be used.
pub fn connection_error(payload: &ServerError) -> String {
    to_text(&SubscriptionsWsMessage::ConnectionError { payload })
}

fn to_text(message: &SubscriptionsWsMessage<'_>) -> String {
    // Maps here have text for keys, and nothing else makes JSON fail.
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_answered_where_it_belongs() {
        for (text, answer) in [
            ("no JSON", "connection_error"),
            (r#"{"type":"subscribe"}"#, "connection_error"),
            (r#"{"type":"start","payload":{"query":"{a}"}}"#, "connection_error"),
            (r#"{"type":"start","id":"1","payload":{"query":1}}"#, "error"),
            (r#"{"type":"subscribe","id":"1","payload":{"query":"{a}"}}"#, "error"),
        ] {
            let message = read(text).err().expect("no message of the protocol");
            let said = misunderstood(&message);
            assert!(said.starts_with(&format!(r#"{{"type":"{answer}""#)), "{text}: {said}");
            assert!(said.contains(r#""code":"BAD_USER_INPUT""#), "{text}: {said}");
        }
    }

    #[test]
    fn messages_are_read_whatever_else_they_hold() {
        for text in [
            r#"{"type":"connection_init","payload":{}}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{a}","variables":{},"more":[]}}"#,
            r#"{"id":"1","type":"stop"}"#,
            r#"{"type":"connection_terminate","payload":null}"#,
        ] {
            assert!(read(text).is_ok(), "{text}");
        }
    }
}
