//! Streamed answers over HTTP (server-sent events, multipart): one request, one operation, one stream.

mod event_stream;
mod multipart;

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at, timeout},
};

use super::{
    admission::{Admission, Full},
    attendance::Attendance,
    ended::Ended,
    operation::{self, LiveOperation, OperationAnswer},
};
use crate::{
    features::account::authentication::Authenticated,
    graphql::{
        document::coded,
        execute::{Operation, Refusal},
    },
    http::{
        answer::unserved,
        endpoint::{Asker, Endpoint},
        media::{Form, Media},
        metrics::{EndReason, Transport},
    },
    schema::Schema,
};

impl Form {
    const fn transport(self) -> Transport {
        match self {
            Form::EventStream => Transport::EventStream,
            Form::Multipart => Transport::Multipart,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Form::EventStream => event_stream::CONTENT_TYPE,
            Form::Multipart => multipart::CONTENT_TYPE,
        }
    }

    /// What is said at first, and shows that the stream is open.
    fn opening(self) -> String {
        match self {
            Form::EventStream => event_stream::KEEP_ALIVE.to_owned(),
            Form::Multipart => [multipart::OPENING, multipart::KEEP_ALIVE].concat(),
        }
    }

    const fn keep_alive(self) -> &'static str {
        match self {
            Form::EventStream => event_stream::KEEP_ALIVE,
            Form::Multipart => multipart::KEEP_ALIVE,
        }
    }

    fn in_words(self, answer: OperationAnswer<'_>) -> String {
        match self {
            Form::EventStream => event_stream::in_words(answer),
            Form::Multipart => multipart::in_words(answer),
        }
    }

    fn last_words(self, ended: Ended) -> String {
        let errors = [coded(ended.code(), ended.message().to_owned(), None)];
        match self {
            Form::EventStream => event_stream::last_words(&errors),
            Form::Multipart => multipart::last_words(&errors),
        }
    }
}

/// Answers an operation by a stream, also one that was refused: a client of event streams reads errors there.
pub async fn open(
    endpoint: &Endpoint,
    asker: Asker,
    form: Form,
    prepared: Result<Operation<Schema>, Refusal>,
) -> Response {
    let Asker { authenticated, origin, deadline, .. } = asker;
    let admission = match endpoint.connections.admit(&origin, form.transport()) {
        Ok(admission) => admission,
        Err(full) => return full.response(),
    };
    let Some(place) = admission.begin_operation() else {
        return Full::Process.response();
    };
    // What was prepared without a valid token needs none.
    let authenticated = authenticated.unwrap_or(Authenticated::ANONYMOUS);
    let attending = Attendance::begin(&endpoint.app, &endpoint.rights, authenticated);
    let attendance = match deadline.meet_or_unavailable(attending).await {
        Ok(attendance) => attendance,
        Err(error) => return unserved(error, Media::Json),
    };
    let headers = [
        (header::CONTENT_TYPE, form.content_type()),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::VARY, "Accept"),
        // nginx would keep events back until it has a bufferful of them.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let begins = async move { prepared?.stream().await };
    let operation = operation::start(place, begins, move |answer| form.in_words(answer));
    let (sender, mut body) = mpsc::channel(1);
    let line = ClientLine {
        sender,
        form,
        patience: Duration::from_secs(endpoint.app.config.websocket.send_timeout_seconds),
        pause: Duration::from_secs(endpoint.app.config.websocket.ping_interval_seconds),
    };
    tokio::spawn(tell(line, operation, admission, attendance, endpoint.departure()));
    // Every piece is sent at once.
    let pieces = stream::poll_fn(move |context| body.poll_recv(context)).map(Ok::<_, Infallible>);
    (headers, Body::from_stream(pieces)).into_response()
}

/// The way to the client: a bounded queue of one message, which the response's body reads.
struct ClientLine {
    sender: mpsc::Sender<String>,
    form: Form,
    /// How long a slow client may take for what is said.
    patience: Duration,
    /// How often it is told that the stream lives.
    pause: Duration,
}

impl ClientLine {
    async fn say(&self, text: String) -> Result<(), EndReason> {
        match timeout(self.patience, self.sender.send(text)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(EndReason::ClientGone),
            Err(_) => Err(EndReason::Stalled),
        }
    }
}

/// Tells what the operation says, in a task of its own, for nobody polls a body whose client does not read. A stream that ends without
/// `complete` is to be asked for again.
async fn tell(
    line: ClientLine,
    mut operation: LiveOperation,
    _admission: Admission,
    mut attendance: Attendance,
    departure: impl Future<Output = ()>,
) {
    let telling = async {
        line.say(line.form.opening()).await?;
        let mut heartbeat = interval_at(Instant::now() + line.pause, line.pause);
        tokio::pin!(departure);
        loop {
            tokio::select! {
                () = &mut departure => return Err(EndReason::Shutdown),
                () = line.sender.closed() => return Err(EndReason::ClientGone),
                ended = attendance.ended() => {
                    line.say(line.form.last_words(ended)).await?;
                    return Err(ended.reason());
                }
                _ = heartbeat.tick() => line.say(line.form.keep_alive().to_owned()).await?,
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
