//! Deadlines: the time-out of a request as a whole, whatever it waits for: authentication, the broker, other requests, its own statements.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::{
    config::LimitsConfig,
    domain::error::{Code, Error, Result},
};

/// When a request, or a task of the server's own, must have ended.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    time: Duration,
}

impl Deadline {
    /// That of what begins now: `limits.operation_timeout_seconds`.
    pub fn from_now(limits: &LimitsConfig) -> Self {
        let time = Duration::from_secs(limits.operation_timeout_seconds);
        Deadline { at: Instant::now() + time, time }
    }

    /// How long there was from the beginning to the deadline.
    pub fn time(self) -> Duration {
        self.time
    }

    /// What the work gives. None when it has not ended by then: it is dropped.
    ///
    /// No async function, which would take twice the room of the work: for what it is given, and for what it waits for.
    pub fn meet<T>(self, work: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        tokio::time::timeout_at(self.at, work).map(Result::ok)
    }

    /// The same for work that is quick when all is well: where it times out, or is stopped for taking too long, a part of the service is
    /// away.
    ///
    /// # Errors
    /// UNAVAILABLE, or the work's own.
    pub fn meet_or_unavailable<T>(self, work: impl Future<Output = Result<T>>) -> impl Future<Output = Result<T>> {
        self.meet(work).map(move |outcome| match outcome {
            Some(Err(error)) if error.code != Code::Timeout => Err(error),
            Some(Ok(done)) => Ok(done),
            _ => Err(Error::unavailable(anyhow::anyhow!("not done within {} s", self.time.as_secs()))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    #[tokio::test]
    async fn what_does_not_end_in_time_is_unavailable() {
        let mut limits = Config::defaults(Environment::Production, false).limits;
        limits.operation_timeout_seconds = 0;
        let deadline = Deadline::from_now(&limits);
        assert_eq!(deadline.meet_or_unavailable(async { Ok(1) }).await.expect("in time"), 1);
        let code = |outcome: Result<()>| outcome.expect_err("not in time").code;
        let conflict = async { Err(Error::conflict("Taken.")) };
        assert_eq!(code(deadline.meet_or_unavailable(conflict).await), Code::Conflict);
        let stopped = async { Err(Error::new(Code::Timeout, "Stopped.")) };
        assert_eq!(code(deadline.meet_or_unavailable(stopped).await), Code::Unavailable);
        assert_eq!(code(deadline.meet_or_unavailable(std::future::pending()).await), Code::Unavailable);
        assert!(deadline.meet(std::future::pending::<()>()).await.is_none());
    }
}
