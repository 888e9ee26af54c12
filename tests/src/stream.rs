//! Subscriptions over graphql-transport-ws.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{ClientRequestBuilder, Message, http::Uri},
};

use crate::Answer;

/// How long the next message may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// A subscription on a websocket of its own. Dropped, the connection is cut.
pub struct EventStream {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl EventStream {
    /// Connects, sends `init` as the payload of `connection_init`, waits for the acknowledgement and subscribes.
    pub(crate) async fn open(url: &str, init: Value, operation: Value) -> Self {
        let uri: Uri = url.parse().expect("the server's address is a URL");
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("graphql-transport-ws");
        let (socket, _) = connect_async(request).await.unwrap_or_else(|error| panic!("no websocket at {url}: {error}"));
        let mut stream = EventStream { socket };
        stream.send(json!({"type": "connection_init", "payload": init})).await;
        let acknowledgement = stream.message().await;
        assert_eq!(acknowledgement["type"], "connection_ack", "{acknowledgement}");
        stream.send(json!({"type": "subscribe", "id": "1", "payload": operation})).await;
        stream
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
        let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        match next.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}")) {
            Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), code, "{frame:?}"),
            other => panic!("expected the close code {code}, got {other:?}"),
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
            panic!("expected silence, got {message:#}");
        }
    }

    async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.expect("the socket takes a message");
    }

    async fn message(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.next_message()).await;
        next.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}"))
    }

    /// The next message of the protocol; pings are answered on the way.
    async fn next_message(&mut self) -> Value {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("a message is JSON");
                    if message["type"] != "ping" {
                        return message;
                    }
                    self.send(json!({"type": "pong"})).await;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    panic!("the server closed the socket: {frame:?}")
                }
                Some(Ok(other)) => panic!("expected text, got {other:?}"),
                Some(Err(error)) => panic!("the socket broke: {error}"),
                None => panic!("the socket ended"),
            }
        }
    }
}
