//! Why a websocket ends: the close codes, and the closing handshake.

use std::{borrow::Cow, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::handshake::Socket;
use crate::{
    domain::error::Code,
    http::{
        live::ended::Ended,
        metrics::{EndReason, count_close},
    },
};

/// Of an id that a reason names: a reason has room for 123 bytes (RFC 6455, section 5.5).
const MAX_ID_IN_REASON: usize = 90;
/// A client has this long to answer a close.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// Why a socket ends: what is counted, and what the client is told.
#[derive(Clone, Debug)]
pub struct End {
    pub reason: EndReason,
    last: LastWord,
}

/// What the client is told last.
#[derive(Clone, Debug)]
enum LastWord {
    /// Nothing: nobody would hear it.
    None,
    /// The answer to its own close.
    Answer,
    /// A code of RFC 6455 or of graphql-transport-ws, and its meaning.
    Close(u16, Cow<'static, str>),
}

/// The client has vanished.
pub const GONE: End = End { reason: EndReason::ClientGone, last: LastWord::None };
/// The client has closed it.
pub const CLOSED: End = End { reason: EndReason::ClientGone, last: LastWord::Answer };
/// The client does not read: it would not read a reason either.
pub const STALLED: End = End { reason: EndReason::Stalled, last: LastWord::None };
pub const TERMINATED: End = End::close(EndReason::ClientGone, 1000, "Normal closure");
const BROKEN: End = End::close(EndReason::ProtocolBroken, 1002, "Protocol error");
const NOT_UTF_8: End = End::close(EndReason::ProtocolBroken, 1007, "Text that is not UTF-8");
const TOO_BIG: End = End::close(EndReason::ProtocolBroken, 1009, "Message too big");
pub const GOING_AWAY: End = End::close(EndReason::Shutdown, 1012, "Service restart");
pub const INVALID: End = End::close(EndReason::ProtocolBroken, 4400, "Invalid message received");
pub const UNAUTHORIZED: End = End::close(EndReason::ProtocolBroken, 4401, "Unauthorized");
pub const NO_PROTOCOL: End = End::close(EndReason::ProtocolBroken, 4406, "Subprotocol not acceptable");
pub const INIT_TIMEOUT: End = End::close(EndReason::ProtocolBroken, 4408, "Connection initialisation timeout");
pub const TOO_MANY_INITS: End = End::close(EndReason::ProtocolBroken, 4429, "Too many initialisation requests");

impl End {
    const fn close(reason: EndReason, code: u16, meaning: &'static str) -> Self {
        Self { reason, last: LastWord::Close(code, Cow::Borrowed(meaning)) }
    }

    /// Another operation with this id is running.
    pub fn already_exists(id: &str) -> Self {
        let id = &id[..id.floor_char_boundary(MAX_ID_IN_REASON)];
        let meaning = format!("Subscriber for {id} already exists").into();
        Self { reason: EndReason::ProtocolBroken, last: LastWord::Close(4409, meaning) }
    }

    /// What has come cannot be read (RFC 6455, section 7.4.1).
    pub fn unreadable(error: &Error) -> Self {
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => GONE,
            Error::Protocol(_) => BROKEN,
            Error::Utf8(_) => NOT_UTF_8,
            Error::Capacity(_) => TOO_BIG,
            _ => GONE,
        }
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
                Self::close(EndReason::Failed, 1013, "Try again later")
            }
            Code::InternalServerError => Self::close(EndReason::Failed, 1011, "Internal server error"),
            Code::Unauthenticated
            | Code::Forbidden
            | Code::BadUserInput
            | Code::NotFound
            | Code::Conflict
            | Code::GraphqlParseFailed
            | Code::GraphqlValidationFailed
            | Code::QueryTooComplex
            | Code::PersistedQueryNotFound
            | Code::PersistedQueryNotSupported => Self::close(EndReason::Revoked, 4403, "Forbidden"),
        }
    }

    /// Tells the client, waits a little for its answer, and closes the connection in order.
    pub async fn tell(self, mut socket: Socket) {
        let close = match self.last {
            LastWord::None => return count_close(None),
            LastWord::Answer => None,
            LastWord::Close(code, meaning) => {
                Some(CloseFrame { code: CloseCode::from(code), reason: meaning.into_owned().into() })
            }
        };
        count_close(close.as_ref().map(|frame| frame.code.into()));
        let closing = async {
            if close.is_some() {
                socket.send(Message::Close(close)).await?;
            }
            // tungstenite has the answer to a client's close ready, and sends it when it is read on.
            while let Some(Ok(_)) = socket.next().await {}
            // What is closed while something is unread is reset, and with it the client may lose what it was told last.
            let mut connection = socket.into_inner();
            connection.shutdown().await?;
            let mut rest = vec![0; 4096];
            while connection.read(&mut rest).await? > 0 {}
            Ok::<_, Error>(())
        };
        // A client that does not answer is left.
        let _ = timeout(CLOSE_TIME, closing).await;
    }
}
