//! What surrounds every answer: its id, its log line, its compression, and what browsers may do with it.

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderName, HeaderValue, Method,
        header::{self, AUTHORIZATION, CONTENT_TYPE},
    },
    middleware::{Next, from_fn},
    response::Response,
};
use tower_http::{
    compression::{
        CompressionLayer, Predicate,
        predicate::{DefaultPredicate, SizeAbove},
    },
    cors::{AllowOrigin, CorsLayer},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};
use tracing::Span;

use crate::config::Config;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One packet holds what is smaller.
const WORTH_COMPRESSING: u64 = 1024;

/// The router with everything around it, the outermost last.
pub fn surround(router: Router, config: &Config) -> Router {
    let compression =
        CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(WORTH_COMPRESSING)));
    let trace = TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(log_response).on_failure(());
    let mut router = router.layer(compression).layer(cors(config));
    for (name, value) in PROTECTION {
        // Where a handler has said it more precisely, that stands.
        router = router.layer(SetResponseHeaderLayer::if_not_present(name.clone(), HeaderValue::from_static(value)));
    }
    router
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(trace)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(from_fn(distrust_request_id))
}

/// An answer is data: no page may frame it, guess its type, run anything in it, or keep it.
const PROTECTION: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Pages of the configured origins may call; without any, only pages of this very server.
fn cors(config: &Config) -> CorsLayer {
    let origins = if config.http.any_origin_allowed() {
        AllowOrigin::any()
    } else {
        let allowed = config.http.allowed_origins.clone();
        AllowOrigin::predicate(move |origin, _| allowed.iter().any(|known| known.as_bytes() == origin.as_bytes()))
    };
    let mut headers = vec![CONTENT_TYPE, AUTHORIZATION, REQUEST_ID];
    if config.is_development() {
        headers.push(HeaderName::from_static("x-development-user"));
    }
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(headers)
        .expose_headers([REQUEST_ID])
        .max_age(Duration::from_secs(3600))
}

/// Keeps the caller's id where it is short and plain, so that it is safe in a log; otherwise the request gets one of ours.
async fn distrust_request_id(mut request: Request, next: Next) -> Response {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    if request.headers().get(REQUEST_ID).is_some_and(|id| id.len() > 64 || !id.as_bytes().iter().all(plain)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

/// Health checks come every few seconds and are of interest only when somebody looks for them. The query is left out: it may
/// hold variables.
fn span<Body>(request: &axum::http::Request<Body>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let (method, path) = (request.method(), request.uri().path());
    if path.starts_with("/health/") {
        return tracing::debug_span!("request", id, %method, path);
    }
    tracing::info_span!("request", id, %method, path)
}

fn log_response<Body>(response: &axum::http::Response<Body>, latency: Duration, span: &Span) {
    let status = response.status().as_u16();
    let milliseconds = (latency.as_secs_f64() * 1e6).round() / 1e3;
    let of_health = span.metadata().is_none_or(|metadata| *metadata.level() == tracing::Level::DEBUG);
    match of_health {
        true => tracing::debug!(status, milliseconds, "answered"),
        false => tracing::info!(status, milliseconds, "answered"),
    }
}
