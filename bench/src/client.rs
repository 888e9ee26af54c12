//! A client over HTTP that costs little, and a load made of several: each sends its next request when it has the answer to the last.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::requests::Ask;

/// One connection, kept alive.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Client { sender, host: address.to_string() })
    }

    /// The body of the answer, whatever it says.
    pub async fn post(&mut self, path: &str, token: Option<&str>, body: Bytes) -> anyhow::Result<Bytes> {
        let mut request = Request::post(path).header(HOST, &self.host).header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        Ok(response.into_body().collect().await?.to_bytes())
    }

    /// The answer to a request, or to the last of those that belong together. An answer with errors is an error.
    pub async fn ask(&mut self, ask: &Ask) -> anyhow::Result<Bytes> {
        let mut answer = self.success(ask, ask.first.clone()).await?;
        if !ask.further.is_empty() {
            let order = first_id(&answer)?;
            for step in &ask.further {
                answer = self.success(ask, step.body(&order)).await?;
            }
        }
        Ok(answer)
    }

    /// The same, giving the id of what the first of them made.
    pub async fn make(&mut self, ask: &Ask) -> anyhow::Result<Value> {
        let answer = self.success(ask, ask.first.clone()).await?;
        let order = first_id(&answer)?;
        for step in &ask.further {
            self.success(ask, step.body(&order)).await?;
        }
        Ok(order)
    }

    /// The answer to one body, which has no errors.
    pub async fn success(&mut self, ask: &Ask, body: Bytes) -> anyhow::Result<Bytes> {
        let answer = self.post(&ask.path, ask.token.as_deref(), body).await?;
        if !answer.starts_with(b"{\"data\":") || memmem::find(&answer, b"\"errors\":").is_some() {
            bail!("{}", String::from_utf8_lossy(&answer).chars().take(2_000).collect::<String>());
        }
        Ok(answer)
    }
}

fn first_id(answer: &[u8]) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_slice(answer)?;
    first(&answer, "id").cloned().with_context(|| format!("there is no id in {answer}"))
}

/// The first value with this key, wherever it stands.
pub fn first<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(key).or_else(|| fields.values().find_map(|value| first(value, key))),
        Value::Array(list) => list.iter().find_map(|value| first(value, key)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct Load {
    pub seconds: f64,
    pub requests: usize,
    pub bytes: usize,
    /// Of every request, sorted.
    pub latencies: Vec<Duration>,
}

impl Load {
    /// The time within which this part of all answers came.
    pub fn percentile(&self, part: f64) -> Duration {
        let place = (self.latencies.len() as f64 * part) as usize;
        self.latencies.get(place.min(self.latencies.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Sends requests by so many connections at once for so long. The number-th connection sends every so many-th request, over and over.
pub async fn load(address: SocketAddr, asks: &[Ask], connections: usize, time: Duration) -> anyhow::Result<Load> {
    let began = Instant::now();
    let loads = try_join_all((0..connections).map(async |number| {
        let mut client = Client::connect(address).await?;
        let mut load = Load::default();
        let own = asks.iter().skip(number % asks.len()).step_by(connections);
        for ask in own.cycle() {
            let sent = Instant::now();
            load.bytes += client.ask(ask).await?.len();
            load.latencies.push(sent.elapsed());
            if began.elapsed() >= time {
                break;
            }
        }
        anyhow::Ok(load)
    }));
    let loads = loads.await?;
    let mut load = Load { seconds: began.elapsed().as_secs_f64(), ..Load::default() };
    for mut part in loads {
        load.bytes += part.bytes;
        load.latencies.append(&mut part.latencies);
    }
    load.requests = load.latencies.len();
    load.latencies.sort_unstable();
    Ok(load)
}
