//! Serialises responses to JSON. What plans have already written (`Value::Binary`) is copied as it is: async-graphql would write it as a
//! list of numbers.

use async_graphql::{Response, Value};

use super::plan::write_text;

/// The response in JSON, in the order that async-graphql writes its parts.
pub fn response(response: &Response) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(b'{');
    if !response.errors.is_empty() {
        bytes.extend_from_slice(b"\"errors\":");
        // Errors hold nothing that JSON cannot; nor do extensions.
        _ = serde_json::to_writer(&mut bytes, &response.errors);
        bytes.push(b',');
    }
    bytes.extend_from_slice(b"\"data\":");
    value(&response.data, &mut bytes);
    if !response.extensions.is_empty() {
        bytes.extend_from_slice(b",\"extensions\":");
        _ = serde_json::to_writer(&mut bytes, &response.extensions);
    }
    bytes.push(b'}');
    bytes
}

/// The same as text.
pub fn response_text(of: &Response) -> String {
    // JSON is text.
    String::from_utf8(response(of)).unwrap_or_default()
}

fn value(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Binary(written) => bytes.extend_from_slice(written),
        Value::List(entries) => {
            bytes.push(b'[');
            for (place, entry) in entries.iter().enumerate() {
                if place > 0 {
                    bytes.push(b',');
                }
                self::value(entry, bytes);
            }
            bytes.push(b']');
        }
        Value::Object(fields) => {
            bytes.push(b'{');
            for (place, (key, field)) in fields.iter().enumerate() {
                if place > 0 {
                    bytes.push(b',');
                }
                write_text(key, bytes);
                bytes.push(b':');
                self::value(field, bytes);
            }
            bytes.push(b'}');
        }
        // Neither holds anything that JSON cannot.
        Value::Null | Value::Number(_) | Value::String(_) | Value::Boolean(_) | Value::Enum(_) => {
            _ = serde_json::to_writer(bytes, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, ServerError, indexmap::IndexMap};

    use super::*;

    #[test]
    fn it_is_what_async_graphql_writes_but_for_what_is_written_already() {
        let field = |name: &str, value: Value| (Name::new(name), value);
        let plain = IndexMap::from([
            field("null", Value::Null),
            field("text", "\"quoted\"\n".into()),
            field("list", Value::List(vec![1.into(), true.into(), 1.5.into(), Value::Enum(Name::new("READY"))])),
            field("none", Value::List(Vec::new())),
            field("nothing", Value::Object(IndexMap::new())),
        ]);
        let mut of = Response::new(Value::Object(plain));
        assert_eq!(response_text(&of), serde_json::to_string(&of).expect("it is JSON"));
        of.errors.push(ServerError::new("wrong", None));
        of.extensions.insert("errorsLeftOut".to_owned(), 3.into());
        assert_eq!(response_text(&of), serde_json::to_string(&of).expect("it is JSON"));
        let written =
            Response::new(Value::Object(IndexMap::from([field("order", Value::Binary("{\"id\":1}".into()))])));
        assert_eq!(response_text(&written), r#"{"data":{"order":{"id":1}}}"#);
    }
}
