//! GraphQL over websockets, by two protocols: the one that all present clients speak, and the one before it.

mod end;
mod graphql_transport_ws;
mod handshake;
mod message;
mod protocol;
mod socket_connection;
mod subscriptions_transport_ws;

use axum::{
    http::{StatusCode, header, request::Parts, uri::Authority},
    response::Response,
};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::{
    config::HttpConfig,
    domain::{error::Code, viewer::Origin},
    http::{answer::refuse, endpoint::Endpoint, server::UnderWay},
};
use handshake::Handshake;
pub use handshake::is_asked_for;
use protocol::Protocol;
use socket_connection::Beginning;

/// tungstenite keeps it for as long as the socket lives, 128 KiB by default: this is what ten thousand idle sockets can afford. What is
/// longer is read in several parts.
const READ_BUFFER_BYTES: usize = 512;
/// Messages that wait together are written together up to about this. A socket keeps no more of it than it once had to say.
const WRITTEN_TOGETHER_BYTES: usize = 8 * 1024;
/// More than any answer within the limits of complexity: what is larger ends the socket.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Answers a handshake, and serves the socket.
pub fn open(endpoint: Endpoint, mut parts: Parts, origin: Origin) -> Response {
    let Some(handshake) = Handshake::read(&mut parts) else {
        let message = "This is no websocket handshake that the server understands.";
        return refuse(StatusCode::BAD_REQUEST, Code::BadUserInput, message);
    };
    if !is_welcome(&endpoint.app.config.http, &parts) {
        let message = "Pages of this origin may not open a websocket here.";
        return refuse(StatusCode::FORBIDDEN, Code::Forbidden, message);
    }
    let limits = &endpoint.app.config.websocket;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITTEN_TOGETHER_BYTES)
        .max_write_buffer_size(MAX_ANSWER_BYTES)
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes));
    let Some(protocol) = Protocol::liked_best(&parts.headers) else {
        // Browsers show no page what a refused handshake says, but the code of a close.
        return handshake.answer(None, config, |socket| end::NO_PROTOCOL.tell(socket));
    };
    let admission = match endpoint.connections.admit(&origin, protocol.transport()) {
        Ok(admission) => admission,
        Err(full) => return full.response(),
    };
    let shutdown = endpoint.shutdown.clone();
    let under_way = parts.extensions.remove::<UnderWay>();
    let beginning = Box::new(Beginning { endpoint, admission, protocol, headers: parts.headers, origin, under_way });
    handshake.answer(Some(protocol), config, move |socket| shutdown.track(socket_connection::serve(beginning, socket)))
}

/// Whether the page that opens the socket may: browsers ask nobody before they open one, and only say where the page is from.
fn is_welcome(config: &HttpConfig, parts: &Parts) -> bool {
    let Some(origin) = parts.headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let theirs = origin.split_once("://").map(|(_, authority)| authority);
    // HTTP/2 says it in the address.
    let host = || parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let ours = parts.uri.authority().map(Authority::as_str).or_else(host);
    config.any_origin_allowed()
        || config.allowed_origins.iter().any(|allowed| allowed == origin)
        || (theirs.is_some() && theirs == ours)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::config::{Config, Environment};

    #[test]
    fn pages_of_other_origins_are_refused_unless_allowed() {
        let production = Config::defaults(Environment::Production, false).http;
        let welcome = |allowed: &[&str], origin: Option<&'static str>| {
            let allowed_origins = allowed.iter().map(ToString::to_string).collect();
            let config = HttpConfig { allowed_origins, ..production.clone() };
            let over_http_1 = Request::get("/graphql").header(header::HOST, "api.example:8000");
            let over_http_2 = Request::connect("http://api.example:8000/graphql");
            let [one, two] = [over_http_1, over_http_2].map(|request| {
                let request = match origin {
                    Some(origin) => request.header(header::ORIGIN, origin),
                    None => request,
                };
                is_welcome(&config, &request.body(()).unwrap().into_parts().0)
            });
            assert_eq!(one, two, "{origin:?}");
            one
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
