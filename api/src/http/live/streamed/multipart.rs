//! Subscriptions over multipart HTTP, by the letter of
//! <https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol>: what Apollo's clients ask for where no
//! websocket is set up.

use async_graphql::ServerError;

use crate::http::{live::operation::OperationAnswer, media::errors_only};

pub const CONTENT_TYPE: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0";

/// A part is read when the line after it has come, so each is followed by the one that begins the next.
pub const OPENING: &str = "\r\n--graphql";
/// A part that says nothing.
pub const KEEP_ALIVE: &str = "\r\nContent-Type: application/json\r\n\r\n{}\r\n--graphql";
/// After the beginning of a part it says that there is none.
const END: &str = "--\r\n";

pub fn in_words(answer: OperationAnswer<'_>) -> String {
    match answer {
        OperationAnswer::Next(json) => part(&format!(r#"{{"payload":{json}}}"#)),
        OperationAnswer::Refused(errors) => part(&format!(r#"{{"payload":{}}}"#, errors_only(errors))) + END,
        OperationAnswer::Complete => END.to_owned(),
    }
}

/// Why nothing follows, which is no answer of the operation.
pub fn last_words(errors: &[ServerError]) -> String {
    // Maps here have text for keys, and nothing else makes it fail.
    let errors = serde_json::to_string(errors).unwrap_or_default();
    part(&format!(r#"{{"payload":null,"errors":{errors}}}"#)) + END
}

fn part(json: &str) -> String {
    format!("\r\nContent-Type: application/json\r\n\r\n{json}\r\n--graphql")
}
