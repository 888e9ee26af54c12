//! A client of subscriptions over websockets (graphql-transport-ws).

use std::{fmt, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{ClientRequestBuilder, Message, http::Uri},
};

use crate::{Answer, PATIENCE};

/// What a subscription begins with.
#[derive(Clone, Debug)]
pub enum First {
    /// An event, or a refusal.
    Answer(Answer),
    /// It is over at once.
    End,
    /// Nothing came.
    Nothing,
}

/// How a connection ended that was to go on.
#[derive(Debug)]
pub struct Interruption {
    /// What the server closed it with; none where it broke.
    pub close_code: Option<u16>,
    problem: String,
}

impl Interruption {
    fn broken(problem: impl Into<String>) -> Self {
        Interruption { close_code: None, problem: problem.into() }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem)
    }
}

/// A subscription on a websocket of its own. Dropped, the connection is cut.
pub struct EventStream {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl EventStream {
    /// Connects, sends `init` as the payload of `connection_init`, waits for the acknowledgement and subscribes.
    pub(crate) async fn open(url: &str, init: Value, operation: Value) -> Self {
        let opened = tokio::time::timeout(PATIENCE, EventStream::try_open(url, init, operation)).await;
        let opened = opened.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}"));
        opened.unwrap_or_else(|interruption| panic!("{interruption}"))
    }

    /// The same where the connection may break.
    pub(crate) async fn try_open(url: &str, init: Value, operation: Value) -> Result<Self, Interruption> {
        let uri: Uri = url.parse().expect("the server's address is a URL");
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("graphql-transport-ws");
        let (socket, _) = connect_async(request)
            .await
            .map_err(|error| Interruption::broken(format!("no websocket at {url}: {error}")))?;
        let mut stream = EventStream { socket };
        stream.send(json!({"type": "connection_init", "payload": init})).await?;
        let acknowledgement = stream.next_message().await?;
        assert_eq!(acknowledgement["type"], "connection_ack", "{acknowledgement}");
        stream.send(json!({"type": "subscribe", "id": "1", "payload": operation})).await?;
        Ok(stream)
    }

    /// What comes next where the connection may break, and however long it takes: an event or a refusal, or nothing after the end.
    pub async fn try_next_event(&mut self) -> Result<Option<Answer>, Interruption> {
        let message = self.next_message().await?;
        match message["type"].as_str() {
            Some("next") => Ok(Some(Answer::of_socket(message["payload"].clone()))),
            Some("error") => Ok(Some(Answer::of_socket(json!({"errors": message["payload"]})))),
            Some("complete") => Ok(None),
            _ => panic!("expected an event, a refusal or the end, got {message:#}"),
        }
    }

    /// The next event.
    pub async fn next_event(&mut self) -> Answer {
        let message = self.message().await;
        assert_eq!(message["type"], "next", "expected an event, got {message:#}");
        Answer::of_socket(message["payload"].clone())
    }

    /// The next events, as many as are wanted.
    pub async fn next_events(&mut self, count: usize) -> Vec<Answer> {
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            events.push(self.next_event().await);
        }
        events
    }

    /// All events up to the end, which the server must bring about.
    pub async fn until_complete(mut self) -> Vec<Answer> {
        let mut events = Vec::new();
        loop {
            let message = self.message().await;
            match message["type"].as_str() {
                Some("next") => events.push(Answer::of_socket(message["payload"].clone())),
                Some("complete") => return events,
                _ => panic!("expected an event or the end, got {message:#}"),
            }
        }
    }

    /// The server must end the subscription now, with no further event.
    pub async fn expect_complete(mut self) {
        let message = self.message().await;
        assert_eq!(message["type"], "complete", "expected the end, got {message:#}");
    }

    /// The server must close the socket now, with this code and no further event.
    pub async fn expect_close(mut self, code: u16) {
        assert_eq!(self.next_event_or_close().await.expect_err("expected a close, got an event"), code);
    }

    /// The next event, or the code with which the server closes the socket.
    pub async fn next_event_or_close(&mut self) -> Result<Answer, u16> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match next.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}")) {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("a message is JSON");
                    assert_eq!(message["type"], "next", "expected an event, got {message:#}");
                    return Ok(Answer::of_socket(message["payload"].clone()));
                }
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                other => panic!("expected an event or a close, got {other:?}"),
            }
        }
    }

    /// What comes first, an event or a refusal before any. Errors of a field, such as NOT_FOUND, are an event; those of the document
    /// are a refusal.
    pub async fn first_answer(mut self) -> Answer {
        let message = self.message().await;
        match message["type"].as_str() {
            Some("next") => Answer::of_socket(message["payload"].clone()),
            Some("error") => Answer::of_socket(json!({"errors": message["payload"]})),
            _ => panic!("expected an event or a refusal, got {message:#}"),
        }
    }

    /// What comes first within so long.
    pub async fn first_within(mut self, duration: Duration) -> First {
        let Ok(message) = tokio::time::timeout(duration, self.next_message()).await else { return First::Nothing };
        let message = message.unwrap_or_else(|interruption| panic!("{interruption}"));
        match message["type"].as_str() {
            Some("next") => First::Answer(Answer::of_socket(message["payload"].clone())),
            Some("error") => First::Answer(Answer::of_socket(json!({"errors": message["payload"]}))),
            _ => First::End,
        }
    }

    /// The server must refuse the subscription. What it says is given as an answer without data.
    pub async fn expect_refusal(mut self) -> Answer {
        let message = self.message().await;
        assert_eq!(message["type"], "error", "expected a refusal, got {message:#}");
        Answer::of_socket(json!({"errors": message["payload"]}))
    }

    /// Nothing may come for so long. Proves little and costs time: prefer an event that must come next.
    pub async fn expect_silence(&mut self, duration: Duration) {
        if let Ok(message) = tokio::time::timeout(duration, self.next_message()).await {
            panic!("expected silence, got {message:#?}");
        }
    }

    async fn send(&mut self, message: Value) -> Result<(), Interruption> {
        let sent = self.socket.send(Message::text(message.to_string())).await;
        sent.map_err(|error| Interruption::broken(format!("the socket takes no message: {error}")))
    }

    async fn message(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.next_message()).await;
        let next = next.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}"));
        next.unwrap_or_else(|interruption| panic!("{interruption}"))
    }

    /// The next message of the protocol; pings are answered on the way.
    async fn next_message(&mut self) -> Result<Value, Interruption> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("a message is JSON");
                    if message["type"] != "ping" {
                        return Ok(message);
                    }
                    self.send(json!({"type": "pong"})).await?;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    let problem = format!("the server closed the socket: {frame:?}");
                    return Err(Interruption { close_code: frame.map(|frame| frame.code.into()), problem });
                }
                Some(Ok(other)) => panic!("expected text, got {other:?}"),
                Some(Err(error)) => return Err(Interruption::broken(format!("the socket broke: {error}"))),
                None => return Err(Interruption::broken("the socket ended")),
            }
        }
    }
}
