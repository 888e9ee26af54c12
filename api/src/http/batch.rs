//! Batches of GraphQL requests in one body, where that is configured: a JSON array of them, and an array of their answers in the same
//! order.
//!
//! No specification has them, and HTTP/2 does what they are for. A batch multiplies what one request may ask for, so none is taken by
//! default.

use async_graphql::Request;
use serde_json::Value as Json;

use super::{
    graphql::Endpoint,
    incoming_request::{IncomingRequest, Rejection, bad_request, to_request},
    media::ErrorsOnly,
};
use crate::{
    domain::{
        error::{Code, Result},
        viewer::{Origin, Viewer},
    },
    graphql::{document::coded, execute::Operation, json},
};

/// More than anybody's batches have, and little enough to answer each of their requests.
const MOST_ANSWERED: usize = 1_000;

/// The requests of a batch, at most as many as `limit`. One that is longer is to be answered as [`refuse`] does.
///
/// # Errors
/// Says what is wrong with the first of them that is no request, and runs none.
pub fn read(requests: Vec<Json>, limit: usize) -> Result<IncomingRequest, Rejection> {
    if requests.is_empty() {
        return Err(bad_request("A batch has at least one request."));
    }
    if requests.len() > limit {
        let message = match limit {
            0 => "Batches are not supported: send one request at a time.".to_owned(),
            limit => format!("A batch has 1 to {limit} requests, not {}.", requests.len()),
        };
        return match requests.len() {
            requests @ ..=MOST_ANSWERED => Ok(IncomingRequest::TooMany { requests, message }),
            _ => Err(bad_request(message)),
        };
    }
    let requests = requests.into_iter().map(|request| match request {
        Json::Object(fields) => to_request(fields),
        _ => Err(bad_request("Each request of a batch must be a JSON object.")),
    });
    requests.collect::<Result<_, _>>().map(IncomingRequest::Batch)
}

/// The answer, in JSON, to a batch of which nothing is run: clients that send batches read an error where each of their answers would be.
pub fn refuse(requests: usize, message: &str) -> Vec<u8> {
    let errors = [coded(Code::BadUserInput, message.to_owned(), None)];
    // Errors hold nothing that JSON cannot.
    serde_json::to_vec(&vec![ErrorsOnly { errors: &errors }; requests]).unwrap_or_default()
}

/// Runs them one after the other, so that a batch takes no more of the server at a time than one request does. Gives their answers in JSON.
///
/// # Errors
/// Who asks is not known, and none of them could do without.
pub async fn run(
    endpoint: &Endpoint,
    viewer: Result<Viewer>,
    origin: &Origin,
    requests: Vec<Request>,
) -> Result<Vec<u8>> {
    let mut answers = vec![b'['];
    let mut has_run = false;
    for (place, request) in requests.into_iter().enumerate() {
        if place > 0 {
            answers.push(b',');
        }
        let running = Operation::execute(&endpoint.app, &endpoint.schema, viewer.clone(), origin.clone(), request);
        match running.await {
            Ok(response) => {
                has_run = true;
                answers.append(&mut json::response(&response));
            }
            // Errors hold nothing that JSON cannot.
            Err(errors) => _ = serde_json::to_writer(&mut answers, &ErrorsOnly { errors: &errors }),
        }
    }
    answers.push(b']');
    match viewer {
        Err(not_valid) if !has_run => Err(not_valid),
        _ => Ok(answers),
    }
}
