//! One operation on a connection that lives on, from its request to its last answer: the same for every transport.
//!
//! Each has a task and a queue of its own, so that an operation whose client is slow waits by itself and holds nothing but its
//! queue: no connection to the database above all.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use async_graphql::{Response, ServerError};
// Of what passes answers on it keeps the least: tokio's own channel has room for 32 at the least.
use futures_channel::mpsc;
use futures_util::{FutureExt, SinkExt, Stream, StreamExt, future::BoxFuture, stream::BoxStream};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{
    connections::OperationPlace,
    metrics::{Reason, count_end},
};
use crate::graphql::{error::RightLost, execute::Refusal};

/// Answers that wait for a slow client, besides the one that a sender always has room for: the more do, the older is what it is told.
/// What is not yet asked of an operation is not yet read.
const QUEUE: usize = 1;

/// What an operation says. Each transport has words of its own for it.
pub enum Answer<'a> {
    Next(&'a Response),
    /// Nothing ran, for these reasons, and nothing follows.
    Refused(&'a [ServerError]),
    Complete,
}

/// An answer in the words of its transport.
#[derive(Debug)]
pub struct Written {
    pub text: String,
    /// Whether nothing follows.
    pub last: bool,
}

/// An operation that runs. Dropping it stops it, but for a mutation, which ends by itself.
pub struct Operation {
    reason: Arc<OnceLock<Reason>>,
    _task: AbortOnDropHandle<()>,
}

/// What an operation says, one by one. It ends without a last answer where that was not read in time.
pub struct Answers(mpsc::Receiver<Written>);

/// Runs what has `begun`. With a patience, it ends when an answer is not read for so long.
pub fn start(
    place: OperationPlace,
    begun: impl Future<Output = Result<BoxStream<'static, Response>, Refusal>> + Send + 'static,
    words: impl Fn(Answer<'_>) -> String + Send + 'static,
    patience: Option<Duration>,
) -> (Operation, Answers) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let reason = Arc::new(OnceLock::new());
    let ending = Ending { place, reason: reason.clone() };
    let queue = Queue { sender, patience };
    // What begins an operation takes 15 KiB, which the task need not keep for as long as it runs.
    let task = tokio::spawn(run(ending, begun.boxed(), words, queue));
    (Operation { reason, _task: AbortOnDropHandle::new(task) }, Answers(receiver))
}

async fn run(
    ending: Ending,
    begun: BoxFuture<'static, Result<BoxStream<'static, Response>, Refusal>>,
    words: impl Fn(Answer<'_>) -> String,
    mut queue: Queue,
) {
    let mut responses = match begun.await {
        Ok(responses) => responses,
        Err(refusal) => {
            ending.is(Reason::Refused);
            queue.put(words(Answer::Refused(&refusal)), true).await;
            return;
        }
    };
    let mut reason = Reason::Completed;
    let mut is_first = true;
    while let Some(response) = responses.next().await {
        if response.errors.iter().any(|error| error.source::<RightLost>().is_some()) {
            reason = Reason::RightLost;
            break;
        }
        reason = match (response.errors.is_empty(), is_first) {
            (true, _) => Reason::Completed,
            (false, true) => Reason::Refused,
            (false, false) => Reason::Failed,
        };
        is_first = false;
        if !queue.put(words(Answer::Next(&response)), false).await {
            ending.is(Reason::Stalled);
            return;
        }
    }
    // Said before the last answer is: whoever reads that one stops the task.
    ending.is(reason);
    queue.put(words(Answer::Complete), true).await;
}

struct Queue {
    sender: mpsc::Sender<Written>,
    patience: Option<Duration>,
}

impl Queue {
    /// Waits while the queue is full; false where nobody reads it any more, or not in time.
    async fn put(&mut self, text: String, last: bool) -> bool {
        let put = self.sender.send(Written { text, last });
        match self.patience {
            Some(patience) => timeout(patience, put).await.is_ok_and(|put| put.is_ok()),
            None => put.await.is_ok(),
        }
    }
}

/// Frees an operation's place and counts its end, however it ends.
struct Ending {
    place: OperationPlace,
    reason: Arc<OnceLock<Reason>>,
}

impl Ending {
    fn is(&self, reason: Reason) {
        // Whoever has stopped it has said why.
        let _ = self.reason.set(reason);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Nobody has said why where the whole connection was dropped.
        count_end(self.place.transport(), self.reason.get().copied().unwrap_or(Reason::ClientGone));
    }
}

impl Operation {
    /// Stops it for this reason, if it has not ended by itself.
    pub fn stop(self, reason: Reason) {
        // It may have ended by itself.
        let _ = self.reason.set(reason);
    }
}

impl Stream for Answers {
    type Item = Written;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Written>> {
        self.0.poll_next_unpin(context)
    }
}
