//! Errors of execution as clients are told them: coded, with whole paths, and no more than the limit.

use async_graphql::{PathSegment, Response, ServerError, Value};

use crate::{
    domain::error::{Code, Error},
    graphql::document::{Outline, Shape, coded},
};

/// Why a request was refused before any of its fields ran.
pub type Refusal = Vec<ServerError>;

/// A refusal for a reason that is not in the document.
pub fn refusal(error: Error) -> Refusal {
    let mut error = async_graphql::Error::from(error).into_server_error(Default::default());
    error.locations.clear();
    vec![error]
}

/// What the client is told where we panicked: as little as of any other defect of ours.
pub fn panicked(message: String) -> Error {
    Error::internal(anyhow::anyhow!(message))
}

/// A response without data: the operation ran, and there is nothing to show of it.
pub fn failed(error: Error) -> Response {
    Response::from_errors(refusal(error))
}

/// The response with every error coded, placed, and no more of them than `limit`.
pub fn finished(mut response: Response, operation: &Outline, shape: &Shape, limit: usize) -> Response {
    let left_out = response.errors.len().saturating_sub(limit);
    if left_out > 0 {
        response.errors.truncate(limit);
        let left_out = Value::from(left_out as u64);
        response.extensions.insert("errorsLeftOut".to_owned(), left_out);
    }
    for error in &mut response.errors {
        give_code(error, operation);
        lengthen_path(error, operation, shape);
        // What has no place of its own is said to be on line 0.
        error.locations.retain(|position| position.line > 0);
    }
    response
}

/// The first of the errors, and a last one that says how many there are.
pub fn capped(mut errors: Vec<ServerError>, limit: usize) -> Vec<ServerError> {
    let left_out = errors.len().saturating_sub(limit);
    if left_out > 0 {
        errors.truncate(limit);
        let message = format!("There are {left_out} more errors.");
        errors.push(coded(Code::GraphqlValidationFailed, message, None));
    }
    errors
}

fn give_code(error: &mut ServerError, operation: &Outline) {
    let has_code = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    if has_code {
        return;
    }
    let inner = match refused_value(&error.message) {
        Some(message) => {
            let mut inner = Error::new(Code::BadUserInput, message);
            inner.field =
                error.locations.first().and_then(|position| operation.argument_at(*position)).map(ToString::to_string);
            inner
        }
        // Nobody has looked at what it says: it may show the inside.
        None => Error::internal(anyhow::anyhow!("error without a code: {}", error.message)),
    };
    let coded = async_graphql::Error::from(inner);
    error.message = coded.message;
    error.extensions = coded.extensions;
    error.source = None;
}

/// What async-graphql says of an argument that its type or a validator refuses, without the names of types.
fn refused_value(message: &str) -> Option<&str> {
    if message.starts_with("Expected input type \"") {
        return Some(message);
    }
    let (_, reason) = message.strip_prefix("Failed to parse \"")?.split_once("\": ")?;
    let (reason, _) = reason.split_once(" (occurred while parsing").unwrap_or((reason, ""));
    Some(reason)
}

/// Completes the path of an error that went through a list on its way up: async-graphql then says the entry of the outermost
/// list. The fields from there to where the error arose are known by its location, up to the next list.
fn lengthen_path(error: &mut ServerError, operation: &Outline, shape: &Shape) {
    let (Some(PathSegment::Index(_)), Some(position)) = (error.path.last(), error.locations.first()) else {
        return;
    };
    if let Some(keys) = operation.keys_from(&error.path, *position, shape) {
        let keys: Vec<_> = keys.into_iter().map(|key| PathSegment::Field(key.to_string())).collect();
        error.path.extend(keys);
    }
}
