//! GraphQL over Server-Sent Events: the *distinct connections mode*, by the letter of
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>. One request, one operation, one stream.

use std::{convert::Infallible, time::Duration};

use async_graphql::ServerError;
use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at, timeout},
};

use super::{
    attendance::{Attendance, Ended},
    connections::{Admission, Full},
    graphql::{Asker, Endpoint, unserved},
    media::Media,
    metrics::{Reason, Transport},
    operation::{self, Answer},
};
use crate::graphql::{
    document::coded,
    execute::{Operation, Refusal},
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
    let begins = async move { prepared?.stream().await };
    let operation = operation::start(place, begins, in_words);
    let (sender, mut body) = mpsc::channel(1);
    let line = Line {
        sender,
        patience: Duration::from_secs(endpoint.app.config.websocket.send_timeout_seconds),
        pause: Duration::from_secs(endpoint.app.config.websocket.ping_interval_seconds),
    };
    tokio::spawn(tell(line, operation, admission, attendance, endpoint.departure()));
    // Every piece is sent at once.
    let pieces = stream::poll_fn(move |context| body.poll_recv(context)).map(Ok::<_, Infallible>);
    (headers, Body::from_stream(pieces)).into_response()
}

/// The way to the client.
struct Line {
    sender: mpsc::Sender<String>,
    /// How long a slow client may take for what is said.
    patience: Duration,
    /// How often it is told that the stream lives.
    pause: Duration,
}

impl Line {
    async fn say(&self, text: String) -> Result<(), Reason> {
        match timeout(self.patience, self.sender.send(text)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Reason::ClientGone),
            Err(_) => Err(Reason::Stalled),
        }
    }
}

/// Tells what the operation says, in a task of its own, for nobody asks a body whose client does not read. A stream that ends without
/// `complete` is to be asked for again.
async fn tell(
    line: Line,
    mut operation: operation::Operation,
    _admission: Admission,
    mut attendance: Attendance,
    departure: impl Future<Output = ()>,
) {
    let telling = async {
        line.say(KEEP_ALIVE.to_owned()).await?;
        let mut heartbeat = interval_at(Instant::now() + line.pause, line.pause);
        tokio::pin!(departure);
        loop {
            tokio::select! {
                () = &mut departure => return Err(Reason::Shutdown),
                () = line.sender.closed() => return Err(Reason::ClientGone),
                ended = attendance.ended() => {
                    line.say(last_words(ended)).await?;
                    return Err(ended.reason());
                }
                _ = heartbeat.tick() => line.say(KEEP_ALIVE.to_owned()).await?,
                answer = operation.next() => match answer {
                    Some(written) => line.say(written.text).await?,
                    None => return Ok(()),
                },
            }
        }
    };
    if let Err(reason) = telling.await {
        operation.is_stopped(reason);
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
        Answer::Next(json) => next(json),
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
