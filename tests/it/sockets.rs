//! A bare websocket client: the test sends and reads each message itself.

use entity::sea_orm_active_enums::OrderStatus;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tiffin_tests::{City, PATIENCE, Person, Server};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{ClientRequestBuilder, Message, http::Uri},
};

/// The protocol that present clients speak, and the one before it.
pub const NEWER: &str = "graphql-transport-ws";
pub const OLDER: &str = "graphql-ws";

pub const WATCH: &str = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status } }";
pub const CANCEL: &str = "mutation($id: ID!) { cancelOrder(input: {orderId: $id}) { order { status } } }";

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn open(server: &Server, protocol: &str) -> Self {
        Self::shake_hands(handshake(server).with_sub_protocol(protocol)).await
    }

    pub async fn shake_hands(request: ClientRequestBuilder) -> Self {
        match connect_async(request).await {
            Ok((socket, _)) => Self(socket),
            Err(error) => panic!("no websocket: {error}"),
        }
    }

    /// A socket that the server has acknowledged as this person's.
    pub async fn of(person: &Person, server: &Server, protocol: &str) -> Self {
        Self::open(server, protocol).await.acknowledged(person, protocol).await
    }

    /// The same, of a client whose system takes little that it has not read.
    pub async fn with_little_room(person: &Person, server: &Server) -> Self {
        let stream = MaybeTlsStream::Plain(connect_with_little_room(server).await);
        let request = handshake(server).with_sub_protocol(NEWER);
        let (socket, _) = client_async(request, stream).await.unwrap_or_else(|error| panic!("no websocket: {error}"));
        Self(socket).acknowledged(person, NEWER).await
    }

    async fn acknowledged(self, person: &Person, protocol: &str) -> Self {
        let mut socket = self;
        socket.say(json!({ "type": "connection_init", "payload": person.connection_init() })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        if protocol == OLDER {
            assert_eq!(socket.hear().await, json!({ "type": "ka" }));
        }
        socket
    }

    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("the socket takes a message");
    }

    /// Starts an operation by the newer protocol.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// Starts an operation by the older protocol.
    pub async fn start(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "type": "start", "id": id, "payload": payload })).await;
    }

    pub async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
        let message = next.expect("something comes in time").expect("the socket is open");
        message.expect("the socket works")
    }

    /// The next message; pings of the websocket are passed over.
    pub async fn hear(&mut self) -> Value {
        loop {
            match self.next().await {
                Message::Text(text) => return serde_json::from_str(&text).expect("a message is JSON"),
                Message::Ping(_) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// Nothing else may come before the answer to a ping of the newer protocol, and that is all that is waited for.
    pub async fn expect_nothing(&mut self) {
        self.say(json!({ "type": "ping", "payload": { "now": 1 } })).await;
        assert_eq!(self.hear().await, json!({ "type": "pong", "payload": { "now": 1 } }));
    }

    /// The other end has answered a close, and has closed the connection after it.
    pub async fn expect_end(mut self) {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
        assert!(matches!(next, Ok(None)), "expected the end, got {next:?}");
    }

    pub async fn expect_close(mut self, code: u16, reason: &str) {
        match self.next().await {
            Message::Close(Some(frame)) => {
                assert_eq!((u16::from(frame.code), frame.reason.as_str()), (code, reason));
            }
            other => panic!("expected a close with {code}, got {other:?}"),
        }
    }
}

/// A connection of a client whose system takes little that it has not read.
pub async fn connect_with_little_room(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.set_recv_buffer_size(4096).expect("the system takes a size");
    socket.connect(server.address()).await.expect("the server listens")
}

pub fn handshake(server: &Server) -> ClientRequestBuilder {
    let uri: Uri = server.websocket_url().parse().expect("the server's address is a URL");
    ClientRequestBuilder::new(uri)
}

/// A customer, and an order of hers that can be watched.
pub async fn watched_order(city: &City) -> (Person, String) {
    let restaurant = city.restaurant().with_dishes(1).create().await;
    let ann = city.customer("Ann").await;
    let order = city.order(&ann, &restaurant).status(OrderStatus::Pending).create().await;
    (ann, order.id())
}
