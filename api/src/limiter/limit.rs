//! A limit, and what could be taken of its window.

use std::time::Duration;

use crate::domain::error::{Error, Result};

/// How much may be used in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub amount: u64,
    pub window: Duration,
}

/// What could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOutcome {
    /// So much, of a window that lasts so long.
    Granted(u64, Duration),
    /// Nothing: there is not enough left of the window, which lasts so long.
    Refused(Duration),
}

impl TakeOutcome {
    pub fn into_result(self) -> Result<()> {
        match self {
            TakeOutcome::Granted(..) => Ok(()),
            TakeOutcome::Refused(rest) => Err(Error::rate_limited(rest)),
        }
    }
}
