//! Why a socket ends, and how it is told.

use std::{borrow::Cow, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::time::timeout;

use crate::{
    graphql::error::Code,
    http::{
        attendance::Ended,
        metrics::{Reason, count_close},
    },
};

/// Of an id that a reason names: a reason has room for 123 bytes (RFC 6455, section 5.5).
const MAX_ID_IN_REASON: usize = 90;
/// A client has this long to answer a close.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// Why a socket ends: what is counted, and what the client is told.
#[derive(Clone, Debug)]
pub struct End {
    pub reason: Reason,
    close: Option<Close>,
}

/// A code of RFC 6455 or of graphql-transport-ws, and its meaning.
#[derive(Clone, Debug)]
struct Close(u16, Cow<'static, str>);

/// The client has closed it, or has vanished.
pub const GONE: End = End { reason: Reason::ClientGone, close: None };
/// The client does not read: it would not read a reason either.
pub const STALLED: End = End { reason: Reason::Stalled, close: None };
pub const TERMINATED: End = End::close(Reason::ClientGone, 1000, "Normal closure");
pub const TOO_BIG: End = End::close(Reason::ProtocolBroken, 1009, "Message too big");
pub const GOING_AWAY: End = End::close(Reason::Shutdown, 1012, "Service restart");
pub const INVALID: End = End::close(Reason::ProtocolBroken, 4400, "Invalid message received");
pub const UNAUTHORIZED: End = End::close(Reason::ProtocolBroken, 4401, "Unauthorized");
pub const NO_PROTOCOL: End = End::close(Reason::ProtocolBroken, 4406, "Subprotocol not acceptable");
pub const INIT_TIMEOUT: End = End::close(Reason::ProtocolBroken, 4408, "Connection initialisation timeout");
pub const TOO_MANY_INITS: End = End::close(Reason::ProtocolBroken, 4429, "Too many initialisation requests");

impl End {
    const fn close(reason: Reason, code: u16, meaning: &'static str) -> Self {
        Self { reason, close: Some(Close(code, Cow::Borrowed(meaning))) }
    }

    /// Another operation with this id is running.
    pub fn already_exists(id: &str) -> Self {
        let id = &id[..id.floor_char_boundary(MAX_ID_IN_REASON)];
        let meaning = format!("Subscriber for {id} already exists").into();
        Self { reason: Reason::ProtocolBroken, close: Some(Close(4409, meaning)) }
    }

    /// Whoever uses the socket may not any longer. Clients connect anew after these codes, with a newer token if they have one.
    pub const fn attendance(ended: Ended) -> Self {
        match ended {
            Ended::Expired => Self::close(ended.reason(), 4403, "Access token expired"),
            Ended::Revoked => Self::close(ended.reason(), 4403, "Session ended"),
            Ended::Unchecked => Self::close(ended.reason(), 1013, "Try again later"),
        }
    }

    /// It cannot be said who the client is. Clients try again after these codes, but after that of a failure of ours.
    pub const fn unserved(code: Code) -> Self {
        match code {
            Code::Unavailable | Code::Timeout | Code::RateLimited => {
                Self::close(Reason::Failed, 1013, "Try again later")
            }
            Code::InternalServerError => Self::close(Reason::Failed, 1011, "Internal server error"),
            Code::Unauthenticated
            | Code::Forbidden
            | Code::BadUserInput
            | Code::NotFound
            | Code::Conflict
            | Code::GraphqlParseFailed
            | Code::GraphqlValidationFailed
            | Code::QueryTooComplex => Self::close(Reason::Revoked, 4403, "Forbidden"),
        }
    }

    /// Tells the client, and waits a little for its answer.
    pub async fn tell(self, mut socket: WebSocket) {
        count_close(self.close.as_ref().map(|Close(code, _)| *code));
        let Some(Close(code, meaning)) = self.close else { return };
        let frame = CloseFrame { code, reason: meaning.into_owned().into() };
        let closing = async {
            socket.send(Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        // A client that does not answer is left.
        let _ = timeout(CLOSE_TIME, closing).await;
    }
}
