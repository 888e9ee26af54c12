//! The client's address behind proxies (`X-Forwarded-For`, `Forwarded`): the one place that decides which proxies to believe.
//!
//! A client can write any header. So only what proxies that are configured have added is believed, read from the end to which each
//! adds: the first address from there that is no such proxy's is the client's.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

use axum::http::{HeaderMap, HeaderName, header};

use crate::{
    config::{ForwardedHeader, HttpConfig},
    domain::viewer::Origin,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Of what a client says it is, the characters that are kept.
const USER_AGENT_CHARACTERS: usize = 255;

/// The origin of a request that `peer` has sent over its connection.
pub(super) fn of(peer: SocketAddr, headers: &HeaderMap, config: &HttpConfig) -> Origin {
    let user_agent = headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(USER_AGENT_CHARACTERS).collect());
    Origin { address: address(peer.ip().to_canonical(), headers, config), user_agent }
}

fn address(peer: IpAddr, headers: &HeaderMap, config: &HttpConfig) -> IpAddr {
    let is_trusted = |address: &IpAddr| config.trusted_proxies.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        say_once_that_nobody_is_trusted(headers, config);
        return peer;
    }
    let name = match config.forwarded_header {
        ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
        ForwardedHeader::Forwarded => header::FORWARDED,
    };
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    let mut nearest = peer;
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let entry = match config.forwarded_header {
            ForwardedHeader::XForwardedFor => Some(entry),
            ForwardedHeader::Forwarded => forwarded_for(entry),
        };
        // Whoever wrote what is no address is the last who is known.
        let Some(address) = entry.and_then(parse) else { break };
        nearest = address;
        if !is_trusted(&nearest) {
            break;
        }
    }
    nearest
}

/// The value of `for` in an element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(node.trim().trim_matches('"'))
}

/// An address with or without a port, that of IPv6 with or without brackets.
fn parse(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let bare = || node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node).parse().ok();
    let address = node.parse::<SocketAddr>().ok().map(|address| address.ip()).or_else(bare);
    address.map(|address| address.to_canonical())
}

/// Behind a proxy that is not trusted, everybody seems to have its address, and shares the limits of one.
fn say_once_that_nobody_is_trusted(headers: &HeaderMap, config: &HttpConfig) {
    static SAID: Once = Once::new();
    let is_forwarded = || headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
    if config.trusted_proxies.is_empty() && is_forwarded() {
        SAID.call_once(|| {
            tracing::warn!("requests come with a header of proxies, and none is trusted: see http.trusted_proxies");
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    fn origin(forwarded_header: ForwardedHeader, peer: &str, lines: &[(&'static str, &'static str)]) -> Origin {
        let mut config = Config::defaults(Environment::Production, false).http;
        config.forwarded_header = forwarded_header;
        config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("valid"), "fd00::/8".parse().expect("valid")];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("valid"));
        }
        of(peer.parse().expect("valid"), &headers, &config)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let address = |peer: &str, lines: &[&'static str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            origin(ForwardedHeader::XForwardedFor, peer, &lines).address.to_string()
        };
        let cases: &[(&str, &[&'static str], &str)] = &[
            ("198.51.100.7:1", &[], "198.51.100.7"),
            ("198.51.100.7:1", &["203.0.113.9"], "198.51.100.7"),
            ("10.0.0.1:1", &[], "10.0.0.1"),
            ("10.0.0.1:1", &["203.0.113.9"], "203.0.113.9"),
            ("[::ffff:10.0.0.1]:1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1:1", &["192.0.2.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1:1", &["192.0.2.1, 203.0.113.9,10.0.0.2 ,10.0.0.3"], "203.0.113.9"),
            ("10.0.0.1:1", &["192.0.2.1", "203.0.113.9", "10.0.0.3"], "203.0.113.9"),
            ("10.0.0.1:1", &["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
            ("10.0.0.1:1", &["203.0.113.9, unknown, 10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1:1", &["203.0.113.9, "], "10.0.0.1"),
            ("10.0.0.1:1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("[fd00::1]:1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("[fd00::1]:1", &["2001:db8::1"], "2001:db8::1"),
            ("[fd00::1]:1", &["::ffff:203.0.113.9"], "203.0.113.9"),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(address(peer, lines), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn only_the_configured_header_is_read() {
        let spoofed = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "203.0.113.9")];
        let address = |header, lines| origin(header, "10.0.0.1:1", lines).address.to_string();
        assert_eq!(address(ForwardedHeader::XForwardedFor, &spoofed), "203.0.113.9");
        assert_eq!(address(ForwardedHeader::Forwarded, &spoofed), "192.0.2.1");
        let standard = [("forwarded", "for=192.0.2.1, proto=https; For=\"[2001:db8::1]:4711\", for=10.0.0.3")];
        assert_eq!(address(ForwardedHeader::Forwarded, &standard), "2001:db8::1");
        assert_eq!(address(ForwardedHeader::Forwarded, &[("forwarded", "for=_hidden")]), "10.0.0.1");
    }

    #[test]
    fn a_user_agent_is_cut() {
        let long: &'static str = "Ünï".repeat(200).leak();
        let lines = [("user-agent", long)];
        let user_agent = origin(ForwardedHeader::Forwarded, "10.0.0.1:1", &lines).user_agent.expect("there is one");
        assert_eq!(user_agent.chars().count(), 255);
        assert_eq!(origin(ForwardedHeader::Forwarded, "10.0.0.1:1", &[]).user_agent, None);
    }
}
