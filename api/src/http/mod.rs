//! The HTTP edge: the router, its routes and its middleware.

mod answer;
mod batch;
mod bearer_token;
mod cache;
mod endpoint;
pub mod graphiql;
mod graphql;
mod health;
mod layers;
mod live;
mod media;
pub mod metrics;
mod origin;
mod request;
pub mod server;

use std::sync::Arc;

use axum::{Json, Router, http::StatusCode};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::{app::App, schema::Schema, shutdown::Shutdown};

/// Everything that is served: `/` GraphiQL, with what its page offers, `/graphql`, `/health/live`, `/health/ready`; and `/metrics`, where it is to be told here.
pub fn router(
    app: Arc<App>,
    schema: Schema,
    shutdown: Shutdown,
    graphiql: graphiql::Settings,
    metrics: Option<PrometheusHandle>,
) -> Router {
    let mut router = Router::new()
        .merge(graphql::routes(app.clone(), schema, shutdown.clone()))
        .merge(health::routes(app.clone(), shutdown));
    if app.config.graphiql.enabled {
        router = router.merge(graphiql::routes(graphiql));
    }
    if let Some(metrics) = metrics {
        router = router.merge(metrics::routes(metrics));
    }
    let router = router.fallback(nothing_here);
    layers::surround(router, &app.config)
}

/// Also what is not found is answered in the form that clients of a GraphQL server read.
async fn nothing_here() -> (StatusCode, Json<serde_json::Value>) {
    let error =
        json!({ "message": "There is nothing here. The API is at /graphql.", "extensions": { "code": "NOT_FOUND" } });
    (StatusCode::NOT_FOUND, Json(json!({ "errors": [error] })))
}
