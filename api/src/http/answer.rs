//! Answers in JSON, and the status that each has.

use async_graphql::{ServerError, Value};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::media::{ErrorsOnly, Media};
use crate::{
    domain::error::{Code, Error},
    graphql::{document::coded, execute},
};

/// An answer with one error, where the client's liking is not known.
pub fn refuse(status: StatusCode, code: Code, message: &str) -> Response {
    let error = coded(code, message.to_owned(), None);
    write(status, &ErrorsOnly { errors: &[error] }, Media::Json)
}

/// The answer to what is no GraphQL request.
pub fn rejected(status: StatusCode, message: &str, media: Media) -> Response {
    let error = coded(Code::BadUserInput, message.to_owned(), None);
    write(status, &ErrorsOnly { errors: &[error] }, media)
}

/// The answer to a GraphQL request that was refused before it ran.
pub fn refused(errors: &[ServerError], media: Media) -> Response {
    if let Some(seconds) = errors.iter().find_map(retry_after) {
        return limited(write(StatusCode::TOO_MANY_REQUESTS, &ErrorsOnly { errors }, media), seconds);
    }
    let status = match media {
        _ if errors.iter().any(is_unauthenticated) => StatusCode::UNAUTHORIZED,
        Media::GraphqlResponse => StatusCode::BAD_REQUEST,
        Media::Json => StatusCode::OK,
    };
    write(status, &ErrorsOnly { errors }, media)
}

/// The seconds after which the client may try again, where that is what it was refused for.
fn retry_after(error: &ServerError) -> Option<u64> {
    match error.extensions.as_ref()?.get("retryAfter")? {
        Value::Number(seconds) => seconds.as_u64(),
        _ => None,
    }
}

fn is_unauthenticated(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code == Some(&Code::Unauthenticated.as_str().into())
}

fn limited(mut response: Response, seconds: u64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

/// The answer where it cannot be said who asks.
pub fn unserved(error: Error, media: Media) -> Response {
    let status = match error.code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable | Code::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        Code::BadUserInput
        | Code::GraphqlParseFailed
        | Code::GraphqlValidationFailed
        | Code::QueryTooComplex
        | Code::PersistedQueryNotFound
        | Code::PersistedQueryNotSupported
        | Code::NotFound
        | Code::Conflict => StatusCode::BAD_REQUEST,
        Code::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let retry_after = error.retry_after;
    let response = write(status, &ErrorsOnly { errors: &execute::refusal(error) }, media);
    match retry_after {
        Some(seconds) => limited(response, seconds),
        None => response,
    }
}

fn write(status: StatusCode, answer: &impl Serialize, media: Media) -> Response {
    let Ok(body) = serde_json::to_vec(answer) else {
        tracing::error!("a response cannot be written as JSON");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    with_body(status, body, media)
}

/// An answer that nobody keeps.
pub fn with_body(status: StatusCode, body: Vec<u8>, media: Media) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media.content_type()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    (status, headers, body).into_response()
}

/// With the methods that there are.
pub fn with_allow(mut response: Response, methods: &'static str) -> Response {
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}
