//! Middleware around every answer: request id, access log, panics, compression, CORS and security headers.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method,
        header::{self, AUTHORIZATION, CONTENT_TYPE},
    },
    middleware::{Next, from_fn},
    response::Response,
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate,
        predicate::{DefaultPredicate, NotForContentType, SizeAbove},
    },
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
};
use tracing::Instrument;
use uuid::Builder;

use super::{answer::unserved, cache, media::Media, metrics};
use crate::{config::Config, graphql::execute::panicked, tasks::panic_message};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Each part of a stream is sent at once; of event streams the library knows that by itself.
const NOT_PARTS: NotForContentType = NotForContentType::const_new("multipart/mixed");

/// One packet holds what is smaller.
const WORTH_COMPRESSING: u64 = 1024;

/// The router with all middleware in one layer: axum boxes the body of the answer once for each layer.
pub fn surround(router: Router, config: &Config) -> Router {
    let compression = CompressionLayer::new()
        .compress_when(DefaultPredicate::new().and(SizeAbove::new(WORTH_COMPRESSING)).and(NOT_PARTS));
    let protection = Arc::new(protection(config));
    router.layer(
        ServiceBuilder::new()
            .layer(from_fn(observe))
            .map_response(move |answer| protected(without_cors_for_strangers(answer), &protection))
            .layer(cors(config))
            .layer(CatchPanicLayer::custom(answer_panic))
            .map_response(cache::name_compressed)
            .layer(compression),
    )
}

/// Gives a request its id, which its answer carries and all that is logged of it, counts it, and says in the log how it was answered.
///
/// Health checks and scrapes come every few seconds and are of interest only when somebody looks for them. The query is left out: it may
/// hold variables.
async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let of_machines = path.starts_with("/health/") || path == "/metrics";
    let span = match of_machines {
        true => tracing::debug_span!("request", id, %method, path),
        false => tracing::info_span!("request", id, %method, path),
    };
    let mut response = next.run(request).instrument(span).await;
    let status = response.status().as_u16();
    metrics::count_response(status);
    let milliseconds = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    // Outside of the span: the library would read that back from its own JSON, which costs as much as all the rest of the line.
    match of_machines {
        true => tracing::debug!(id, %method, path, status, milliseconds, "answered"),
        false => tracing::info!(id, %method, path, status, milliseconds, "answered"),
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The caller's id where it is short and plain, so that it is safe in a log; otherwise one of ours.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match given.filter(|id| id.len() <= 64 && id.bytes().all(|byte| plain(&byte))) {
        Some(given) => given.to_owned(),
        None => Builder::from_random_bytes(rand::random()).into_uuid().to_string(),
    }
}

/// Whoever's request panicked is answered, as after any other defect of ours.
fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    unserved(panicked(panic_message(&*panic)), Media::Json)
}

/// The security headers of every answer: it is data, so no page may frame it, guess its type, run anything in it, embed it from elsewhere,
/// or keep it.
fn protection(config: &Config) -> HeaderMap {
    let mut protection = HeaderMap::from_iter([
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ]);
    let seconds = config.http.strict_transport_security_seconds;
    if seconds > 0 {
        let value = HeaderValue::try_from(format!("max-age={seconds}"));
        protection.extend(value.map(|value| (header::STRICT_TRANSPORT_SECURITY, value)));
    }
    protection
}

/// The answer with these headers. Where a handler has said one more precisely, that stands.
fn protected<B>(mut answer: Response<B>, protection: &HeaderMap) -> Response<B> {
    for (name, value) in protection {
        answer.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    answer
}

/// How long browsers may keep the answer to a preflight. None does for longer than two hours.
const PREFLIGHT_TIME: Duration = Duration::from_secs(2 * 60 * 60);

/// Pages of the configured origins may call; without any, only pages of this very server. No page may send what a browser keeps for
/// this server: who asks is said by the page, which is why it may send what headers it likes.
fn cors(config: &Config) -> CorsLayer {
    let origins = if config.http.any_origin_allowed() {
        AllowOrigin::any()
    } else {
        let allowed = config.http.allowed_origins.clone();
        AllowOrigin::predicate(move |origin, _| allowed.iter().any(|known| known.as_bytes() == origin.as_bytes()))
    };
    let headers = if config.http.any_header_allowed() {
        AllowHeaders::mirror_request()
    } else {
        // The start has refused what is no name.
        let named = config.http.allowed_headers.iter().filter_map(|name| HeaderName::try_from(name).ok());
        AllowHeaders::list([CONTENT_TYPE, AUTHORIZATION, REQUEST_ID].into_iter().chain(named))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(headers)
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(PREFLIGHT_TIME)
        // Nothing but a preflight depends on the headers that it asks for, and no cache keeps one.
        .vary([header::ORIGIN])
}

/// A page of an origin that is not allowed is not told what others may.
fn without_cors_for_strangers<B>(mut answer: Response<B>) -> Response<B> {
    let headers = answer.headers_mut();
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        for name in [
            header::ACCESS_CONTROL_ALLOW_METHODS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            header::ACCESS_CONTROL_MAX_AGE,
        ] {
            headers.remove(name);
        }
    }
    answer
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
            assert!(!foreign.contains("access-control-"), "{foreign}");
        }
        let development = Config::defaults(Environment::Development, true);
        let any = head(&development, "GET", "origin: http://localhost:3000\r\n").await;
        assert!(any.contains("access-control-allow-origin: *"), "{any}");
        for answer in [known, any] {
            assert!(!answer.contains("access-control-allow-credentials"), "{answer}");
        }
    }

    /// What is asked before a page with these headers calls: the answer's head, in lower case.
    async fn preflight(config: &Config, origin: &str, headers: &str) -> String {
        let asked = format!("access-control-request-method: POST\r\naccess-control-request-headers: {headers}\r\n");
        head(config, "OPTIONS", &format!("origin: {origin}\r\n{asked}")).await
    }

    #[tokio::test]
    async fn pages_of_allowed_origins_may_send_the_headers_that_they_ask_for() {
        let asked = "apollographql-client-name,authorization,baggage,content-type,sentry-trace,traceparent";
        let answer = preflight(&production(), "https://app.example", asked).await;
        for expected in [
            "http/1.1 200 ok",
            "access-control-allow-origin: https://app.example",
            &format!("access-control-allow-headers: {asked}"),
            "access-control-allow-methods: get,post",
            "access-control-max-age: 7200",
            "vary: origin",
        ] {
            assert!(answer.contains(expected), "{expected} in {answer}");
        }
        let stranger = preflight(&production(), "https://evil.example", asked).await;
        assert!(!stranger.contains("access-control-"), "{stranger}");
        assert!(stranger.contains("vary: origin"), "{stranger}");
        let anybody =
            preflight(&Config::defaults(Environment::Development, true), "http://localhost:3000", asked).await;
        assert!(anybody.contains("access-control-allow-origin: *"), "{anybody}");
        assert!(anybody.contains(&format!("access-control-allow-headers: {asked}")), "{anybody}");
    }

    #[tokio::test]
    async fn the_headers_that_pages_may_send_can_be_named() {
        let mut config = production();
        config.http.allowed_headers = vec!["sentry-trace".to_owned(), "baggage".to_owned()];
        let answer = preflight(&config, "https://app.example", "content-type,traceparent").await;
        let allowed = "access-control-allow-headers: content-type,authorization,x-request-id,sentry-trace,baggage";
        assert!(answer.lines().any(|line| line == allowed), "{answer}");
    }

    #[tokio::test]
    async fn pages_may_read_what_clients_need() {
        let answer = head(&production(), "GET", "origin: https://app.example\r\n").await;
        assert!(answer.contains("access-control-expose-headers: x-request-id,retry-after"), "{answer}");
        assert!(answer.contains("vary: origin"), "{answer}");
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
