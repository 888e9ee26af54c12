//! A line to a server that can be cut.

use std::net::SocketAddr;

use reqwest::Url;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Stands between a server under test and its database or Redis. It lives as long as the test's runtime.
pub struct Proxy {
    url: Url,
    whole: watch::Sender<bool>,
}

impl Proxy {
    /// A proxy of the server at this URL.
    pub async fn to(url: &str) -> Self {
        let mut url: Url = url.parse().expect("a server has a URL");
        let default = if url.scheme().starts_with("redis") { 6379 } else { 5432 };
        let target = (url.host_str().expect("a URL has a host").to_owned(), url.port().unwrap_or(default));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address: SocketAddr = listener.local_addr().expect("the listener is bound");
        url.set_host(Some("127.0.0.1")).expect("the URL takes a host");
        url.set_port(Some(address.port())).expect("the URL takes a port");
        let (whole, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target.clone(), state.clone()));
            }
        });
        Proxy { url, whole }
    }

    /// The server's URL by way of this proxy.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Ends all connections, and each new one at once.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn forward(mut client: TcpStream, target: (String, u16), mut whole: watch::Receiver<bool>) {
    if !*whole.borrow_and_update() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        // How a connection ends is for its two ends to know.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
