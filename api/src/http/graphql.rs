//! GraphQL over HTTP, by the letter of <https://graphql.github.io/graphql-over-http/draft/>.
//!
//! Every answer is JSON, also to what is no GraphQL request, unless the client wants a stream of events. Only `application/json` is
//! taken, for it is what a foreign page cannot send without asking first; and a GET runs no mutations, under whatever name.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_graphql::{Request, ServerError, Value, parser::types::OperationType};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use serde::Serialize;

use super::{
    authentication::{self, Authenticated},
    batch, cache,
    incoming_request::{IncomingRequest, read_body, read_query},
    live_connections::LiveConnections,
    media::{Accepted, ErrorsOnly, Media, Streamed},
    origin,
    rights_check::RightsCheck,
    streamed::{self, Form},
    websocket,
};
use crate::{
    app::App,
    database::on_one_connection,
    deadline::Deadline,
    domain::{
        error::{Code, Error, Result},
        viewer::Origin,
    },
    graphql::{
        document::coded,
        execute::{self, Operation},
        json,
    },
    schema::Schema,
    shutdown::Shutdown,
};

/// What serves GraphQL.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub app: Arc<App>,
    pub schema: Schema,
    pub shutdown: Shutdown,
    pub connections: LiveConnections,
    pub rights: RightsCheck,
}

impl Endpoint {
    /// Ready when a connection has to end because the process will.
    pub fn departure(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shutdown.departure(Duration::from_secs(self.app.config.shutdown.spread_seconds))
    }
}

/// `/graphql`: queries and mutations over HTTP, and everything over websockets and event streams, subscriptions as multipart HTTP too.
pub fn routes(app: Arc<App>, schema: Schema, shutdown: Shutdown) -> Router {
    let connections = LiveConnections::new(&app.config.websocket);
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
    if websocket::is_asked_for(&parts) {
        return websocket::open(Endpoint::clone(&endpoint), parts, origin);
    }
    let Some(accepted) = Accepted::read(&parts.headers) else {
        let message = "The response can be application/graphql-response+json, application/json or text/event-stream, and to a subscription multipart/mixed;subscriptionSpec=1.0.";
        return rejected(StatusCode::NOT_ACCEPTABLE, message, Media::Json);
    };
    let media = accepted.media;
    let request = match parts.method.clone() {
        Method::GET => read_query(&parts).map(|request| IncomingRequest::One(request.into())),
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
    asked: IncomingRequest,
    origin: Origin,
    accepted: Accepted,
    deadline: Deadline,
) -> Response {
    let authenticating = authentication::from_headers(&endpoint.app, &parts.headers, &origin);
    let authenticated = match deadline.meet_or_unavailable(authenticating).await {
        // There are operations that take no notice of a token that is not valid.
        Err(error) if error.code != Code::Unauthenticated => return unserved(error, accepted.media),
        authenticated => authenticated,
    };
    match asked {
        IncomingRequest::One(request) => {
            let asker = Asker { authenticated, origin, accepted, deadline };
            run(endpoint, parts, asker, *request).await
        }
        IncomingRequest::Batch(requests) => {
            let viewer = authenticated.map(|authenticated| authenticated.viewer);
            match batch::run(endpoint, viewer, &origin, requests).await {
                Ok(answers) => with_body(StatusCode::OK, answers, Media::Json),
                Err(not_valid) => unserved(not_valid, accepted.media),
            }
        }
        IncomingRequest::TooMany { requests, message } => match authenticated {
            Ok(_) => with_body(StatusCode::OK, batch::refuse(requests, &message), Media::Json),
            Err(not_valid) => unserved(not_valid, accepted.media),
        },
    }
}

/// Who waits for an answer, where, in what form and for how long.
pub(super) struct Asker {
    /// Or why the token is not valid.
    pub authenticated: Result<Authenticated>,
    pub origin: Origin,
    pub accepted: Accepted,
    pub deadline: Deadline,
}

async fn run(endpoint: &Endpoint, parts: &Parts, asker: Asker, request: Request) -> Response {
    let Accepted { media, streamed } = asker.accepted;
    let viewer = asker.authenticated.as_ref().map(|authenticated| authenticated.viewer.clone()).map_err(Error::clone);
    let origin = asker.origin.clone();
    let prepared = Operation::prepare(&endpoint.app, &endpoint.schema, viewer, origin, request, asker.deadline).await;
    if let (Err(_), Err(refusal)) = (&asker.authenticated, &prepared) {
        return refused(refusal, media);
    }
    let kind = prepared.as_ref().ok().map(Operation::kind);
    if parts.method == Method::GET && kind == Some(OperationType::Mutation) {
        let message = "A GET request runs no mutations: send them by POST.";
        return with_allow(rejected(StatusCode::METHOD_NOT_ALLOWED, message, media), "POST");
    }
    let form = match streamed {
        Streamed::Nothing => None,
        Streamed::Subscriptions(form) => Some(form).filter(|_| kind == Some(OperationType::Subscription)),
        Streamed::Everything => Some(Form::EventStream),
    };
    if let Some(form) = form {
        return streamed::open(endpoint, asker, form, prepared).await;
    }
    let operation = match prepared {
        Ok(operation) => operation,
        Err(refusal) => return refused(&refusal, media),
    };
    let max_age = endpoint.app.config.http.public_max_age_seconds;
    let may_be_kept = max_age > 0 && cache::is_asked_by_anybody(parts) && operation.shows_public_data();
    match operation.run().await {
        Ok(answer) if may_be_kept && answer.errors.is_empty() => {
            cache::answer(parts, json::response(&answer), media, max_age)
        }
        Ok(answer) => with_body(StatusCode::OK, json::response(&answer), media),
        Err(refusal) => refused(&refusal, media),
    }
}

/// An answer with one error, where the client's liking is not known.
pub(super) fn refuse(status: StatusCode, code: Code, message: &str) -> Response {
    let error = coded(code, message.to_owned(), None);
    write(status, &ErrorsOnly { errors: &[error] }, Media::Json)
}

/// The answer to what is no GraphQL request.
fn rejected(status: StatusCode, message: &str, media: Media) -> Response {
    let error = coded(Code::BadUserInput, message.to_owned(), None);
    write(status, &ErrorsOnly { errors: &[error] }, media)
}

/// The answer to a GraphQL request that was refused before it ran.
fn refused(errors: &[ServerError], media: Media) -> Response {
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
