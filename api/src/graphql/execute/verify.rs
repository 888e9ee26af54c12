//! Plans against async-graphql's own execution: whatever is asked, both must answer the same.

use async_graphql::{Response, ServerError};
use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use crate::graphql::{error::Error, execute::failed, json};

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
    let (errors, errors_alone) = (errors(planned), errors(alone));
    // Where something nulls what is around it, others may have failed before or be cut off, and of two that null the same either one may be
    // told: that depends on who was faster.
    let is_within = |some: &[String], others: &[String]| some.iter().all(|error| others.contains(error));
    let alike = errors.len() == errors_alone.len()
        || errors.is_empty() == errors_alone.is_empty()
            && (is_within(&errors, &errors_alone) || is_within(&errors_alone, &errors));
    let is_same = said == said_alone && (alike || said == "null");
    (!is_same).then(|| format!("{said} {errors:?} by plans, and {said_alone} {errors_alone:?}"))
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

/// The errors without what is made anew for each, and without their paths, of which async-graphql loses what is below a list.
fn errors(response: &Response) -> Vec<String> {
    response.errors.iter().map(described).collect()
}

fn described(error: &ServerError) -> String {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    format!("{} {code:?} {:?}", error.message, error.locations)
}
