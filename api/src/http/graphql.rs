//! GraphQL over HTTP, by the letter of <https://graphql.github.io/graphql-over-http/draft/>.
//!
//! Every answer is JSON, also to what is no GraphQL request, unless the client wants a stream of events. Only `application/json` is
//! taken, for it is what a foreign page cannot send without asking first; and a GET runs no mutations, under whatever name.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_graphql::{Request, ServerError, Value, Variables, parser::types::OperationType};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    batch,
    connections::Connections,
    event_stream,
    media::{Accepted, Media, Streamed},
    origin,
    rights_check::RightsCheck,
    viewer::{self, Authenticated},
    websocket,
};
use crate::{
    app::App,
    config::LimitsConfig,
    database::on_one_connection,
    deadline::Deadline,
    graphql::{
        document::coded,
        error::{Code, Error},
        execute::{self, Operation},
        json,
        schema::Schema,
    },
    shutdown::Shutdown,
    viewer::Origin,
};

/// What serves GraphQL.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub app: Arc<App>,
    pub schema: Schema,
    pub shutdown: Shutdown,
    pub connections: Connections,
    pub rights: RightsCheck,
}

impl Endpoint {
    /// Ready when a connection has to end because the process will.
    pub fn departure(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shutdown.departure(Duration::from_secs(self.app.config.shutdown.spread_seconds))
    }
}

/// `/graphql`: queries and mutations over HTTP, and everything over websockets and event streams.
pub fn routes(app: Arc<App>, schema: Schema, shutdown: Shutdown) -> Router {
    let connections = Connections::new(&app.config.websocket);
    let rights = RightsCheck::new(&app.config.websocket);
    // It goes on while the process ends, for as long as anybody is connected.
    tokio::spawn(app.tasks.forever("rights_check", {
        let (rights, app) = (rights.clone(), app.clone());
        move || {
            let running = rights.clone().run(app.clone());
            async move { Ok(running.await) }
        }
    }));
    let endpoint = Arc::new(Endpoint { app, schema, shutdown, connections, rights });
    Router::new().route("/graphql", any(handle)).with_state(endpoint)
}

async fn handle(
    State(endpoint): State<Arc<Endpoint>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: axum::http::Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let origin = origin::of(peer, &parts.headers, &endpoint.app.config.http);
    if websocket::is_handshake(&parts) {
        return websocket::open(Endpoint::clone(&endpoint), parts, origin).await;
    }
    let Some(accepted) = Accepted::read(&parts.headers) else {
        let message = "The response can be application/graphql-response+json, application/json or text/event-stream.";
        return rejected(StatusCode::NOT_ACCEPTABLE, message, Media::Json);
    };
    let media = accepted.media;
    let request = match parts.method.clone() {
        Method::GET => read_query(&parts).map(|request| Asked::One(request.into())),
        Method::POST => read_body(&parts.headers, body, &endpoint.app.config.limits).await,
        _ => {
            let message = "Send GraphQL requests by POST, or queries by GET.";
            let rejection = rejected(StatusCode::METHOD_NOT_ALLOWED, message, media);
            return with_allow(rejection, "GET, POST");
        }
    };
    let asked = match request {
        Ok(asked) => asked,
        Err((status, message)) => return rejected(status, &message, media),
    };
    // From here on the client waits for us, and whoever asks is told by the same connection as what is asked for.
    let deadline = Deadline::from_now(&endpoint.app.config.limits);
    on_one_connection(answer(&endpoint, &parts, asked, origin, accepted, deadline)).await
}

async fn answer(
    endpoint: &Endpoint,
    parts: &Parts,
    asked: Asked,
    origin: Origin,
    accepted: Accepted,
    deadline: Deadline,
) -> Response {
    let authenticating = viewer::from_headers(&endpoint.app, &parts.headers, &origin);
    let authenticated = match deadline.meet_or_unavailable(authenticating).await {
        Ok(authenticated) => authenticated,
        Err(error) => return unserved(error, accepted.media),
    };
    match asked {
        Asked::One(request) => {
            let asker = Asker { authenticated, origin, accepted, deadline };
            run(endpoint, &parts.method, asker, *request).await
        }
        Asked::Batch(requests) => {
            let answers = batch::run(endpoint, &authenticated.viewer, &origin, requests).await;
            with_body(StatusCode::OK, answers, Media::Json)
        }
    }
}

/// Who waits for an answer, where, in what form and for how long.
pub(super) struct Asker {
    pub authenticated: Authenticated,
    pub origin: Origin,
    pub accepted: Accepted,
    pub deadline: Deadline,
}

async fn run(endpoint: &Endpoint, method: &Method, asker: Asker, request: Request) -> Response {
    let Accepted { media, streamed } = asker.accepted;
    let (viewer, origin) = (asker.authenticated.viewer.clone(), asker.origin.clone());
    let prepared = execute::prepare(&endpoint.app, &endpoint.schema, viewer, origin, request, asker.deadline).await;
    let kind = prepared.as_ref().ok().map(Operation::kind);
    if method == Method::GET && kind == Some(OperationType::Mutation) {
        let message = "A GET request runs no mutations: send them by POST.";
        return with_allow(rejected(StatusCode::METHOD_NOT_ALLOWED, message, media), "POST");
    }
    let is_streamed = match streamed {
        Streamed::Nothing => false,
        Streamed::Subscriptions => kind == Some(OperationType::Subscription),
        Streamed::Everything => true,
    };
    if is_streamed {
        return event_stream::open(endpoint, asker, prepared).await;
    }
    let operation = match prepared {
        Ok(operation) => operation,
        Err(refusal) => return refused(&refusal, media),
    };
    match operation.run().await {
        Ok(answer) => with_body(StatusCode::OK, json::response(&answer), media),
        Err(refusal) => refused(&refusal, media),
    }
}

/// What a request asks to run.
enum Asked {
    One(Box<Request>),
    Batch(Vec<Request>),
}

pub(super) type Rejection = (StatusCode, String);

pub(super) fn bad_request(message: impl Into<String>) -> Rejection {
    (StatusCode::BAD_REQUEST, message.into())
}

/// The request in a URL's query.
fn read_query(parts: &Parts) -> Result<Request, Rejection> {
    let query = parts.uri.query().unwrap_or_default();
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            "query" | "operationName" => Json::from(value.as_ref()),
            "variables" | "extensions" => {
                serde_json::from_str(&value).map_err(|error| bad_request(format!("`{name}` is not JSON: {error}.")))?
            }
            _ => continue,
        };
        fields.insert(name.into_owned(), value);
    }
    to_request(fields)
}

/// The request in a body.
async fn read_body(headers: &HeaderMap, body: Body, limits: &LimitsConfig) -> Result<Asked, Rejection> {
    if !is_json(headers) {
        let message = "Send the request as application/json, in UTF-8 and not compressed.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned()));
    }
    let body = Deadline::from_now(limits).meet(collect(body, limits.body_bytes)).await.ok_or_else(|| {
        let message = "The request did not arrive in time.";
        (StatusCode::REQUEST_TIMEOUT, message.to_owned())
    })??;
    match serde_json::from_slice(&body) {
        Ok(Json::Object(fields)) => to_request(fields).map(|request| Asked::One(request.into())),
        Ok(Json::Array(requests)) => batch::read(requests, limits.batch_operations).map(Asked::Batch),
        Ok(_) => Err(bad_request("The request must be a JSON object.")),
        Err(error) => Err(bad_request(format!("The request is not JSON: {error}."))),
    }
}

/// Bytes above the limit that are read and thrown away: a client that is still writing when the connection closes gets a broken
/// pipe in place of the answer.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, Rejection> {
    let mut body = body.into_data_stream();
    let mut collected = Vec::new();
    let mut length: usize = 0;
    while let Some(part) = body.next().await
        && length <= limit.saturating_add(DISCARDED_BYTES)
    {
        let part = part.map_err(|_| bad_request("The request did not arrive whole."))?;
        length += part.len();
        if length <= limit {
            collected.extend_from_slice(&part);
        }
    }
    if length > limit {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, format!("The request has more than {limit} bytes.")));
    }
    Ok(collected)
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(media) = text(header::CONTENT_TYPE) else {
        return false;
    };
    let media = media.to_ascii_lowercase();
    let mut parts = media.split(';').map(str::trim);
    let plain = text(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    plain
        && parts.next() == Some("application/json")
        && parts.all(|parameter| match parameter.strip_prefix("charset=") {
            Some(charset) => charset.trim_matches('"') == "utf-8",
            None => true,
        })
}

/// The parameters of a GraphQL request (section 5.1), each with its type.
///
/// # Errors
/// Says which of them is not what it should be.
pub(super) fn to_request(mut fields: Map<String, Json>) -> Result<Request, Rejection> {
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let Json::String(query) = take("query") else {
        return Err(bad_request("`query` must be a string."));
    };
    let mut request = Request::new(query);
    request.operation_name = match take("operationName") {
        Json::Null => None,
        Json::String(name) => Some(name),
        _ => return Err(bad_request("`operationName` must be a string.")),
    };
    request.variables = match take("variables") {
        Json::Null => Variables::default(),
        variables @ Json::Object(_) => Variables::from_json(variables),
        _ => return Err(bad_request("`variables` must be an object.")),
    };
    match take("extensions") {
        // No extension is known, and unknown ones are to be ignored.
        Json::Null | Json::Object(_) => Ok(request),
        _ => Err(bad_request("`extensions` must be an object.")),
    }
}

/// A response without `data`: nothing ran.
#[derive(Serialize)]
struct Refused<'a> {
    errors: &'a [ServerError],
}

/// An answer with one error, where the client's liking is not known.
pub(super) fn refuse(status: StatusCode, code: Code, message: &str) -> Response {
    let error = coded(code, message.to_owned(), None);
    write(status, &Refused { errors: &[error] }, Media::Json)
}

/// The answer to what is no GraphQL request.
fn rejected(status: StatusCode, message: &str, media: Media) -> Response {
    let error = coded(Code::BadUserInput, message.to_owned(), None);
    write(status, &Refused { errors: &[error] }, media)
}

/// The answer to a GraphQL request that was refused before it ran.
fn refused(errors: &[ServerError], media: Media) -> Response {
    if let Some(seconds) = errors.iter().find_map(retry_after) {
        return limited(write(StatusCode::TOO_MANY_REQUESTS, &Refused { errors }, media), seconds);
    }
    let status = match media {
        Media::GraphqlResponse => StatusCode::BAD_REQUEST,
        Media::Json => StatusCode::OK,
    };
    write(status, &Refused { errors }, media)
}

/// The seconds after which the client may try again, where that is what it was refused for.
fn retry_after(error: &ServerError) -> Option<u64> {
    match error.extensions.as_ref()?.get("retryAfter")? {
        Value::Number(seconds) => seconds.as_u64(),
        _ => None,
    }
}

fn limited(mut response: Response, seconds: u64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

/// The answer where it cannot be said who asks.
pub(super) fn unserved(error: Error, media: Media) -> Response {
    let status = match error.code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable | Code::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        Code::BadUserInput
        | Code::GraphqlParseFailed
        | Code::GraphqlValidationFailed
        | Code::QueryTooComplex
        | Code::NotFound
        | Code::Conflict => StatusCode::BAD_REQUEST,
        Code::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let retry_after = error.retry_after;
    let response = write(status, &Refused { errors: &execute::refusal(error) }, media);
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

fn with_body(status: StatusCode, body: Vec<u8>, media: Media) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media.content_type()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    (status, headers, body).into_response()
}

fn with_allow(mut response: Response, methods: &'static str) -> Response {
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_taken() {
        let is_json = |value: &'static str| {
            is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON; charset=\"UTF-8\""));
        for refused in [
            "",
            "text/plain",
            "application/json5",
            "application/json; charset=utf-16",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain; application/json",
        ] {
            assert!(!is_json(refused), "{refused}");
        }
    }

    #[test]
    fn each_parameter_has_its_type() {
        let status = |json: Json| {
            let Json::Object(fields) = json else { unreachable!() };
            to_request(fields).map(drop).map_err(|(status, _)| status.as_u16())
        };
        use serde_json::json;
        assert_eq!(status(json!({ "query": "{a}" })), Ok(()));
        assert_eq!(
            status(json!({ "query": "{a}", "variables": null, "operationName": null, "extensions": null })),
            Ok(())
        );
        for refused in [
            json!({}),
            json!({ "query": null }),
            json!({ "query": 1 }),
            json!({ "query": "{a}", "variables": [] }),
            json!({ "query": "{a}", "variables": "{}" }),
            json!({ "query": "{a}", "operationName": 1 }),
            json!({ "query": "{a}", "extensions": [] }),
        ] {
            assert_eq!(status(refused.clone()), Err(400), "{refused}");
        }
    }
}
