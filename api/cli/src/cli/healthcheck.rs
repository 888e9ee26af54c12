//! `tiffin healthcheck`: a container asks its own server, without another program in the image.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use clap::Args;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use tiffin::config::Config;

/// Longer than the server itself takes to give up on a part.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, Args)]
pub struct HealthcheckOptions {
    /// What to ask for: /health/ready, or /health/live.
    #[arg(long, default_value = "/health/ready")]
    path: String,
}

/// An error unless the server answers 200.
pub async fn run(options: HealthcheckOptions, config: Config) -> anyhow::Result<()> {
    let address = reachable(config.listen);
    let answer = tokio::time::timeout(PATIENCE, get(address, &options.path))
        .await
        .with_context(|| format!("no answer from {address} within {} s", PATIENCE.as_secs()))?
        .with_context(|| format!("no answer from {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    anyhow::ensure!(status.starts_with("HTTP/1.1 200"), "{address} says {status}: {body}");
    println!("{body}");
    Ok(())
}

/// A server on all addresses is asked on the loopback one.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address
}

async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.take(64 * 1024).read_to_string(&mut answer).await?;
    Ok(answer)
}
