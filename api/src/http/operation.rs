//! One operation on a connection that lives on, from its request to its last answer: the same for every transport.
//!
//! Each has a task and a queue of its own, so that an operation whose client is slow waits by itself and holds nothing but its
//! queue: no connection to the database above all.

use std::time::Duration;

use async_graphql::{Response, ServerError};
use futures_util::{StreamExt, stream::BoxStream};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::graphql::execute::Refusal;

/// Answers that wait for a slow client: the more do, the older is what it is told. What is not yet asked of an operation is not
/// yet read.
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
    _task: AbortOnDropHandle<()>,
}

/// Runs what has `begun`, and puts its answers into the queue that is returned. A queue that ends without a last answer has not been
/// read for `patience`.
pub fn start(
    begun: impl Future<Output = Result<BoxStream<'static, Response>, Refusal>> + Send + 'static,
    words: impl Fn(Answer<'_>) -> String + Send + 'static,
    patience: Duration,
) -> (Operation, mpsc::Receiver<Written>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let put = async move |text, last| {
        let put = timeout(patience, sender.send(Written { text, last })).await;
        put.is_ok_and(|put| put.is_ok())
    };
    let task = tokio::spawn(async move {
        let mut responses = match begun.await {
            Ok(responses) => responses,
            Err(refusal) => {
                put(words(Answer::Refused(&refusal)), true).await;
                return;
            }
        };
        while let Some(response) = responses.next().await {
            if !put(words(Answer::Next(&response)), false).await {
                return;
            }
        }
        put(words(Answer::Complete), true).await;
    });
    (Operation { _task: AbortOnDropHandle::new(task) }, receiver)
}
