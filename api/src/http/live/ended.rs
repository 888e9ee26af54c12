//! Why whoever uses a live connection may not use it any longer.

use crate::{domain::error::Code, http::metrics::EndReason};

/// Why a connection may not be used any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The access token has expired.
    Expired,
    /// The session has ended: it was revoked, or its user was deactivated.
    Revoked,
    /// What its user may do could not be read for too long.
    Unchecked,
}

impl Ended {
    pub const fn reason(self) -> EndReason {
        match self {
            Self::Expired => EndReason::Expired,
            Self::Revoked => EndReason::Revoked,
            Self::Unchecked => EndReason::Failed,
        }
    }

    pub const fn code(self) -> Code {
        match self {
            Self::Expired | Self::Revoked => Code::Unauthenticated,
            Self::Unchecked => Code::Unavailable,
        }
    }

    /// What a person is told.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Expired => "The access token has expired.",
            Self::Revoked => "The session has ended: sign in again.",
            Self::Unchecked => "It cannot be said for the moment who you are. Try again shortly.",
        }
    }
}
