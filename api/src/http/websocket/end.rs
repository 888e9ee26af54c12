//! Why a socket ends, and how it is told.

use std::{borrow::Cow, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::time::timeout;

use crate::graphql::error::Code;

/// Of an id that a reason names: a reason has room for 123 bytes (RFC 6455, section 5.5).
const MAX_ID_IN_REASON: usize = 90;
/// A client has this long to answer a close.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// Why a socket ends.
#[derive(Clone, Debug)]
pub enum End {
    /// The client has closed it, or is gone.
    Gone,
    /// The server closes it, with a code of RFC 6455 or of graphql-transport-ws.
    Close(u16, Cow<'static, str>),
}

pub const DONE: End = End::close(1000, "Normal closure");
pub const TOO_BIG: End = End::close(1009, "Message too big");
pub const GOING_AWAY: End = End::close(1012, "Service restart");
pub const INVALID: End = End::close(4400, "Invalid message received");
pub const UNAUTHORIZED: End = End::close(4401, "Unauthorized");
pub const NO_PROTOCOL: End = End::close(4406, "Subprotocol not acceptable");
pub const INIT_TIMEOUT: End = End::close(4408, "Connection initialisation timeout");
pub const TOO_MANY_INITS: End = End::close(4429, "Too many initialisation requests");

impl End {
    const fn close(code: u16, reason: &'static str) -> Self {
        Self::Close(code, Cow::Borrowed(reason))
    }

    /// Another operation with this id is running.
    pub fn already_exists(id: &str) -> Self {
        let id = &id[..id.floor_char_boundary(MAX_ID_IN_REASON)];
        Self::Close(4409, format!("Subscriber for {id} already exists").into())
    }

    /// It cannot be said who the client is. Clients try again after these codes, but after that of a failure of ours.
    pub const fn unserved(code: Code) -> Self {
        match code {
            Code::Unavailable | Code::Timeout | Code::RateLimited => Self::close(1013, "Try again later"),
            Code::InternalServerError => Self::close(1011, "Internal server error"),
            Code::Unauthenticated
            | Code::Forbidden
            | Code::BadUserInput
            | Code::NotFound
            | Code::Conflict
            | Code::GraphqlParseFailed
            | Code::GraphqlValidationFailed
            | Code::QueryTooComplex => Self::close(4403, "Forbidden"),
        }
    }

    /// Tells the client, and waits a little for its answer.
    pub async fn tell(self, mut socket: WebSocket) {
        let Self::Close(code, reason) = self else { return };
        let frame = CloseFrame { code, reason: reason.into_owned().into() };
        let closing = async {
            socket.send(Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        // A client that does not answer is left.
        let _ = timeout(CLOSE_TIME, closing).await;
    }
}
