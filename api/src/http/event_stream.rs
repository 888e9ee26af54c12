//! GraphQL over Server-Sent Events: the *distinct connections mode*, by the letter of
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>. One request, one operation, one stream.

use std::{convert::Infallible, time::Duration};

use async_graphql::ServerError;
use async_stream::stream;
use axum::{
    body::Body,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::Stream;
use serde::Serialize;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, interval_at},
};

use super::{
    graphql::{Endpoint, refuse},
    operation::{self, Answer},
};
use crate::graphql::{
    error::Code,
    execute::{Operation, Refusal},
    schema::Schema,
};

/// A line that says nothing: some browsers take a stream for open only when something has come, and proxies end silent ones.
const KEEP_ALIVE: &str = ":\n\n";

/// Answers an operation by a stream, also one that was refused: a client of this protocol reads errors there.
pub(super) fn open(endpoint: &Endpoint, prepared: Result<Operation<Schema>, Refusal>) -> Response {
    let Ok(permit) = endpoint.sockets.clone().try_acquire_owned() else {
        let message = "The server has as many streams as it can serve. Try again shortly.";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message);
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::VARY, "Accept"),
        // nginx would keep events back until it has a bufferful of them.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events(endpoint, prepared, permit))).into_response()
}

/// The text of the stream, in pieces that are each sent at once. A stream that ends without `complete` is to be asked for again.
fn events(
    endpoint: &Endpoint,
    prepared: Result<Operation<Schema>, Refusal>,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<String, Infallible>> + use<> {
    let config = &endpoint.app.config.websocket;
    let pause = Duration::from_secs(config.ping_interval_seconds);
    let patience = Duration::from_secs(config.send_timeout_seconds);
    let shutdown = endpoint.shutdown.requested();
    stream! {
        let _permit = permit;
        yield Ok(KEEP_ALIVE.to_owned());
        let begun = async move { prepared?.stream().await };
        let (_operation, mut answers) = operation::start(begun, in_words, patience);
        let mut heartbeat = interval_at(Instant::now() + pause, pause);
        tokio::pin!(shutdown);
        loop {
            let answer = tokio::select! {
                () = &mut shutdown => None,
                answer = answers.recv() => answer,
                _ = heartbeat.tick() => {
                    yield Ok(KEEP_ALIVE.to_owned());
                    continue;
                }
            };
            let Some(answer) = answer else { break };
            yield Ok(answer.text);
            if answer.last {
                break;
            }
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    errors: &'a [ServerError],
}

fn in_words(answer: Answer<'_>) -> String {
    match answer {
        Answer::Next(response) => next(response),
        Answer::Refused(errors) => next(&Refused { errors }) + COMPLETE,
        Answer::Complete => COMPLETE.to_owned(),
    }
}

/// With data, for an event without any is passed over by `EventSource`.
const COMPLETE: &str = "event: complete\ndata: \n\n";

fn next(result: &impl Serialize) -> String {
    // JSON has no line breaks. Maps here have text for keys, and nothing else makes it fail.
    format!("event: next\ndata: {}\n\n", serde_json::to_string(result).unwrap_or_default())
}
