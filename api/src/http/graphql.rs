//! GraphQL over HTTP, by the letter of <https://graphql.github.io/graphql-over-http/draft/>.
//!
//! Every answer is JSON, also to what is no GraphQL request, unless the client wants a stream of events. Only `application/json` is
//! taken, for it is what a foreign page cannot send without asking first; and a GET runs no mutations, under whatever name.

use std::{net::SocketAddr, sync::Arc};

use async_graphql::{Request, parser::types::OperationType};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{Method, StatusCode, request::Parts},
    response::Response,
    routing::any,
};

use super::{
    answer::{refused, rejected, unserved, with_allow, with_body},
    batch, bearer_token, cache,
    endpoint::{Asker, Endpoint},
    live::{admission::LiveConnections, rights_check::RightsCheck, streamed, websocket},
    media::{Accepted, Form, Media, Streamed},
    origin,
    request::{IncomingRequest, read_body, read_query},
};
use crate::{
    app::App,
    database::on_one_connection,
    deadline::Deadline,
    domain::{
        error::{Code, Error},
        viewer::Origin,
    },
    graphql::{execute::Operation, json},
    schema::Schema,
    shutdown::Shutdown,
};

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
    let authenticating = bearer_token::from_headers(&endpoint.app, &parts.headers, &origin);
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
