//! What live updates cost: sockets that follow orders, and steps of these orders, each taken when everybody has been told of the last.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{ClientRequestBuilder, Message, http::Uri},
};

use crate::{
    client::{Client, Load},
    requests::{Ask, Live},
};

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long followers are left alone before the first step: what they are told then, if anything, is the present.
const PRESENT: Duration = Duration::from_millis(1_500);

/// An order, and those who follow it.
struct Topic {
    ask: Ask,
    live: Live,
    order: Value,
    followers: usize,
    told: Arc<Told>,
    /// How many steps it has taken.
    taken: Mutex<usize>,
}

/// What the followers of an order have been told.
struct Told {
    messages: watch::Sender<usize>,
    state: Mutex<State>,
}

struct State {
    since: Instant,
    delays: Vec<Duration>,
    bytes: usize,
    last: String,
}

/// Orders that are followed, as long as this is there.
pub struct Followed {
    topics: Vec<Topic>,
    address: SocketAddr,
    _sockets: JoinSet<anyhow::Result<()>>,
}

impl Followed {
    /// Makes so many orders and lets so many sockets follow them.
    pub async fn start(address: SocketAddr, asks: &[Ask], orders: usize, followers: usize) -> anyhow::Result<Self> {
        let mut client = Client::connect(address).await?;
        let mut topics = Vec::with_capacity(orders);
        ensure!(asks.len() >= orders, "there are variables for {} of {orders} orders", asks.len());
        for ask in &asks[..orders] {
            let live = ask.live.clone().context("nobody knows how to follow this")?;
            let order = client.make(ask).await?;
            let state = State { since: Instant::now(), delays: Vec::new(), bytes: 0, last: String::new() };
            let told = Arc::new(Told { messages: watch::Sender::new(0), state: Mutex::new(state) });
            let followers = followers / orders;
            topics.push(Topic { ask: ask.clone(), live, order, followers, told, taken: Mutex::new(0) });
        }
        let mut sockets = JoinSet::new();
        for topic in &topics {
            for _ in 0..topic.followers {
                let socket = open(address, topic).await?;
                sockets.spawn(follow(socket, topic.told.clone()));
            }
        }
        sleep(PRESENT).await;
        for topic in &topics {
            topic.told.messages.send_replace(0);
            topic.told.state().delays.clear();
        }
        Ok(Followed { topics, address, _sockets: sockets })
    }

    /// Lets the orders take steps for so long, several orders at the same time; a request of the load is a message.
    pub async fn load(&self, connections: usize, time: Duration) -> anyhow::Result<Load> {
        let began = Instant::now();
        let bytes_before = self.bytes();
        let connections = connections.min(self.topics.len());
        try_join_all((0..connections).map(async |number| {
            let mut client = Client::connect(self.address).await?;
            let own = self.topics.iter().skip(number).step_by(connections);
            for topic in own.cycle() {
                // Until the order is where it was, for its driver is to be free again.
                for _ in &topic.live.steps {
                    topic.step(&mut client).await?;
                }
                if began.elapsed() >= time {
                    break;
                }
            }
            anyhow::Ok(())
        }))
        .await?;
        let mut load = Load { seconds: began.elapsed().as_secs_f64(), ..Load::default() };
        for topic in &self.topics {
            load.latencies.append(&mut topic.told.state().delays);
        }
        load.requests = load.latencies.len();
        load.bytes = self.bytes() - bytes_before;
        load.latencies.sort_unstable();
        Ok(load)
    }

    fn bytes(&self) -> usize {
        self.topics.iter().map(|topic| topic.told.state().bytes).sum()
    }

    /// The data of the messages about one order's next steps, until it is where it was.
    pub async fn messages(&self) -> anyhow::Result<Vec<Value>> {
        let topic = self.topics.first().context("there is an order")?;
        let mut client = Client::connect(self.address).await?;
        let mut messages = Vec::new();
        for _ in &topic.live.steps {
            topic.step(&mut client).await?;
            let message: Value = serde_json::from_str(&topic.told.state().last)?;
            messages.push(message["payload"].clone());
        }
        Ok(messages)
    }
}

impl Topic {
    /// Takes the next step, and waits until everybody knows.
    async fn step(&self, client: &mut Client) -> anyhow::Result<()> {
        let taken = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            *taken += 1;
            *taken
        };
        let step = &self.live.steps[(taken - 1) % self.live.steps.len()];
        self.told.state().since = Instant::now();
        client.success(&self.ask, step.body(&self.order)).await?;
        let mut messages = self.told.messages.subscribe();
        let reached = timeout(PATIENCE, messages.wait_for(|messages| *messages >= taken * self.followers)).await;
        ensure!(reached.is_ok(), "of step {taken} not everybody was told");
        Ok(())
    }
}

impl Told {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(address: SocketAddr, topic: &Topic) -> anyhow::Result<Socket> {
    let uri: Uri = format!("ws://{address}/graphql").parse()?;
    let (mut socket, _) =
        connect_async(ClientRequestBuilder::new(uri).with_sub_protocol("graphql-transport-ws")).await?;
    let payload = topic.ask.token.as_deref().map_or(json!({}), |token| json!({"authorization": token}));
    socket.send(Message::text(json!({"type": "connection_init", "payload": payload}).to_string())).await?;
    let acknowledgement = socket.next().await.context("the socket is acknowledged")??;
    ensure!(acknowledgement.to_text()?.contains("connection_ack"), "{acknowledgement}");
    let subscription = json!({"type": "subscribe", "id": "1", "payload": topic.live.follow.payload(&topic.order)});
    socket.send(Message::text(subscription.to_string())).await?;
    Ok(socket)
}

/// Counts what comes.
async fn follow(mut socket: Socket, told: Arc<Told>) -> anyhow::Result<()> {
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        if text.contains("\"type\":\"ping\"") {
            socket.send(Message::text("{\"type\":\"pong\"}")).await?;
        } else if text.contains("\"type\":\"next\"") && !text.contains("\"errors\":") {
            let mut state = told.state();
            let delay = state.since.elapsed();
            state.delays.push(delay);
            state.bytes += text.len();
            state.last = text.as_str().to_owned();
            drop(state);
            told.messages.send_modify(|messages| *messages += 1);
        } else if !text.contains("\"type\":\"pong\"") {
            eprintln!("a follower was told {text}");
            bail!("{text}");
        }
    }
    Ok(())
}
