//! GraphQL over websockets, by two protocols: the one that all present clients speak, and the one before it.

mod connection;
mod end;
mod graphql_transport_ws;
mod protocol;
mod subscriptions_transport_ws;

use axum::{
    extract::WebSocketUpgrade,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};

use super::graphql::{Endpoint, refuse};
use crate::{config::HttpConfig, graphql::error::Code, viewer::Origin};
use connection::Handshake;
use protocol::Protocol;

/// tungstenite keeps it for as long as the socket lives, 128 KiB by default: this is what ten thousand idle sockets can afford. What is
/// longer is read in several parts.
const READ_BUFFER_BYTES: usize = 512;
/// Messages that wait together are written together up to about this. A socket keeps no more of it than it once had to say.
const WRITTEN_TOGETHER_BYTES: usize = 8 * 1024;
/// More than any answer within the limits of complexity: what is larger ends the socket.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Answers a handshake, and serves the socket.
pub(super) fn open(endpoint: Endpoint, upgrade: WebSocketUpgrade, headers: HeaderMap, origin: Origin) -> Response {
    if !is_welcome(&endpoint.app.config.http, &headers) {
        let message = "Pages of this origin may not open a websocket here.";
        return refuse(StatusCode::FORBIDDEN, Code::Forbidden, message);
    }
    let limits = &endpoint.app.config.websocket;
    let upgrade = upgrade
        .protocols(Protocol::ALL.map(Protocol::name))
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITTEN_TOGETHER_BYTES)
        .max_write_buffer_size(MAX_ANSWER_BYTES)
        .max_message_size(limits.message_bytes)
        .max_frame_size(limits.message_bytes);
    let protocol = upgrade.selected_protocol().and_then(|name| Protocol::named(name.as_bytes()));
    let Some(protocol) = protocol else {
        // Browsers show no page what a refused handshake says, but the code of a close.
        return upgrade.on_upgrade(|socket| end::NO_PROTOCOL.tell(socket));
    };
    let admission = match endpoint.connections.admit(&origin, protocol.transport()) {
        Ok(admission) => admission,
        Err(full) => return full.response(),
    };
    let shutdown = endpoint.shutdown.clone();
    let handshake = Box::new(Handshake { endpoint, admission, protocol, headers, origin });
    upgrade.on_upgrade(move |socket| shutdown.track(connection::serve(handshake, socket)))
}

/// Whether the page that opens the socket may: browsers ask nobody before they open one, and only say where the page is from.
fn is_welcome(config: &HttpConfig, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let own = origin.split_once("://").map(|(_, authority)| authority);
    config.any_origin_allowed()
        || config.allowed_origins.iter().any(|allowed| allowed == origin)
        || (own.is_some() && own == text(header::HOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    #[test]
    fn pages_of_other_origins_are_refused_unless_allowed() {
        let production = Config::defaults(Environment::Production, false).http;
        let welcome = |allowed: &[&str], origin: Option<&'static str>| {
            let allowed_origins = allowed.iter().map(ToString::to_string).collect();
            let mut headers = HeaderMap::from_iter([(header::HOST, "api.example:8000".parse().unwrap())]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_welcome(&HttpConfig { allowed_origins, ..production.clone() }, &headers)
        };
        assert!(welcome(&[], None));
        assert!(welcome(&[], Some("http://api.example:8000")));
        assert!(!welcome(&[], Some("http://api.example")));
        assert!(!welcome(&[], Some("https://elsewhere.example")));
        assert!(!welcome(&[], Some("null")));
        assert!(welcome(&["https://app.example"], Some("https://app.example")));
        assert!(!welcome(&["https://app.example"], Some("https://app.example.evil.example")));
        assert!(welcome(&["*"], Some("https://elsewhere.example")));
    }
}
