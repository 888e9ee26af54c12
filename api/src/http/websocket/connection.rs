//! What happens on a socket. One task owns it; the server's heartbeat is the websocket's own ping, which every client answers by
//! itself.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use async_graphql::Request;
use axum::{
    extract::ws::{Message, WebSocket},
    http::HeaderMap,
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use serde_json::Value as Json;
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::{
    end::{self, End},
    graphql_transport_ws,
    protocol::{Incoming, Misunderstood, Protocol},
    subscriptions_transport_ws,
};
use crate::{
    config::WebsocketConfig,
    graphql::{document::coded, error::Code, execute},
    http::{
        graphql::Endpoint,
        operation::{self, Answer, Operation, Written},
        viewer,
    },
    viewer::{Origin, Viewer},
};

/// Serves a socket to its end. The headers are those of the handshake.
pub async fn serve(endpoint: Endpoint, socket: WebSocket, headers: HeaderMap, origin: Origin) {
    let protocol = socket.protocol().and_then(|name| Protocol::named(name.as_bytes()));
    let Some(protocol) = protocol else {
        return end::NO_PROTOCOL.tell(socket).await;
    };
    let mut connection = Connection {
        endpoint,
        protocol,
        socket,
        headers,
        origin,
        viewer: None,
        operations: HashMap::new(),
        answers: SelectAll::new(),
        started: 0,
    };
    let Err(end) = connection.follow().await;
    let Connection { socket, operations, .. } = connection;
    drop(operations);
    end.tell(socket).await;
}

/// An operation among those of its socket.
struct Numbered {
    /// Tells the operation from an earlier one with the same id.
    number: u64,
    _operation: Operation,
}

/// What an operation said.
struct Said {
    id: Arc<str>,
    number: u64,
    written: Written,
}

struct Connection {
    endpoint: Endpoint,
    protocol: Protocol,
    socket: WebSocket,
    headers: HeaderMap,
    origin: Origin,
    /// Who asks, once the connection is acknowledged.
    viewer: Option<Viewer>,
    operations: HashMap<Arc<str>, Numbered>,
    answers: SelectAll<BoxStream<'static, Said>>,
    /// Operations so far.
    started: u64,
}

impl Connection {
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
        let shutdown = self.endpoint.shutdown.requested();
        tokio::pin!(shutdown);
        let mut unanswered = 0;
        loop {
            tokio::select! {
                () = &mut shutdown => return Err(end::GOING_AWAY),
                () = sleep_until(init_deadline), if self.viewer.is_none() => return Err(end::INIT_TIMEOUT),
                _ = heartbeat.tick() => {
                    if unanswered == 2 {
                        return Err(End::Gone);
                    }
                    unanswered += 1;
                    self.keep_alive().await?;
                }
                Some(said) = self.answers.next() => self.pass_on(said).await?,
                message = self.socket.recv() => {
                    unanswered = 0;
                    match message {
                        Some(Ok(message)) => self.receive(message).await?,
                        Some(Err(error)) if is_too_big(&error) => return Err(end::TOO_BIG),
                        Some(Err(_)) | None => return Err(End::Gone),
                    }
                }
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.patience(), self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn write(&mut self, text: String) -> Result<(), End> {
        self.send(Message::text(text)).await
    }

    async fn keep_alive(&mut self) -> Result<(), End> {
        self.send(Message::Ping(Default::default())).await?;
        match self.protocol.keep_alive() {
            Some(text) if self.viewer.is_some() => self.send(Message::text(text)).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Sends what an operation says, unless the client has stopped it in the meantime.
    async fn pass_on(&mut self, Said { id, number, written }: Said) -> Result<(), End> {
        if self.operations.get(&id).is_none_or(|operation| operation.number != number) {
            return Ok(());
        }
        if written.last {
            // The id is free from here on, also for a client that reads faster than this goes on.
            self.operations.remove(&id);
        }
        self.write(written.text).await
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(end::INVALID),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Gone),
        };
        match self.protocol.read(&text) {
            Ok(Incoming::Init { payload }) => self.init(payload).await,
            Ok(Incoming::Ping { payload }) => self.write(graphql_transport_ws::pong(payload)).await,
            Ok(Incoming::Pong) => Ok(()),
            Ok(Incoming::Start { id, request }) => self.start(id.into(), *request).await,
            Ok(Incoming::Stop { id }) => self.stop(&id).await,
            Ok(Incoming::Terminate) => Err(end::DONE),
            Err(message) => self.misunderstand(&message).await,
        }
    }

    async fn init(&mut self, payload: Option<Json>) -> Result<(), End> {
        if self.viewer.is_some() {
            return Err(end::TOO_MANY_INITS);
        }
        // They are needed once, and the socket lives long.
        let headers = std::mem::take(&mut self.headers);
        match viewer::from_connection_init(&self.endpoint.app, &headers, payload.as_ref(), &self.origin).await {
            Ok(authenticated) => self.viewer = Some(authenticated.viewer),
            Err(error) => {
                let end = End::unserved(error.code);
                self.complain(error.code, error.message).await?;
                return Err(end);
            }
        }
        for text in self.protocol.acknowledgement() {
            self.send(Message::text(*text)).await?;
        }
        Ok(())
    }

    async fn start(&mut self, id: Arc<str>, request: Request) -> Result<(), End> {
        let Some(viewer) = self.viewer.clone() else {
            self.complain(Code::Unauthenticated, "Send connection_init first.".to_owned()).await?;
            return Err(end::UNAUTHORIZED);
        };
        if self.operations.contains_key(&id) {
            match self.protocol {
                Protocol::GraphqlTransportWs => return Err(End::already_exists(&id)),
                // Its own server lets the newer one take the place.
                Protocol::SubscriptionsTransportWs => self.operations.remove(&id),
            };
        }
        let limit = self.config().operations;
        if self.operations.len() >= limit {
            let message = format!("At most {limit} operations can run on one socket: complete one first.");
            let refusal = [coded(Code::RateLimited, message, None)];
            return self.write(self.protocol.answer(&id, Answer::Refused(&refusal))).await;
        }
        let begun = {
            let Endpoint { app, schema, .. } = self.endpoint.clone();
            let origin = self.origin.clone();
            async move {
                viewer::renew_rights(&app, &viewer)
                    .await
                    .map_err(|error| vec![async_graphql::Error::from(error).into_server_error(Default::default())])?;
                execute::subscribe(&app, &schema, viewer, origin, request).await
            }
        };
        let words = {
            let (protocol, id) = (self.protocol, id.clone());
            move |answer: Answer<'_>| protocol.answer(&id, answer)
        };
        let (operation, mut queue) = operation::start(begun, words, self.patience());
        self.started += 1;
        let number = self.started;
        self.operations.insert(id.clone(), Numbered { number, _operation: operation });
        let said = move |written| Said { id: id.clone(), number, written };
        self.answers.push(stream::poll_fn(move |context| queue.poll_recv(context)).map(said).boxed());
        Ok(())
    }

    /// Stops an operation, unless it has ended by itself in the meantime.
    async fn stop(&mut self, id: &str) -> Result<(), End> {
        match (self.operations.remove(id), self.protocol) {
            (Some(_), Protocol::SubscriptionsTransportWs) => {
                self.write(self.protocol.answer(id, Answer::Complete)).await
            }
            (Some(_), Protocol::GraphqlTransportWs) | (None, _) => Ok(()),
        }
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

/// axum does not show tungstenite's error, which says it in words.
fn is_too_big(error: &axum::Error) -> bool {
    error.to_string().starts_with("Space limit exceeded")
}
