//! How a request becomes a websocket: over HTTP/1.1 (RFC 6455), or as a stream of HTTP/2 (RFC 8441).
//!
//! axum does this too, and keeps the connection below to itself, which has to be closed in order.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, StatusCode, Version, header, request::Parts},
    response::Response,
};
use hyper::{
    ext,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::protocol::Protocol;

/// A websocket on its connection, or on its stream of one.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A handshake that can be answered.
pub struct Handshake {
    upgraded: OnUpgrade,
    /// What shows over HTTP/1.1 that it was understood.
    accept: Option<HeaderValue>,
}

/// Whether the request is for a websocket.
pub fn is_asked_for(parts: &Parts) -> bool {
    names(parts, header::UPGRADE, "websocket") || is_stream(parts)
}

/// Whether it is for a websocket on a stream of HTTP/2.
fn is_stream(parts: &Parts) -> bool {
    parts.method == Method::CONNECT
        && parts.extensions.get::<ext::Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// Whether a list in a header names this, in either case.
fn names(parts: &Parts, header: HeaderName, name: &str) -> bool {
    let lines = parts.headers.get_all(header).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|one| one.trim().eq_ignore_ascii_case(name))
}

impl Handshake {
    /// None where it is not by the letter.
    pub fn read(parts: &mut Parts) -> Option<Self> {
        if !names(parts, header::SEC_WEBSOCKET_VERSION, "13") {
            return None;
        }
        let accept = if is_stream(parts) {
            None
        } else {
            let is_upgrade = parts.version == Version::HTTP_11
                && parts.method == Method::GET
                && names(parts, header::CONNECTION, "upgrade");
            let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_upgrade)?;
            Some(HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()?)
        };
        Some(Handshake { upgraded: parts.extensions.remove()?, accept })
    }

    /// Answers it, and serves the socket as soon as there is one.
    pub fn answer<S>(
        self,
        protocol: Option<Protocol>,
        config: WebSocketConfig,
        serve: impl FnOnce(Socket) -> S + Send + 'static,
    ) -> Response
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let Handshake { upgraded, accept } = self;
        tokio::spawn(async move {
            // Who has gone in the meantime has no socket.
            if let Ok(upgraded) = upgraded.await {
                let connection = TokioIo::new(upgraded);
                serve(WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await).await;
            }
        });
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol.name()));
        }
        if let Some(accept) = accept {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        response
    }
}
