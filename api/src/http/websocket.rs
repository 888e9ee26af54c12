//! GraphQL over websockets: the protocol graphql-transport-ws, by the letter of
//! <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.
//!
//! One task owns the socket; each operation has a task and a bounded queue of its own, so that an operation whose client is slow
//! waits by itself and holds nothing but its queue. The server's heartbeat is the websocket's own ping, which every client
//! answers by itself.

mod message;

use std::{borrow::Cow, collections::HashMap, time::Duration};

use async_graphql::Request;
use axum::{
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, interval_at, sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    graphql::{Endpoint, refuse},
    viewer,
};
use crate::{
    config::{HttpConfig, WebsocketConfig},
    graphql::{
        document::coded,
        error::Code,
        execute::{self, Refusal},
    },
    viewer::{Origin, Viewer},
};
use message::{Incoming, Outgoing};

const PROTOCOL: &str = "graphql-transport-ws";

/// tungstenite keeps both buffers for as long as the socket lives, 128 KiB each by default: this is what ten thousand idle
/// sockets can afford.
const BUFFER_BYTES: usize = 2 * 1024;
/// More than any answer within the limits of complexity: what is larger ends the socket.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Of an id that a reason names: a reason has room for 123 bytes (RFC 6455, section 5.5).
const MAX_ID_IN_REASON: usize = 90;
/// A client has this long to answer a close.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// Answers a handshake, and serves the socket.
pub(super) fn open(endpoint: Endpoint, upgrade: WebSocketUpgrade, headers: HeaderMap, origin: Origin) -> Response {
    if !is_welcome(&endpoint.app.config.http, &headers) {
        let message = "Pages of this origin may not open a websocket here.";
        return refuse(StatusCode::FORBIDDEN, Code::Forbidden, message);
    }
    let Ok(permit) = endpoint.sockets.clone().try_acquire_owned() else {
        let message = "The server has as many websockets as it can serve. Try again shortly.";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message);
    };
    upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(MAX_ANSWER_BYTES)
        .max_message_size(endpoint.app.config.websocket.message_bytes)
        .max_frame_size(endpoint.app.config.websocket.message_bytes)
        .on_upgrade(move |socket| {
            let shutdown = endpoint.shutdown.clone();
            shutdown.track(serve(endpoint, socket, headers, origin, permit))
        })
}

/// Whether the page that opens the socket may: browsers ask nobody before they open one, and only say where the page is from.
fn is_welcome(config: &HttpConfig, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let own = origin.split_once("://").map(|(_, authority)| authority);
    config.any_origin_allowed()
        || config.allowed_origins.iter().any(|allowed| allowed == origin)
        || (own.is_some() && own == text(header::HOST))
}

async fn serve(
    endpoint: Endpoint,
    socket: WebSocket,
    headers: HeaderMap,
    origin: Origin,
    _permit: OwnedSemaphorePermit,
) {
    let mut connection = Connection {
        endpoint,
        socket,
        headers,
        origin,
        viewer: None,
        operations: HashMap::new(),
        answers: SelectAll::new(),
        started: 0,
    };
    let end = connection.run().await;
    let Connection { mut socket, operations, .. } = connection;
    drop(operations);
    if let End::Close(code, reason) = end {
        let frame = CloseFrame { code, reason: reason.into_owned().into() };
        let closing = async {
            socket.send(Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        // A client that does not answer is left.
        let _ = timeout(CLOSE_TIME, closing).await;
    }
}

/// Why a socket ends.
enum End {
    /// The client has closed it, or is gone.
    Gone,
    /// The server closes it, with a code of RFC 6455 or of the protocol.
    Close(u16, Cow<'static, str>),
}

impl End {
    const fn close(code: u16, reason: &'static str) -> Self {
        Self::Close(code, Cow::Borrowed(reason))
    }
}

const GOING_AWAY: End = End::close(1012, "Service restart");
const TOO_BIG: End = End::close(1009, "Message too big");
const FAILED: End = End::close(1011, "Internal server error");
const TRY_AGAIN: End = End::close(1013, "Try again later");
const INVALID: End = End::close(4400, "Invalid message received");
const UNAUTHORIZED: End = End::close(4401, "Unauthorized");
const FORBIDDEN: End = End::close(4403, "Forbidden");
const NO_PROTOCOL: End = End::close(4406, "Subprotocol not acceptable");
const INIT_TIMEOUT: End = End::close(4408, "Connection initialisation timeout");
const TOO_MANY_INITS: End = End::close(4429, "Too many initialisation requests");

/// An operation that runs. Dropping it stops it, but for a mutation, which ends by itself.
struct Operation {
    number: u64,
    _task: AbortOnDropHandle<()>,
}

/// A message of an operation to the client.
struct Answer {
    id: String,
    /// Tells the operation from an earlier one with the same id.
    number: u64,
    text: String,
    last: bool,
}

struct Connection {
    endpoint: Endpoint,
    socket: WebSocket,
    headers: HeaderMap,
    origin: Origin,
    /// Who asks, once the connection is acknowledged.
    viewer: Option<Viewer>,
    operations: HashMap<String, Operation>,
    answers: SelectAll<BoxStream<'static, Answer>>,
    /// Operations so far.
    started: u64,
}

impl Connection {
    fn config(&self) -> &WebsocketConfig {
        &self.endpoint.app.config.websocket
    }

    async fn run(&mut self) -> End {
        if self.socket.protocol().is_none() {
            return NO_PROTOCOL;
        }
        let Err(end) = self.follow().await;
        end
    }

    /// Serves until there is a reason to end.
    async fn follow(&mut self) -> Result<std::convert::Infallible, End> {
        let init_deadline = Instant::now() + Duration::from_secs(self.config().init_timeout_seconds);
        let pause = Duration::from_secs(self.config().ping_interval_seconds);
        let mut heartbeat = interval_at(Instant::now() + pause, pause);
        let shutdown = self.endpoint.shutdown.requested();
        tokio::pin!(shutdown);
        let mut unanswered = 0;
        loop {
            tokio::select! {
                () = &mut shutdown => return Err(GOING_AWAY),
                () = sleep_until(init_deadline), if self.viewer.is_none() => return Err(INIT_TIMEOUT),
                _ = heartbeat.tick() => {
                    if unanswered == 2 {
                        return Err(End::Gone);
                    }
                    unanswered += 1;
                    self.send(Message::Ping(Default::default())).await?;
                }
                Some(answer) = self.answers.next() => self.pass_on(answer).await?,
                message = self.socket.recv() => {
                    unanswered = 0;
                    match message {
                        Some(Ok(message)) => self.receive(message).await?,
                        Some(Err(error)) if is_too_big(&error) => return Err(TOO_BIG),
                        Some(Err(_)) | None => return Err(End::Gone),
                    }
                }
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let time = Duration::from_secs(self.config().send_timeout_seconds);
        match timeout(time, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn write(&mut self, message: Outgoing<'_>) -> Result<(), End> {
        self.send(Message::text(message.to_text())).await
    }

    /// Sends what an operation says, unless the client has completed it in the meantime.
    async fn pass_on(&mut self, answer: Answer) -> Result<(), End> {
        let running = self.operations.get(&answer.id);
        if running.is_none_or(|operation| operation.number != answer.number) {
            return Ok(());
        }
        if answer.last {
            // The id is free from here on, also for a client that reads faster than this goes on.
            self.operations.remove(&answer.id);
        }
        self.send(Message::text(answer.text)).await
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(INVALID),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Gone),
        };
        match Incoming::read(&text).ok_or(INVALID)? {
            Incoming::ConnectionInit { payload } => self.init(payload).await,
            Incoming::Ping { payload } => self.write(Outgoing::Pong { payload }).await,
            Incoming::Pong => Ok(()),
            Incoming::Subscribe { id, request } => self.start(id, *request).await,
            Incoming::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
        }
    }

    async fn init(&mut self, payload: Option<serde_json::Value>) -> Result<(), End> {
        if self.viewer.is_some() {
            return Err(TOO_MANY_INITS);
        }
        let app = &self.endpoint.app;
        let authenticated = viewer::from_connection_init(app, &self.headers, payload.as_ref(), &self.origin);
        let authenticated = authenticated.await.map_err(|error| match error.code {
            Code::Unavailable | Code::Timeout | Code::RateLimited => TRY_AGAIN,
            Code::InternalServerError => FAILED,
            Code::Unauthenticated
            | Code::Forbidden
            | Code::BadUserInput
            | Code::NotFound
            | Code::Conflict
            | Code::GraphqlParseFailed
            | Code::GraphqlValidationFailed
            | Code::QueryTooComplex => FORBIDDEN,
        })?;
        self.viewer = Some(authenticated.viewer);
        self.write(Outgoing::ConnectionAck).await
    }

    async fn start(&mut self, id: String, request: Request) -> Result<(), End> {
        let viewer = self.viewer.clone().ok_or(UNAUTHORIZED)?;
        if self.operations.contains_key(&id) {
            let id = &id[..id.floor_char_boundary(MAX_ID_IN_REASON)];
            let reason = format!("Subscriber for {id} already exists");
            return Err(End::Close(4409, reason.into()));
        }
        let limit = self.config().operations;
        if self.operations.len() >= limit {
            let message = format!("At most {limit} operations can run on one socket: complete one first.");
            let refusal = [coded(Code::RateLimited, message, None)];
            return self.write(Outgoing::Error { id: &id, payload: &refusal }).await;
        }
        self.started += 1;
        let number = self.started;
        let (sender, mut receiver) = mpsc::channel(self.config().queue);
        let answers = Answers { id: id.clone(), number, sender };
        let running = run(self.endpoint.clone(), viewer, self.origin.clone(), request, answers);
        let task = AbortOnDropHandle::new(tokio::spawn(running));
        self.operations.insert(id, Operation { number, _task: task });
        self.answers.push(stream::poll_fn(move |context| receiver.poll_recv(context)).boxed());
        Ok(())
    }
}

/// Where an operation puts what it says.
struct Answers {
    id: String,
    number: u64,
    sender: mpsc::Sender<Answer>,
}

impl Answers {
    /// Waits while the queue is full: what is not yet asked of the operation is not yet made.
    async fn put(&self, message: Outgoing<'_>, last: bool) {
        let Self { id, number, sender } = self;
        let answer = Answer { id: id.clone(), number: *number, text: message.to_text(), last };
        // The socket has ended, and this task is about to be stopped.
        let _ = sender.send(answer).await;
    }
}

async fn run(endpoint: Endpoint, viewer: Viewer, origin: Origin, request: Request, answers: Answers) {
    let id = answers.id.as_str();
    let started = match viewer::renew_rights(&endpoint.app, &viewer).await {
        Ok(()) => execute::subscribe(&endpoint.app, &endpoint.schema, viewer, origin, request).await,
        Err(error) => Err(vec![async_graphql::Error::from(error).into_server_error(Default::default())]),
    };
    let mut responses = match started {
        Ok(responses) => responses,
        Err(refusal) => {
            let refusal: Refusal = refusal;
            return answers.put(Outgoing::Error { id, payload: &refusal }, true).await;
        }
    };
    while let Some(response) = responses.next().await {
        answers.put(Outgoing::Next { id, payload: &response }, false).await;
    }
    answers.put(Outgoing::Complete { id }, true).await;
}

/// axum does not show tungstenite's error, which says it in words.
fn is_too_big(error: &axum::Error) -> bool {
    error.to_string().starts_with("Space limit exceeded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    #[test]
    fn pages_of_other_origins_are_refused_unless_allowed() {
        let production = Config::defaults(Environment::Production, false).http;
        let welcome = |allowed: &[&str], origin: Option<&'static str>| {
            let allowed_origins = allowed.iter().map(ToString::to_string).collect();
            let mut headers = HeaderMap::from_iter([(header::HOST, "api.example:8000".parse().unwrap())]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_welcome(&HttpConfig { allowed_origins, ..production.clone() }, &headers)
        };
        assert!(welcome(&[], None));
        assert!(welcome(&[], Some("http://api.example:8000")));
        assert!(!welcome(&[], Some("http://api.example")));
        assert!(!welcome(&[], Some("https://elsewhere.example")));
        assert!(!welcome(&[], Some("null")));
        assert!(welcome(&["https://app.example"], Some("https://app.example")));
        assert!(!welcome(&["https://app.example"], Some("https://app.example.evil.example")));
        assert!(welcome(&["*"], Some("https://elsewhere.example")));
    }
}
