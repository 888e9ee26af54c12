//! Whether two contestants answer with the same data.
//!
//! Their answers are made alike first, and only so far as the shape of their schemas differs:
//!
//! - a list in an object of its own (`{"nodes": […]}`) is the list;
//! - a global id (`"Order:7"`) is the row's number (`7`);
//! - a moment is the same moment in any writing (`…T18:30:00Z`, `…T18:30:00.000+00:00`);
//! - a decimal is the same with zeros at its end (`"68000"`, `"68000.00"`), for Tiffin writes an amount with its currency's digits;
//! - an operation may name keys that are not compared, such as the id of an order that was just placed.
//!
//! The order of keys does not matter; that of lists does.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

/// The data of an answer in the form in which answers are compared.
pub fn normalized(answer: &[u8], ignored: &[String]) -> anyhow::Result<Value> {
    let Value::Object(mut answer) = serde_json::from_slice(answer)? else { anyhow::bail!("an answer is an object") };
    let data = answer.remove("data").unwrap_or_default();
    Ok(normal(data, ignored))
}

fn normal(value: Value, ignored: &[String]) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(key, _)| !ignored.contains(key));
            let mut fields: Map<String, Value> = fields.map(|(key, value)| (key, normal(value, ignored))).collect();
            match fields.remove("nodes") {
                Some(nodes) if fields.is_empty() => nodes,
                Some(nodes) => {
                    fields.insert("nodes".to_owned(), nodes);
                    Value::Object(fields)
                }
                None => Value::Object(fields),
            }
        }
        Value::Array(list) => list.into_iter().map(|value| normal(value, ignored)).collect(),
        Value::String(text) => {
            number_of(&text).or_else(|| moment(&text)).or_else(|| decimal(&text)).unwrap_or(Value::String(text))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn number_of(text: &str) -> Option<Value> {
    let (name, number) = text.split_once(':')?;
    let is_name = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.chars().all(|letter| letter.is_ascii_alphabetic());
    if is_name { number.parse::<i64>().ok().map(Value::from) } else { None }
}

fn moment(text: &str) -> Option<Value> {
    let moment = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    Some(moment.to_rfc3339_opts(SecondsFormat::Micros, true).into())
}

/// A decimal without zeros at its end.
fn decimal(text: &str) -> Option<Value> {
    let (whole, fraction) = text.split_once('.')?;
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole.trim_start_matches('-')) || !are_digits(fraction) {
        return None;
    }
    Some(text.trim_end_matches('0').trim_end_matches('.').into())
}

/// The path to the first place where two values differ, with what is there; none where they are equal.
pub fn difference(one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let of = |fields: &Map<String, Value>| fields.get(key).cloned().unwrap_or("(nothing)".into());
                difference(&of(one), &of(other)).map(|rest| format!("/{key}{rest}"))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs
                .into_iter()
                .find_map(|(place, (one, other))| difference(one, other).map(|rest| format!("/{place}{rest}")))
        }
        _ if one == other => None,
        _ => Some(format!(": {} is not {}", shortened(one), shortened(other))),
    }
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(data: Value) -> Value {
        normalized(json!({ "data": data }).to_string().as_bytes(), &["token".to_owned()]).unwrap()
    }

    #[test]
    fn the_same_data_in_another_shape_are_the_same() {
        let ours = json!({"order": {"id": "Order:7", "at": "2026-11-30T12:00:00Z", "items": [{"price": "1.5"}], "token": "a"}});
        let theirs =
            json!({"order": {"items": {"nodes": [{"price": "1.50"}]}, "id": 7, "at": "2026-11-30T12:00:00+00:00"}});
        assert_eq!(difference(&answer(ours), &answer(theirs)), None);
    }

    #[test]
    fn whatever_else_differs_is_found() {
        let ours = answer(json!({"order": {"items": [{"price": "1.50"}], "total": 2}}));
        for theirs in [
            json!({"order": {"items": [{"price": "1.51"}], "total": 2}}),
            json!({"order": {"items": [], "total": 2}}),
            json!({"order": {"items": [{"price": "1.50"}]}}),
            json!({"order": {"items": [{"price": "1.50"}], "total": 2, "tax": 1}}),
            json!({"order": {"items": [{"price": "1.50"}], "total": "2"}}),
        ] {
            assert!(difference(&ours, &answer(theirs.clone())).is_some(), "{theirs}");
        }
    }
}
