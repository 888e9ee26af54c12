//! Addresses as people write them: a name is looked up, and an address alone is a network of one.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};

/// An address to listen on: `127.0.0.1:8000`, `[::]:8000` or `localhost:8000`. The error is one sentence.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let no_address = || format!("{text:?} is no address such as 127.0.0.1:8000, [::]:8000 or localhost:8000");
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(no_address)?;
    let port: u16 = port.parse().map_err(|_| no_address())?;
    if host.is_empty() || host.contains([':', '/']) {
        return Err(no_address());
    }
    let found = (host, port).to_socket_addrs().map_err(|error| format!("{text:?}: no address of {host:?}: {error}"))?;
    let found: Vec<_> = found.collect();
    // Where a name has both, most of those who connect to it by number mean 127.0.0.1.
    let preferred = found.iter().find(|address| address.is_ipv4()).or(found.first());
    preferred.copied().ok_or_else(|| format!("{text:?}: {host:?} has no address"))
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| format!("{text:?} is no network such as 10.0.0.0/8, and no address such as 10.0.0.1"))
}

pub(super) fn listening<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    listen_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub(super) fn listening_if_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| listen_address(&text)).transpose().map_err(D::Error::custom)
}

pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| network(text)).collect::<Result<_, _>>().map_err(D::Error::custom)
}
