//! Batches of GraphQL requests in one body, where that is configured: a JSON array of them, and an array of their answers in the same
//! order.
//!
//! No specification has them, and HTTP/2 does what they are for. A batch multiplies what one request may ask for, so none is taken by
//! default.

use async_graphql::Request;

use super::{endpoint::Endpoint, media::ErrorsOnly};
use crate::{
    domain::{
        error::{Code, Result},
        viewer::{Origin, Viewer},
    },
    graphql::{document::coded, execute::Operation, json},
};

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
