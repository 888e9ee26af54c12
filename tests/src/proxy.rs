//! A TCP proxy that injects network faults: it can cut, freeze and redirect connections.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use reqwest::Url;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::Server;

/// Stands before a database or Redis under test, or before several servers. It lives as long as the test's runtime.
pub struct Proxy {
    url: Url,
    line: watch::Sender<Line>,
    round_trips: Arc<AtomicUsize>,
}

/// Where connections go.
#[derive(Clone)]
struct Line {
    is_whole: bool,
    /// Tried one after the other.
    targets: Vec<String>,
    /// How often all connections were ended.
    ends: usize,
    /// Whether traffic is frozen for now.
    is_frozen: bool,
    /// How often all connections went silent for good, as dead connections do.
    silences: usize,
}

impl Proxy {
    /// A proxy of the server at this URL.
    pub async fn to(url: &str) -> Self {
        let url: Url = url.parse().expect("a server has a URL");
        Self::start(&url, vec![target(&url)]).await
    }

    /// A proxy of these servers. Each connection goes to the first of them that takes it.
    pub async fn before(servers: &[&Server]) -> Self {
        Self::start(&"http://127.0.0.1".parse().expect("a URL"), addresses(servers)).await
    }

    async fn start(url: &Url, targets: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address: SocketAddr = listener.local_addr().expect("the listener is bound");
        let mut url = url.clone();
        url.set_host(Some("127.0.0.1")).expect("the URL takes a host");
        url.set_port(Some(address.port())).expect("the URL takes a port");
        let (line, state) = watch::channel(Line { is_whole: true, targets, ends: 0, is_frozen: false, silences: 0 });
        let round_trips = Arc::<AtomicUsize>::default();
        let counted = round_trips.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, state.clone(), counted.clone()));
            }
        });
        Proxy { url, line, round_trips }
    }

    /// The server's URL by way of this proxy.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// How often PostgreSQL has said that it is ready: once for all that it was sent and asked to answer together.
    pub fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// Ends all connections, and each new one at once.
    pub fn cut(&self) {
        self.line.send_modify(|line| {
            line.is_whole = false;
            line.ends += 1;
        });
    }

    /// Lets nothing through and tells nobody, on new connections too: a server that stands still (SIGSTOP).
    pub fn freeze(&self) {
        self.line.send_modify(|line| line.is_frozen = true);
    }

    /// Makes the present connections dead connections: nothing goes through any more, and nobody is told. New ones are let through, as to
    /// another host that has taken over the address of one that is gone.
    pub fn silence(&self) {
        self.line.send_modify(|line| line.silences += 1);
    }

    /// Lets connections through again, and what waited on those that were frozen.
    pub fn mend(&self) {
        self.line.send_modify(|line| {
            line.is_whole = true;
            line.is_frozen = false;
        });
    }

    /// Ends the present connections, and gives their number. New ones are let through.
    pub fn end_connections(&self) -> usize {
        // Each connection looks at the line, and so does the listener.
        let connections = self.line.receiver_count() - 1;
        self.line.send_modify(|line| line.ends += 1);
        connections
    }

    /// Sends new connections to these servers. Those that there are stay where they are.
    pub fn turn_to(&self, servers: &[&Server]) {
        self.line.send_modify(|line| line.targets = addresses(servers));
    }

    /// Sends new connections to whatever is at this URL.
    pub fn turn_to_url(&self, url: &str) {
        let target = target(&url.parse().expect("a server has a URL"));
        self.line.send_modify(|line| line.targets = vec![target]);
    }
}

fn target(url: &Url) -> String {
    let default = if url.scheme().starts_with("redis") { 6379 } else { 5432 };
    format!("{}:{}", url.host_str().expect("a URL has a host"), url.port().unwrap_or(default))
}

fn addresses(servers: &[&Server]) -> Vec<String> {
    servers.iter().map(|server| server.address().to_string()).collect()
}

async fn forward(mut client: TcpStream, mut line: watch::Receiver<Line>, round_trips: Arc<AtomicUsize>) {
    let Line { is_whole, targets, ends, silences, .. } = line.borrow_and_update().clone();
    if !is_whole {
        return;
    }
    let Some(mut server) = connect(&targets).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    let mut ready = ReadyCounter::default();
    let there = pass_on(from_client, to_server, line.clone(), silences, |_| {});
    let back = pass_on(from_server, to_client, line.clone(), silences, move |bytes| {
        round_trips.fetch_add(ready.count(bytes), Ordering::Relaxed);
    });
    tokio::select! {
        // How a connection ends is for its two ends to know.
        _ = async { tokio::try_join!(there, back) } => {}
        _ = line.wait_for(|line| line.ends > ends) => {}
    }
}

/// Passes everything on until there is no more, and says so.
async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: watch::Receiver<Line>,
    silences: usize,
    mut look_at: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut bytes).await?;
        let passes = line.wait_for(|line| line.silences == silences && !line.is_frozen).await.is_ok();
        if length == 0 || !passes {
            return to.shutdown().await;
        }
        look_at(&bytes[..length]);
        to.write_all(&bytes[..length]).await?;
    }
}

async fn connect(targets: &[String]) -> Option<TcpStream> {
    for target in targets {
        if let Ok(server) = TcpStream::connect(target).await {
            return Some(server);
        }
    }
    None
}

/// Counts PostgreSQL's messages that it is ready. What a row holds looks like one by a rare chance.
#[derive(Default)]
struct ReadyCounter {
    /// The end of the bytes before, where the beginning of such a message may be.
    last: Vec<u8>,
}

impl ReadyCounter {
    /// The type, and the length of what follows.
    const MESSAGE: &[u8] = b"Z\0\0\0\x05";

    fn count(&mut self, bytes: &[u8]) -> usize {
        self.last.extend_from_slice(bytes);
        let count = self.last.windows(Self::MESSAGE.len()).filter(|window| *window == Self::MESSAGE).count();
        let kept = self.last.len().min(Self::MESSAGE.len() - 1);
        self.last.drain(..self.last.len() - kept);
        count
    }
}
