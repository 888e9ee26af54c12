//! A websocket after its handshake. One task owns it; the server's heartbeat is the websocket's own ping, which every client answers by
//! itself.

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_graphql::{Request, ScalarType, ServerError};
use axum::http::HeaderMap;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use tokio_stream::StreamMap;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{
    end::{self, End},
    graphql_transport_ws,
    handshake::Socket,
    message::{Incoming, Misunderstood},
    protocol::Protocol,
    subscriptions_transport_ws,
};
use crate::{
    config::WebsocketConfig,
    database::on_one_connection,
    deadline::Deadline,
    domain::{error::Code, viewer::Origin},
    graphql::{date_time::DateTime, document::coded, execute::Operation},
    http::{
        bearer_token,
        endpoint::Endpoint,
        live::{
            admission::Admission,
            attendance::Attendance,
            ended::Ended,
            operation::{self, LiveOperation, OperationAnswer, WrittenAnswer},
        },
        metrics::EndReason,
        server::UnderWay,
    },
    tasks::unwound,
};

/// What is known of a socket from its handshake.
pub struct Beginning {
    pub endpoint: Endpoint,
    pub admission: Admission,
    pub protocol: Protocol,
    pub headers: HeaderMap,
    pub origin: Origin,
    /// The request of HTTP/2 whose stream the socket is: its connection has to stay for as long.
    pub under_way: Option<UnderWay>,
}

/// The largest batch of messages that are flushed together, where so many wait.
const TOGETHER: usize = 16;

/// Serves a socket to its end. Boxed, for whatever is handed from one future to the next takes its room in each.
pub async fn serve(beginning: Box<Beginning>, socket: Socket) {
    let mut connection = SocketConnection::new(beginning, socket);
    let end = match unwound(connection.follow()).await {
        Ok(Err(end)) => end,
        // The log has it.
        Err(_) => End::unserved(Code::InternalServerError),
    };
    let SocketConnection { socket, mut operations, admission: _admission, .. } = *connection;
    operations.values_mut().for_each(|operation| operation.is_stopped(end.reason));
    drop(operations);
    end.tell(socket).await;
}

struct SocketConnection {
    endpoint: Endpoint,
    admission: Admission,
    protocol: Protocol,
    socket: Socket,
    headers: HeaderMap,
    origin: Origin,
    /// Who asks, once the connection is acknowledged.
    attendance: Option<Attendance>,
    operations: StreamMap<Arc<str>, LiveOperation>,
    _under_way: Option<UnderWay>,
}

impl SocketConnection {
    fn new(beginning: Box<Beginning>, socket: Socket) -> Box<Self> {
        let Beginning { endpoint, admission, protocol, headers, origin, under_way } = *beginning;
        Box::new(Self {
            endpoint,
            admission,
            protocol,
            socket,
            headers,
            origin,
            attendance: None,
            operations: StreamMap::new(),
            _under_way: under_way,
        })
    }

    fn config(&self) -> &WebsocketConfig {
        &self.endpoint.app.config.websocket
    }

    /// How long a slow client may take for one message.
    fn patience(&self) -> Duration {
        Duration::from_secs(self.config().send_timeout_seconds)
    }

    /// Serves until there is a reason to end.
    async fn follow(&mut self) -> Result<Infallible, End> {
        let init_deadline = Instant::now() + Duration::from_secs(self.config().init_timeout_seconds);
        let pause = Duration::from_secs(self.config().ping_interval_seconds);
        let mut heartbeat = interval_at(Instant::now() + pause, pause);
        let departure = self.endpoint.departure();
        tokio::pin!(departure);
        let mut unanswered = 0;
        let mut said = Vec::new();
        loop {
            tokio::select! {
                () = &mut departure => return Err(end::GOING_AWAY),
                () = sleep_until(init_deadline), if self.attendance.is_none() => return Err(end::INIT_TIMEOUT),
                ended = may_end(&mut self.attendance) => return Err(End::attendance(ended)),
                _ = heartbeat.tick() => {
                    if unanswered == 2 {
                        return Err(end::GONE);
                    }
                    unanswered += 1;
                    self.keep_alive().await?;
                }
                _ = self.operations.next_many(&mut said, TOGETHER), if !self.operations.is_empty() => {
                    self.pass_on(&mut said).await?;
                }
                message = self.socket.next() => {
                    unanswered = 0;
                    match message {
                        // Boxed: a socket that only waits does not hold the room for reading a message.
                        Some(Ok(message)) => self.receive(message).boxed().await?,
                        Some(Err(error)) => return Err(End::unreadable(&error)),
                        None => return Err(end::GONE),
                    }
                }
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        sent(self.patience(), self.socket.send(message)).await
    }

    async fn write(&mut self, text: String) -> Result<(), End> {
        self.send(Message::text(text)).await
    }

    async fn keep_alive(&mut self) -> Result<(), End> {
        self.send(Message::Ping(Default::default())).await?;
        match self.protocol.keep_alive() {
            Some(text) if self.attendance.is_some() => self.send(Message::text(text)).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Sends what operations say.
    async fn pass_on(&mut self, said: &mut Vec<(Arc<str>, WrittenAnswer)>) -> Result<(), End> {
        let patience = self.patience();
        for (id, WrittenAnswer { text, end }) in said.drain(..) {
            if end.is_some() {
                // The id is free from here on, also for a client that reads faster than this goes on.
                self.operations.remove(&id);
            }
            sent(patience, self.socket.feed(Message::text(text))).await?;
        }
        sent(patience, self.socket.flush()).await
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(end::INVALID),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
            Message::Close(_) => return Err(end::CLOSED),
        };
        match self.protocol.read(&text) {
            Ok(Incoming::Init { payload }) => self.init(payload).await,
            Ok(Incoming::Ping { payload }) => self.ping(payload).await,
            Ok(Incoming::Pong) => Ok(()),
            Ok(Incoming::Start { id, request }) => self.start(id.into(), *request).await,
            Ok(Incoming::Stop { id }) => self.stop(&id).await,
            Ok(Incoming::Terminate) => Err(end::TERMINATED),
            Err(message) => self.misunderstand(&message).await,
        }
    }

    async fn init(&mut self, payload: Option<Json>) -> Result<(), End> {
        let began = match (&self.attendance, self.protocol) {
            (None, _) => self.begin(payload).await,
            (Some(_), Protocol::GraphqlTransportWs) => return Err(end::TOO_MANY_INITS),
            // The older protocol has no other message that could carry a newer access token.
            (Some(attendance), Protocol::SubscriptionsTransportWs) => {
                match bearer_token::authorization(payload.as_ref()) {
                    Some(token) => match attendance.renew(&self.endpoint.app, token).await {
                        Err(error) if error.code != Code::RateLimited => Err(error),
                        Ok(_) | Err(_) => Ok(()),
                    },
                    None => Ok(()),
                }
            }
        };
        if let Err(error) = began {
            let end = End::unserved(error.code);
            self.complain(error.code, error.message).await?;
            return Err(end);
        }
        for text in self.protocol.acknowledgement() {
            self.send(Message::text(*text)).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, payload: Option<Json>) -> crate::domain::error::Result<()> {
        let Endpoint { app, rights, .. } = &self.endpoint;
        // They are needed once, and the socket lives long.
        let headers = std::mem::take(&mut self.headers);
        let beginning = on_one_connection(async {
            let authenticated =
                bearer_token::from_connection_init(app, &headers, payload.as_ref(), &self.origin).await?;
            Attendance::begin(app, rights, authenticated).await
        });
        self.attendance = Some(Deadline::from_now(&app.config.limits).meet_or_unavailable(beginning).await?);
        Ok(())
    }

    /// Answers a ping; one that carries a newer access token renews the connection, and the answer says until when.
    async fn ping(&mut self, payload: Option<Json>) -> Result<(), End> {
        let answer = match (&self.attendance, bearer_token::authorization(payload.as_ref())) {
            (Some(attendance), Some(token)) => match attendance.renew(&self.endpoint.app, token).await {
                Ok(expires_at) => Some(json!({ "expiresAt": DateTime(expires_at).to_value() })),
                // It may be tried again for as long as the token lasts that the socket has.
                Err(error) if error.code == Code::RateLimited => Some(json!({ "retryAfter": error.retry_after })),
                Err(error) => return Err(End::unserved(error.code)),
            },
            (None, Some(_)) => return Err(end::UNAUTHORIZED),
            (_, None) => payload,
        };
        self.write(graphql_transport_ws::pong(answer)).await
    }

    async fn start(&mut self, id: Arc<str>, request: Request) -> Result<(), End> {
        let Some(viewer) = self.attendance.as_ref().map(Attendance::viewer).cloned() else {
            self.complain(Code::Unauthenticated, "Send connection_init first.".to_owned()).await?;
            return Err(end::UNAUTHORIZED);
        };
        if self.operations.contains_key(&id) {
            match self.protocol {
                Protocol::GraphqlTransportWs => return Err(End::already_exists(&id)),
                // Its own server lets the newer one take the place.
                Protocol::SubscriptionsTransportWs => self.end_operation(&id),
            };
        }
        let limit = self.config().operations;
        if self.operations.len() >= limit {
            let message = format!("At most {limit} operations can run on one socket: complete one first.");
            return self.refuse(&id, coded(Code::RateLimited, message, None)).await;
        }
        let Some(place) = self.admission.begin_operation() else {
            let message = "The server runs as many operations as it can. Try again shortly.".to_owned();
            return self.refuse(&id, coded(Code::Unavailable, message, None)).await;
        };
        let begins = {
            let Endpoint { app, schema, .. } = self.endpoint.clone();
            let origin = self.origin.clone();
            async move { Operation::subscribe(&app, &schema, viewer, origin, request).await }
        };
        let words = {
            let (protocol, id) = (self.protocol, id.clone());
            move |answer: OperationAnswer<'_>| protocol.answer(&id, answer)
        };
        self.operations.insert(id, operation::start(place, begins, words));
        Ok(())
    }

    async fn refuse(&mut self, id: &str, error: ServerError) -> Result<(), End> {
        self.write(self.protocol.answer(id, OperationAnswer::Refused(&[error]))).await
    }

    /// Stops an operation, unless it has ended by itself in the meantime.
    async fn stop(&mut self, id: &str) -> Result<(), End> {
        match (self.end_operation(id), self.protocol) {
            (true, Protocol::SubscriptionsTransportWs) => {
                self.write(self.protocol.answer(id, OperationAnswer::Complete)).await
            }
            (true, Protocol::GraphqlTransportWs) | (false, _) => Ok(()),
        }
    }

    /// Ends an operation as the client wants it; whether there was one.
    fn end_operation(&mut self, id: &str) -> bool {
        self.operations.remove(id).map(|mut operation| operation.is_stopped(EndReason::ClientCompleted)).is_some()
    }

    async fn misunderstand(&mut self, message: &Misunderstood) -> Result<(), End> {
        match self.protocol {
            Protocol::GraphqlTransportWs => Err(end::INVALID),
            Protocol::SubscriptionsTransportWs => self.write(subscriptions_transport_ws::misunderstood(message)).await,
        }
    }

    /// Says why the socket is about to be closed, where the protocol has a message for it.
    async fn complain(&mut self, code: Code, message: String) -> Result<(), End> {
        match self.protocol {
            Protocol::GraphqlTransportWs => Ok(()),
            Protocol::SubscriptionsTransportWs => {
                let error = coded(code, message, None);
                self.write(subscriptions_transport_ws::connection_error(&error)).await
            }
        }
    }
}

/// Waits for something to be sent, but no longer than this.
async fn sent(patience: Duration, sending: impl Future<Output = Result<(), Error>>) -> Result<(), End> {
    match timeout(patience, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(end::GONE),
        Err(_) => Err(end::STALLED),
    }
}

/// Ready when whoever uses the connection may not any longer.
async fn may_end(attendance: &mut Option<Attendance>) -> Ended {
    match attendance {
        Some(attendance) => attendance.ended().await,
        None => std::future::pending().await,
    }
}
