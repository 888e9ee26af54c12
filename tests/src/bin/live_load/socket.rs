//! A lean client of graphql-transport-ws, so that one process can open many.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{ClientRequestBuilder, Message, http::Uri, protocol::WebSocketConfig},
};

use super::Events;

/// Sockets from one source address: a port of the server has room for some 28,000.
const SOCKETS_AN_ADDRESS: usize = 5_000;
/// The kernel's room for what a stalled socket does not read, as small as it can be.
const STALLED_BUFFER: u32 = 2048;

/// What all followers have seen.
#[derive(Default)]
pub struct Tally {
    /// Those that were told the present.
    pub present: AtomicUsize,
    /// Messages with an event.
    pub delivered: AtomicUsize,
    /// Events that did not follow the one before.
    pub broken: AtomicUsize,
    /// Microseconds from when something happened to when it was there.
    delays: Mutex<Vec<u32>>,
}

impl Tally {
    fn count(&self, event: SeenEvent, last: SeenEvent) {
        let delay = (Utc::now() - event.at).num_microseconds().unwrap_or_default().max(0);
        self.delays.lock().unwrap_or_else(PoisonError::into_inner).push(delay as u32);
        self.broken.fetch_add(usize::from(!event.follows(last)), Ordering::Relaxed);
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub fn take_delays(&self) -> Vec<u32> {
        std::mem::take(&mut *self.delays.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What sockets are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Idle,
    Following,
    Over,
}

/// How a socket was when all was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketEnd {
    Open,
    Closed,
}

/// What one socket is to do.
pub struct SocketPlan {
    pub subscription: Value,
    pub events: Events,
    /// Whether it reads the present and no more.
    pub is_stalled: bool,
}

pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Connects as the number-th one, and is acknowledged.
    pub async fn open(server: SocketAddr, number: usize, is_stalled: bool, init: &Value) -> Self {
        let socket = TcpSocket::new_v4().expect("there are sockets left: raise the limit of open files");
        if is_stalled {
            socket.set_recv_buffer_size(STALLED_BUFFER).expect("a buffer has a size");
        }
        let address = u8::try_from(2 + number / SOCKETS_AN_ADDRESS).expect("there are not so many sockets");
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, address), 0))).expect("a port is free");
        let stream = socket.connect(server).await.expect("the server accepts a socket");
        let uri: Uri = format!("ws://{server}/graphql").parse().expect("an address is a URL");
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("graphql-transport-ws");
        let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
        let opened = client_async_with_config(request, stream, Some(config)).await;
        let mut socket = Socket(opened.expect("the server opens a websocket").0);
        socket.send(json!({"type": "connection_init", "payload": init})).await;
        let acknowledgement = socket.message().await.expect("the socket is acknowledged");
        assert!(acknowledgement.contains("connection_ack"), "{acknowledgement}");
        socket
    }

    /// Does what the phase wants, and subscribes when it is its turn.
    pub async fn follow(
        mut self,
        plan: SocketPlan,
        mut phases: watch::Receiver<Phase>,
        turns: Arc<Semaphore>,
        tally: Arc<Tally>,
    ) -> SocketEnd {
        // A client that does not read answers no ping.
        tokio::select! {
            _ = phases.wait_for(|phase| *phase == Phase::Following) => {}
            message = self.message() => panic!("nothing was asked for, but {message:?} came"),
        }
        let turn = turns.acquire().await.expect("turns go on");
        self.send(json!({"type": "subscribe", "id": "1", "payload": plan.subscription})).await;
        let message = self.message().await.expect("the present comes first");
        let mut last = SeenEvent::read(plan.events, &message).unwrap_or_else(|| panic!("this is no event: {message}"));
        drop(turn);
        tally.present.fetch_add(1, Ordering::Relaxed);
        loop {
            tokio::select! {
                _ = phases.wait_for(|phase| *phase == Phase::Over) => break,
                message = self.message(), if !plan.is_stalled => {
                    let Some(message) = message else { return SocketEnd::Closed };
                    let Some(event) = SeenEvent::read(plan.events, &message) else { continue };
                    tally.count(event, last);
                    last = event;
                }
            }
        }
        if self.is_closed() { SocketEnd::Closed } else { SocketEnd::Open }
    }

    /// Whether the connection has ended, by what is there to be read now.
    fn is_closed(&mut self) -> bool {
        loop {
            match self.0.next().now_or_never() {
                Some(None | Some(Err(_))) => return true,
                Some(Some(Ok(_))) => {}
                None => return false,
            }
        }
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("the socket takes a message");
    }

    /// The next text; nothing when the connection has ended.
    async fn message(&mut self) -> Option<String> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

/// A step of an order, or a place of its driver.
#[derive(Clone, Copy)]
struct SeenEvent {
    /// None for a place.
    sequence: Option<i64>,
    at: DateTime<Utc>,
}

impl SeenEvent {
    /// Reads only what is needed: there is a message for each socket and event.
    fn read(events: Events, message: &str) -> Option<Self> {
        let after = |name: &str| message.split_once(name).map(|(_, rest)| rest);
        let time = |name: &str| after(name)?.split('"').next()?.parse().ok();
        match events {
            Events::Steps => {
                let sequence = after("\"sequence\":")?.split([',', '}']).next()?.parse().ok()?;
                Some(SeenEvent { sequence: Some(sequence), at: time("\"at\":\"")? })
            }
            Events::Places => Some(SeenEvent { sequence: None, at: time("\"recordedAt\":\"")? }),
        }
    }

    /// Whether it is the next step, or a later place.
    fn follows(self, last: Self) -> bool {
        match (self.sequence, last.sequence) {
            (Some(sequence), Some(last)) => sequence == last + 1,
            _ => self.at > last.at,
        }
    }
}
