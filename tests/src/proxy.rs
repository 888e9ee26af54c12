//! A line to a server that can be cut.

use std::net::SocketAddr;

use reqwest::Url;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Stands between a server under test and its database or Redis, or between people and a server. It lives as long as the test's
/// runtime.
pub struct Proxy {
    url: Url,
    line: watch::Sender<Line>,
}

#[derive(Clone)]
struct Line {
    target: (String, u16),
    whole: bool,
    /// How often all connections were ended.
    ends: usize,
}

impl Proxy {
    /// A proxy of the server at this URL.
    pub async fn to(url: &str) -> Self {
        let mut url: Url = url.parse().expect("a server has a URL");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address: SocketAddr = listener.local_addr().expect("the listener is bound");
        let (line, state) = watch::channel(Line { target: target(&url), whole: true, ends: 0 });
        url.set_host(Some("127.0.0.1")).expect("the URL takes a host");
        url.set_port(Some(address.port())).expect("the URL takes a port");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, state.clone()));
            }
        });
        Proxy { url, line }
    }

    /// The server's URL by way of this proxy.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Ends all connections, and each new one at once.
    pub fn cut(&self) {
        self.line.send_modify(|line| {
            line.whole = false;
            line.ends += 1;
        });
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.line.send_modify(|line| line.whole = true);
    }

    /// Lets connections through to the server at another URL.
    pub fn mend_towards(&self, url: &str) {
        let target = target(&url.parse().expect("a server has a URL"));
        self.line.send_modify(|line| (line.target, line.whole) = (target, true));
    }

    /// Ends the present connections, and gives their number. New ones are let through.
    pub fn end_connections(&self) -> usize {
        // Each connection looks at the line, and so does the listener.
        let connections = self.line.receiver_count() - 1;
        self.line.send_modify(|line| line.ends += 1);
        connections
    }
}

fn target(url: &Url) -> (String, u16) {
    let default = if url.scheme().starts_with("redis") { 6379 } else { 5432 };
    (url.host_str().expect("a URL has a host").to_owned(), url.port().unwrap_or(default))
}

async fn forward(mut client: TcpStream, mut line: watch::Receiver<Line>) {
    let Line { target, whole, ends } = line.borrow_and_update().clone();
    if !whole {
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        // How a connection ends is for its two ends to know.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = line.wait_for(|line| line.ends > ends) => {}
    }
}
