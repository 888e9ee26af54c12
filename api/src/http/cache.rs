//! HTTP caching of public data: browsers, and caches in between, may keep the answer to an anonymous GET, and revalidate it by its `ETag`.
//!
//! Everything else is `no-store`: what somebody is shown who is signed in, what went wrong, and what was asked for by POST.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::media::Media;

/// Bytes of the hash that is an answer's `ETag`.
const TAG_BYTES: usize = 16;
/// The end of a compressed answer's `ETag`, for its bytes are other ones.
const COMPRESSED: &str = "-gzip";

/// Whether it is a GET of nobody in particular.
pub fn is_asked_by_anybody(parts: &Parts) -> bool {
    parts.method == Method::GET && !parts.headers.contains_key(header::AUTHORIZATION)
}

/// Answers with what may be kept for so many seconds; with 304 where the client has it already.
pub fn answer(parts: &Parts, body: Vec<u8>, media: Media, max_age: u64) -> Response {
    let tag = tag(&body, media);
    let known = known(&parts.headers, &tag);
    let mut headers = HeaderMap::from_iter([
        // What it depends on besides the origin, which is told of every answer.
        (header::VARY, HeaderValue::from_static("Authorization, Accept, Accept-Encoding")),
    ]);
    let texts =
        [(header::CACHE_CONTROL, format!("public, max-age={max_age}")), (header::ETAG, known.clone().unwrap_or(tag))];
    headers.extend(texts.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?))));
    if known.is_some() {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, media.content_type());
    (headers, body).into_response()
}

/// Gives an answer that has been compressed the `ETag` of its compressed form.
pub fn name_compressed<B>(mut answer: Response<B>) -> Response<B> {
    let is_compressed = answer.headers().contains_key(header::CONTENT_ENCODING);
    if is_compressed
        && let Some(tag) = answer.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && let Ok(tag) = HeaderValue::try_from(compressed(tag))
    {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

/// The `ETag` of an answer, which no other bytes have: a strong validator (RFC 9110, section 8.8.1).
fn tag(body: &[u8], media: Media) -> String {
    let digest = Sha256::new().chain_update(media.content_type()).chain_update(body).finalize();
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..TAG_BYTES]))
}

fn compressed(tag: &str) -> String {
    format!("{}{COMPRESSED}\"", tag.trim_end_matches('"'))
}

/// The `ETag` of the client's copy of this answer, if it has one (`If-None-Match`).
fn known(headers: &HeaderMap, tag: &str) -> Option<String> {
    let compressed = compressed(tag);
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    // No tag of ours has a comma in it, and caches may have made a weak one of it.
    let mut tags = lines.flat_map(|line| line.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    tags.find_map(|known| match known {
        "*" => Some(tag.to_owned()),
        known => (known == tag || known == compressed).then(|| known.to_owned()),
    })
}
