//! Plans against async-graphql's own execution: whatever is asked, both must answer the same.

use async_graphql::{Response, ServerError};
use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use crate::{
    domain::error::Error,
    graphql::{execute::errors::failed, json},
};

/// Queries are answered twice, by plans and by async-graphql's own execution, and fail where the two differ.
#[derive(Clone, Copy, Debug)]
pub struct VerifyPlans;

/// How often a query is executed whose answers differ: a write may have come between the two executions.
const LOOKS: usize = 3;

/// Executes a query both ways.
pub async fn execute<'a>(
    planned: impl Fn() -> BoxFuture<'a, Response>,
    alone: impl Fn() -> BoxFuture<'a, Response>,
) -> Response {
    for look in 1.. {
        let (planned, alone) = (planned().await, alone().await);
        let Some(difference) = difference(&planned, &alone) else { return planned };
        if look == LOOKS {
            tracing::error!(difference, "plans and async-graphql's own execution differ");
            break;
        }
    }
    failed(Error::internal(anyhow::anyhow!("plans and async-graphql's own execution differ")))
}

fn difference(planned: &Response, alone: &Response) -> Option<String> {
    let (said, said_alone) = (data(planned), data(alone));
    let alike = are_alike(&planned.errors, &alone.errors);
    let is_same = said == said_alone && (alike || said == "null");
    (!is_same).then(|| {
        let [errors, errors_alone] = [planned, alone].map(|response| described_all(&response.errors));
        format!("{said} {errors:?} by plans, and {said_alone} {errors_alone:?}")
    })
}

/// Whether these are the errors of two executions that gave the same data.
///
/// Where something nulls what is around it, others may have failed before or be cut off, and of two siblings that null the same either one may
/// be told: that depends on who was faster. But one field fails in one way.
fn are_alike(errors: &[ServerError], others: &[ServerError]) -> bool {
    let only_in = |some: &[ServerError], others: &[ServerError]| -> Vec<ServerError> {
        let others = described_all(others);
        some.iter().filter(|error| !others.contains(&described(error))).cloned().collect()
    };
    let (here, there) = (only_in(errors, others), only_in(others, errors));
    if here.is_empty() || there.is_empty() {
        return errors.is_empty() == others.is_empty();
    }
    let are_siblings = |error: &ServerError| there.iter().all(|other| other.locations != error.locations);
    here.len() == there.len() && here.iter().all(are_siblings)
}

/// The data without moments: some are those of the execution.
fn data(response: &Response) -> String {
    let text = json::response_text(&Response::new(response.data.clone()));
    let Ok(mut whole) = serde_json::from_str::<Json>(&text) else { return text };
    forget_moments(&mut whole);
    whole["data"].to_string()
}

fn forget_moments(value: &mut Json) {
    match value {
        Json::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => "a moment".clone_into(text),
        Json::Array(items) => items.iter_mut().for_each(forget_moments),
        Json::Object(fields) => fields.values_mut().for_each(forget_moments),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn described_all(errors: &[ServerError]) -> Vec<String> {
    errors.iter().map(described).collect()
}

/// An error without what is made anew for each, and without its path, of which async-graphql loses what is below a list.
fn described(error: &ServerError) -> String {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    format!("{} {code:?} {:?}", error.message, error.locations)
}

#[cfg(test)]
mod tests {
    use async_graphql::Pos;

    use super::*;

    #[test]
    fn of_two_siblings_either_may_be_told_and_of_one_field_one_error() {
        let told = |errors: &[(&str, usize)]| -> Vec<ServerError> {
            let error =
                |(message, column): &(&str, usize)| ServerError::new(*message, Some(Pos { line: 1, column: *column }));
            errors.iter().map(error).collect()
        };
        let (first, second) = (("This must not be negative.", 3), ("At most 100.", 20));
        for (some, others, expected) in [
            (&[][..], &[][..], true),
            (&[first], &[first], true),
            (&[first], &[second], true),
            (&[first, second], &[second], true),
            (&[first], &[], false),
            (&[first], &[("At most 100.", 3)], false),
            (&[first, second], &[("Another.", 40), ("At most 100.", 3)], false),
            (&[first, second], &[("Another.", 40)], false),
        ] {
            assert_eq!(are_alike(&told(some), &told(others)), expected, "{some:?} {others:?}");
            assert_eq!(are_alike(&told(others), &told(some)), expected, "{others:?} {some:?}");
        }
    }
}
