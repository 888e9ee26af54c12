//! The messages of both protocols, as far as they are alike.

use async_graphql::Request;
use serde_json::{Map, Value as Json};

use crate::http::request;

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
pub fn next(kind: &str, id: &str, payload: &str) -> String {
    // A text is written whatever it holds.
    let id = serde_json::to_string(id).unwrap_or_default();
    format!(r#"{{"type":"{kind}","id":{id},"payload":{payload}}}"#)
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
        Some(Json::Object(payload)) => request::to_request(payload).map_err(|(_, reason)| reason),
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
