//! GraphQL over Server-Sent Events: the *distinct connections mode*, by the letter of
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>. One request, one operation, one stream.

use std::{convert::Infallible, time::Duration};

use async_graphql::ServerError;
use async_stream::stream;
use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use tokio::time::{Instant, interval_at};

use super::{
    attendance::{Attendance, Ended},
    connections::{Admission, Full},
    graphql::{Asker, Endpoint, unserved},
    media::Media,
    metrics::{Reason, Transport},
    operation::{self, Answer, Answers},
};
use crate::graphql::{
    document::coded,
    execute::{Operation, Refusal},
    json,
    schema::Schema,
};

/// A line that says nothing: some browsers take a stream for open only when something has come, and proxies end silent ones.
const KEEP_ALIVE: &str = ":\n\n";

/// Answers an operation by a stream, also one that was refused: a client of this protocol reads errors there.
pub(super) async fn open(endpoint: &Endpoint, asker: Asker, prepared: Result<Operation<Schema>, Refusal>) -> Response {
    let Asker { authenticated, origin, deadline, .. } = asker;
    let admission = match endpoint.connections.admit(&origin, Transport::EventStream) {
        Ok(admission) => admission,
        Err(full) => return full.response(),
    };
    let Some(place) = admission.begin_operation() else {
        return Full::Process.response();
    };
    let attending = Attendance::begin(&endpoint.app, &endpoint.rights, authenticated);
    let attendance = match deadline.meet_or_unavailable(attending).await {
        Ok(attendance) => attendance,
        Err(error) => return unserved(error, Media::Json),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::VARY, "Accept"),
        // nginx would keep events back until it has a bufferful of them.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let patience = Duration::from_secs(endpoint.app.config.websocket.send_timeout_seconds);
    let begun = async move { prepared?.stream().await };
    let (operation, answers) = operation::start(place, begun, in_words, Some(patience));
    let events = events(endpoint, admission, attendance, operation, answers);
    (headers, Body::from_stream(events)).into_response()
}

/// The text of the stream, in pieces that are each sent at once. A stream that ends without `complete` is to be asked for again.
fn events(
    endpoint: &Endpoint,
    admission: Admission,
    mut attendance: Attendance,
    operation: operation::Operation,
    mut answers: Answers,
) -> impl Stream<Item = Result<String, Infallible>> + use<> {
    let pause = Duration::from_secs(endpoint.app.config.websocket.ping_interval_seconds);
    let departure = endpoint.departure();
    stream! {
        let _admission = admission;
        yield Ok(KEEP_ALIVE.to_owned());
        let mut heartbeat = interval_at(Instant::now() + pause, pause);
        tokio::pin!(departure);
        let reason = loop {
            let answer = tokio::select! {
                () = &mut departure => break Reason::Shutdown,
                ended = attendance.ended() => {
                    yield Ok(last_words(ended));
                    break ended.reason();
                }
                _ = heartbeat.tick() => {
                    yield Ok(KEEP_ALIVE.to_owned());
                    continue;
                }
                answer = answers.next() => answer,
            };
            let Some(answer) = answer else { return };
            yield Ok(answer.text);
            if answer.last {
                return;
            }
        };
        operation.stop(reason);
    }
}

fn last_words(ended: Ended) -> String {
    let error = coded(ended.code(), ended.message().to_owned(), None);
    in_words(Answer::Refused(&[error]))
}

#[derive(Serialize)]
struct Refused<'a> {
    errors: &'a [ServerError],
}

fn in_words(answer: Answer<'_>) -> String {
    match answer {
        Answer::Next(response) => next(&json::response_text(response)),
        // Maps here have text for keys, and nothing else makes it fail.
        Answer::Refused(errors) => next(&serde_json::to_string(&Refused { errors }).unwrap_or_default()) + COMPLETE,
        Answer::Complete => COMPLETE.to_owned(),
    }
}

/// With data, for an event without any is passed over by `EventSource`.
const COMPLETE: &str = "event: complete\ndata: \n\n";

fn next(json: &str) -> String {
    // JSON has no line breaks.
    format!("event: next\ndata: {json}\n\n")
}
