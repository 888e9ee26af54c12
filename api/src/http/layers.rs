//! What surrounds every answer: its id, its log line, its compression, and what browsers may do with it.

use std::{any::Any, time::Duration};

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
    catch_panic::CatchPanicLayer,
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

use super::{graphql::unserved, media::Media, metrics};
use crate::{config::Config, graphql::execute::panicked, tasks::panic_message};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One packet holds what is smaller.
const WORTH_COMPRESSING: u64 = 1024;

/// The router with everything around it, the outermost last.
pub fn surround(router: Router, config: &Config) -> Router {
    let compression =
        CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(WORTH_COMPRESSING)));
    let trace =
        TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(note_response).on_failure(());
    let mut router = router.layer(compression).layer(CatchPanicLayer::custom(answer_panic)).layer(cors(config));
    for (name, value) in PROTECTION {
        // Where a handler has said it more precisely, that stands.
        router = router.layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ));
    }
    let seconds = config.http.strict_transport_security_seconds;
    if seconds > 0
        && let Ok(value) = HeaderValue::try_from(format!("max-age={seconds}"))
    {
        router = router.layer(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, value));
    }
    router
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(trace)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(from_fn(distrust_request_id))
}

/// Whoever's request panicked is answered, as after any other defect of ours.
fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    unserved(panicked(panic_message(&*panic)), Media::Json)
}

/// An answer is data: no page may frame it, guess its type, run anything in it, embed it from elsewhere, or keep it.
const PROTECTION: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Pages of the configured origins may call; without any, only pages of this very server. No page may send what a browser keeps for
/// this server: who asks is said by the page.
fn cors(config: &Config) -> CorsLayer {
    let origins = if config.http.any_origin_allowed() {
        AllowOrigin::any()
    } else {
        let allowed = config.http.allowed_origins.clone();
        AllowOrigin::predicate(move |origin, _| allowed.iter().any(|known| known.as_bytes() == origin.as_bytes()))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([CONTENT_TYPE, AUTHORIZATION, REQUEST_ID])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
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

/// Health checks and scrapes come every few seconds and are of interest only when somebody looks for them. The query is left out: it may
/// hold variables.
fn span<Body>(request: &axum::http::Request<Body>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let (method, path) = (request.method(), request.uri().path());
    if path.starts_with("/health/") || path == "/metrics" {
        return tracing::debug_span!("request", id, %method, path);
    }
    tracing::info_span!("request", id, %method, path)
}

fn note_response<Body>(response: &axum::http::Response<Body>, latency: Duration, span: &Span) {
    let status = response.status().as_u16();
    metrics::count_response(status);
    let milliseconds = (latency.as_secs_f64() * 1e6).round() / 1e3;
    let of_machines = span.metadata().is_none_or(|metadata| *metadata.level() == tracing::Level::DEBUG);
    match of_machines {
        true => tracing::debug!(status, milliseconds, "answered"),
        false => tracing::info!(status, milliseconds, "answered"),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::config::Environment;

    /// The head of an answer, in lower case, to `method` with these further lines of a request.
    async fn head(config: &Config, method: &str, lines: &str) -> String {
        let answer = answer(config, method, lines).await.to_lowercase();
        answer.split("\r\n\r\n").next().unwrap_or_default().to_owned()
    }

    async fn answer(config: &Config, method: &str, lines: &str) -> String {
        let handler = get(async || "x".repeat(5_000)).post(async || -> String { panic!("the inside") });
        let router = Router::new().route("/graphql", handler);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let server = tokio::spawn(axum::serve(listener, surround(router, config)).into_future());
        let mut connection = TcpStream::connect(address).await.expect("connects");
        let request = format!("{method} /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n");
        connection.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.expect("answered");
        server.abort();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn who_meets_a_panic_is_answered_and_not_told_what_it_was() {
        let answer = answer(&production(), "POST", "").await;
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("x-request-id: "), "{answer}");
        assert!(answer.contains(r#""code":"INTERNAL_SERVER_ERROR""#) && answer.contains(r#""id":"#), "{answer}");
        assert!(!answer.contains("the inside"), "{answer}");
    }

    fn production() -> Config {
        let mut config = Config::defaults(Environment::Production, false);
        config.http.allowed_origins = vec!["https://app.example".to_owned()];
        config
    }

    #[tokio::test]
    async fn only_configured_origins_may_read() {
        let known = head(&production(), "GET", "origin: https://app.example\r\n").await;
        assert!(known.contains("access-control-allow-origin: https://app.example"), "{known}");
        for origin in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"] {
            let foreign = head(&production(), "GET", &format!("origin: {origin}\r\n")).await;
            assert!(!foreign.contains("access-control-allow-origin"), "{foreign}");
        }
        let development = Config::defaults(Environment::Development, true);
        let any = head(&development, "GET", "origin: http://localhost:3000\r\n").await;
        assert!(any.contains("access-control-allow-origin: *"), "{any}");
        for answer in [known, any] {
            assert!(!answer.contains("access-control-allow-credentials"), "{answer}");
        }
    }

    #[tokio::test]
    async fn browsers_are_told_to_come_over_tls_where_it_is_configured() {
        let mut config = production();
        assert!(!head(&config, "GET", "").await.contains("strict-transport-security"));
        config.http.strict_transport_security_seconds = 31_536_000;
        assert!(head(&config, "GET", "").await.contains("strict-transport-security: max-age=31536000"));
    }

    #[tokio::test]
    async fn an_id_of_the_request_is_kept_if_it_is_plain() {
        assert!(head(&production(), "GET", "x-request-id: a-1_b.2\r\n").await.contains("x-request-id: a-1_b.2"));
        for bad in ["a b", "%0a", &"a".repeat(65)] {
            let answer = head(&production(), "GET", &format!("x-request-id: {bad}\r\n")).await;
            let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("there is one");
            assert!(id.len() == 36 && id != bad, "{id}");
        }
    }

    #[tokio::test]
    async fn answers_are_compressed_and_guarded() {
        let answer = head(&production(), "GET", "accept-encoding: gzip\r\n").await;
        for expected in [
            "content-encoding: gzip",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(answer.contains(expected), "{expected} in {answer}");
        }
    }
}
