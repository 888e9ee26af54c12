//! Several requests in one body, where that is configured: a JSON array of them, and an array of their answers in the same order.
//!
//! No specification has them, and HTTP/2 does what they are for. A batch multiplies what one request may ask for, so none is taken by
//! default.

use async_graphql::{Request, ServerError};
use serde::Serialize;
use serde_json::Value as Json;

use super::graphql::{Endpoint, Rejection, bad_request, to_request};
use crate::{
    graphql::{execute, json},
    viewer::{Origin, Viewer},
};

/// The answer to a request of which nothing ran.
#[derive(Serialize)]
struct Refused {
    errors: Vec<ServerError>,
}

/// The requests of a batch, at most as many as `limit`.
///
/// # Errors
/// Says what is wrong with the first of them that is no request, and runs none.
pub fn read(requests: Vec<Json>, limit: usize) -> Result<Vec<Request>, Rejection> {
    if limit == 0 {
        return Err(bad_request("Batches are not supported: send one request at a time."));
    }
    if requests.is_empty() || requests.len() > limit {
        return Err(bad_request(format!("A batch has 1 to {limit} requests, not {}.", requests.len())));
    }
    let requests = requests.into_iter().map(|request| match request {
        Json::Object(fields) => to_request(fields),
        _ => Err(bad_request("Each request of a batch must be a JSON object.")),
    });
    requests.collect()
}

/// Runs them one after the other, so that a batch takes no more of the server at a time than one request does. Gives their answers in JSON.
pub async fn run(endpoint: &Endpoint, viewer: &Viewer, origin: &Origin, requests: Vec<Request>) -> Vec<u8> {
    let mut answers = vec![b'['];
    for (place, request) in requests.into_iter().enumerate() {
        if place > 0 {
            answers.push(b',');
        }
        let running = execute::execute(&endpoint.app, &endpoint.schema, viewer.clone(), origin.clone(), request);
        match running.await {
            Ok(response) => answers.append(&mut json::response(&response)),
            // Errors hold nothing that JSON cannot.
            Err(errors) => _ = serde_json::to_writer(&mut answers, &Refused { errors }),
        }
    }
    answers.push(b']');
    answers
}
