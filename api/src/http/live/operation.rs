//! One operation on a long-lived connection, from its request to its last answer: the same for every transport.
//!
//! Back-pressure: the connection's task asks for the next answer, so that an operation whose client is slow is not asked. What reads for
//! the operation runs in tasks of its own, and waits there with nothing but its queue: no database connection above all.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::ServerError;
use async_stream::stream;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use tokio_util::task::AbortOnDropHandle;

use super::admission::OperationPlace;
use crate::{
    domain::error::Error,
    graphql::{
        execute::{Refusal, refusal},
        live::{Outcome, Told},
    },
    http::metrics::{EndReason, count_end},
};

/// What an operation answers, which each transport writes as a message of its own.
pub enum OperationAnswer<'a> {
    /// A response in JSON.
    Next(&'a str),
    /// Nothing ran, for these reasons, and nothing follows.
    Refused(&'a [ServerError]),
    Complete,
}

/// An answer, written as a message of its transport.
#[derive(Debug)]
pub struct WrittenAnswer {
    pub text: String,
    /// Why nothing follows, if nothing does.
    pub end: Option<EndReason>,
}

/// An operation that runs, and what it says, one by one. Dropping it stops it, but for a mutation, which ends by itself; then its place is
/// free and its end is counted.
pub struct LiveOperation {
    answers: BoxStream<'static, WrittenAnswer>,
    place: OperationPlace,
    /// Why it ended; none where the whole connection is dropped.
    reason: Option<EndReason>,
}

/// Runs what begins in a task of its own.
pub fn start(
    place: OperationPlace,
    begins: impl Future<Output = Result<BoxStream<'static, Arc<Told>>, Refusal>> + Send + 'static,
    words: impl Fn(OperationAnswer<'_>) -> String + Send + 'static,
) -> LiveOperation {
    let beginning = AbortOnDropHandle::new(tokio::spawn(begins));
    let answers = stream! {
        let begun = beginning.await.unwrap_or_else(|failure| Err(refusal(Error::internal(failure))));
        let mut told = match begun {
            Ok(told) => told,
            Err(errors) => {
                yield WrittenAnswer { text: words(OperationAnswer::Refused(&errors)), end: Some(EndReason::Refused) };
                return;
            }
        };
        let mut reason = EndReason::Completed;
        let mut is_first = true;
        while let Some(told) = told.next().await {
            reason = match told.outcome {
                Outcome::Success => EndReason::Completed,
                Outcome::Errors if is_first => EndReason::Refused,
                Outcome::Errors => EndReason::Failed,
                Outcome::RightLost => EndReason::RightLost,
            };
            if reason == EndReason::RightLost {
                break;
            }
            is_first = false;
            yield WrittenAnswer { text: words(OperationAnswer::Next(&told.json)), end: None };
        }
        yield WrittenAnswer { text: words(OperationAnswer::Complete), end: Some(reason) };
    };
    LiveOperation { answers: answers.boxed(), place, reason: None }
}

impl LiveOperation {
    /// Says why it is about to be dropped, if it has not ended by itself.
    pub fn is_stopped(&mut self, reason: EndReason) {
        self.reason.get_or_insert(reason);
    }
}

impl Stream for LiveOperation {
    type Item = WrittenAnswer;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WrittenAnswer>> {
        let polled = self.answers.poll_next_unpin(context);
        if let Poll::Ready(Some(WrittenAnswer { end, .. })) = &polled {
            self.reason = *end;
        }
        polled
    }
}

impl Drop for LiveOperation {
    fn drop(&mut self) {
        count_end(self.place.transport(), self.reason.unwrap_or(EndReason::ClientGone));
    }
}
