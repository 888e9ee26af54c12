//! Responses of subscriptions as they are told: serialised once, shared by all followers.

use std::time::Instant;

use async_graphql::{Response, ServerError};

use super::StreamPosition;
use crate::{
    domain::error::{Code, RightLost},
    graphql::json,
};

/// A response, written once for all who are told it.
#[derive(Debug)]
pub struct Told {
    pub json: String,
    pub outcome: Outcome,
    /// The position up to which has been told with it.
    pub(super) place: Option<StreamPosition>,
    /// When it was resolved.
    pub(super) at: Instant,
}

/// What a response says of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Errors,
    /// The viewer has lost the right: the subscription ends, and this response is not sent.
    RightLost,
}

impl Told {
    pub fn new(response: &Response) -> Self {
        let outcome = match response.errors.as_slice() {
            [] => Outcome::Success,
            errors if errors.iter().any(|error| error.source::<RightLost>().is_some()) => Outcome::RightLost,
            _ => Outcome::Errors,
        };
        Told { json: json::response_text(response), outcome, place: None, at: Instant::now() }
    }

    /// The first response after a subscription began anew: if it may not begin, the viewer has lost the right.
    pub(super) fn anew(response: &Response) -> Self {
        let is_refused = response.errors.iter().any(is_refusal_to_begin);
        let told = Told::new(response);
        Told { outcome: if is_refused { Outcome::RightLost } else { told.outcome }, ..told }
    }
}

/// Whether the root field itself refused: the path of its error is no deeper than the field.
fn is_refusal_to_begin(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let codes = [Code::NotFound, Code::Forbidden, Code::Unauthenticated];
    error.path.len() <= 1 && codes.iter().any(|refusal| code == Some(&refusal.as_str().into()))
}
