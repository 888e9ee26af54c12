//! GraphQL over Server-Sent Events: the *distinct connections mode*, by the letter of
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>.

use async_graphql::ServerError;

use crate::http::{live::operation::OperationAnswer, media::errors_only};

pub const CONTENT_TYPE: &str = "text/event-stream; charset=utf-8";

/// A line that says nothing: some browsers take a stream for open only when something has come, and proxies end silent ones.
pub const KEEP_ALIVE: &str = ":\n\n";

/// With data, for an event without any is passed over by `EventSource`.
const COMPLETE: &str = "event: complete\ndata: \n\n";

pub fn in_words(answer: OperationAnswer<'_>) -> String {
    match answer {
        OperationAnswer::Next(json) => next(json),
        OperationAnswer::Refused(errors) => last_words(errors),
        OperationAnswer::Complete => COMPLETE.to_owned(),
    }
}

/// Why nothing follows.
pub fn last_words(errors: &[ServerError]) -> String {
    next(&errors_only(errors)) + COMPLETE
}

fn next(json: &str) -> String {
    // JSON has no line breaks.
    format!("event: next\ndata: {json}\n\n")
}
