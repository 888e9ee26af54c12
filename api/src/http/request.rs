//! The parameters of a GraphQL request, from a URL, a body, or a message of a socket.

use async_graphql::{Request, Variables};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use futures_util::StreamExt;
use serde_json::{Map, Number, Value as Json};

use crate::{config::LimitsConfig, deadline::Deadline, graphql::document::DocumentName};

/// More than anybody's batches have, and little enough to answer each of their requests.
const MOST_ANSWERED: usize = 1_000;

/// What one HTTP request asks to run: one GraphQL request, or a batch.
pub enum IncomingRequest {
    One(Box<Request>),
    Batch(Vec<Request>),
    /// A batch of so many requests, which is over the limit.
    TooMany {
        requests: usize,
        message: String,
    },
}

/// Why it is no GraphQL request, with the status that says so.
pub type Rejection = (StatusCode, String);

pub fn bad_request(message: impl Into<String>) -> Rejection {
    (StatusCode::BAD_REQUEST, message.into())
}

/// The request in a URL's query.
pub fn read_query(parts: &Parts) -> Result<Request, Rejection> {
    let query = parts.uri.query().unwrap_or_default();
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            "query" | "operationName" | "documentId" => Json::from(value.as_ref()),
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
pub async fn read_body(headers: &HeaderMap, body: Body, limits: &LimitsConfig) -> Result<IncomingRequest, Rejection> {
    if !is_json(headers) {
        let message = "Send the request as application/json, in UTF-8 and not compressed.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned()));
    }
    let body = Deadline::from_now(limits).meet(collect(body, limits.body_bytes)).await.ok_or_else(|| {
        let message = "The request did not arrive in time.";
        (StatusCode::REQUEST_TIMEOUT, message.to_owned())
    })??;
    match serde_json::from_slice(&body) {
        Ok(Json::Object(fields)) => to_request(fields).map(|request| IncomingRequest::One(request.into())),
        Ok(Json::Array(requests)) => read_batch(requests, limits.batch_operations),
        Ok(_) => Err(bad_request("The request must be a JSON object.")),
        Err(error) => Err(bad_request(format!("The request is not JSON: {error}."))),
    }
}

/// The requests of a batch, at most as many as `limit`. One that is longer is to be refused.
///
/// # Errors
/// Says what is wrong with the first of them that is no request, and runs none.
fn read_batch(requests: Vec<Json>, limit: usize) -> Result<IncomingRequest, Rejection> {
    if requests.is_empty() {
        return Err(bad_request("A batch has at least one request."));
    }
    if requests.len() > limit {
        let message = match limit {
            0 => "Batches are not supported: send one request at a time.".to_owned(),
            limit => format!("A batch has 1 to {limit} requests, not {}.", requests.len()),
        };
        return match requests.len() {
            requests @ ..=MOST_ANSWERED => Ok(IncomingRequest::TooMany { requests, message }),
            _ => Err(bad_request(message)),
        };
    }
    let requests = requests.into_iter().map(|request| match request {
        Json::Object(fields) => to_request(fields),
        _ => Err(bad_request("Each request of a batch must be a JSON object.")),
    });
    requests.collect::<Result<_, _>>().map(IncomingRequest::Batch)
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
pub fn to_request(mut fields: Map<String, Json>) -> Result<Request, Rejection> {
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let extensions = match take("extensions") {
        Json::Null => Map::new(),
        Json::Object(extensions) => extensions,
        _ => return Err(bad_request("`extensions` must be an object.")),
    };
    let name = document_name(take("documentId"), extensions)?;
    let mut request = match (take("query"), name) {
        (Json::String(query), None) => Request::new(query),
        (Json::String(query), Some(name)) => Request::new(query).data(name),
        (Json::Null, Some(name)) => Request::new("").data(name),
        _ => return Err(bad_request("`query` must be a string.")),
    };
    request.operation_name = match take("operationName") {
        Json::Null => None,
        // No operation is called that: in a URL there is no other way to say nothing, and clients write it elsewhere, too.
        Json::String(name) => Some(name).filter(|name| !name.is_empty()),
        _ => return Err(bad_request("`operationName` must be a string.")),
    };
    request.variables = match take("variables") {
        Json::Null => Variables::default(),
        mut variables @ Json::Object(_) => {
            write_whole_numbers(&mut variables);
            Variables::from_json(variables)
        }
        _ => return Err(bad_request("`variables` must be an object.")),
    };
    Ok(request)
}

/// What the request calls its document, if it does. Other extensions are not known, and to be ignored.
fn document_name(id: Json, mut extensions: Map<String, Json>) -> Result<Option<DocumentName>, Rejection> {
    let persisted = extensions.remove("persistedQuery").unwrap_or_default();
    match (id, &persisted["version"], &persisted["sha256Hash"]) {
        (Json::String(id), ..) => Ok(Some(DocumentName::Id(id))),
        (Json::Null, ..) if persisted.is_null() => Ok(None),
        (Json::Null, Json::Number(version), Json::String(hash)) if version.as_u64() == Some(1) => {
            Ok(Some(DocumentName::Hash(hash.clone())))
        }
        (Json::Null, ..) => {
            Err(bad_request("`extensions.persistedQuery` must be {\"version\": 1, \"sha256Hash\": \"…\"}."))
        }
        _ => Err(bad_request("`documentId` must be a string.")),
    }
}

/// The largest whole number of which JSON's readers make no other one.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Writes `2.0` and `-0` as 2 and 0, which they are to JSON: clients whose language has one kind of number write whole ones like that.
fn write_whole_numbers(value: &mut Json) {
    match value {
        Json::Number(number) => {
            let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER;
            if let Some(whole) = number.as_f64().filter(|_| number.is_f64()).filter(whole) {
                *number = Number::from(whole as i64);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(write_whole_numbers),
        Json::Object(fields) => fields.values_mut().for_each(write_whole_numbers),
        Json::Null | Json::Bool(_) | Json::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
        for named in [
            json!({ "documentId": "x" }),
            json!({ "documentId": "x", "query": null }),
            json!({ "query": "", "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "x" }, "more": 1 } }),
        ] {
            assert_eq!(status(named.clone()), Ok(()), "{named}");
        }
        for refused in [
            json!({}),
            json!({ "query": null }),
            json!({ "query": 1 }),
            json!({ "query": "{a}", "variables": [] }),
            json!({ "query": "{a}", "variables": "{}" }),
            json!({ "query": "{a}", "operationName": 1 }),
            json!({ "query": "{a}", "extensions": [] }),
            json!({ "query": "{a}", "extensions": { "persistedQuery": 1 } }),
            json!({ "query": "{a}", "extensions": { "persistedQuery": { "version": 2, "sha256Hash": "x" } } }),
            json!({ "extensions": { "persistedQuery": { "version": 1 } } }),
            json!({ "documentId": 1 }),
            json!({ "documentId": "x", "query": 1 }),
        ] {
            assert_eq!(status(refused.clone()), Err(400), "{refused}");
        }
    }

    #[test]
    fn an_empty_operation_name_is_none() {
        let fields = serde_json::json!({ "query": "{a}", "operationName": "" });
        let Json::Object(fields) = fields else { unreachable!() };
        assert_eq!(to_request(fields).expect("a request").operation_name, None);
    }

    #[test]
    fn whole_numbers_are_whole_however_they_are_written() {
        for (written, read) in [
            ("2.0", "2"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("-7.00", "-7"),
            ("2147483647.0", "2147483647"),
            ("2.5", "2.5"),
            ("1e-3", "0.001"),
            ("18446744073709551615", "18446744073709551615"),
            (r#"[{"a":3.0},["4.0",5.0,null,true]]"#, r#"[{"a":3},["4.0",5,null,true]]"#),
        ] {
            let mut value = serde_json::from_str(written).expect("JSON");
            write_whole_numbers(&mut value);
            assert_eq!(value.to_string(), read, "{written}");
        }
        let mut huge = serde_json::from_str("1e300").expect("JSON");
        write_whole_numbers(&mut huge);
        assert!(huge.is_f64());
    }
}
