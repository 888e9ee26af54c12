//! Whether an answer has the shape that its document asks for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Document, Selected};
use crate::introspection::{Kind, Schema, TypeReference};

/// What is wrong with the shape of an answer, if anything is.
pub fn fault(schema: &Schema, document: &Document, body: &Value) -> Option<String> {
    let errors = body.get("errors").map(|errors| errors.as_array().map(Vec::as_slice).unwrap_or_default());
    for error in errors.unwrap_or_default() {
        let is_coded =
            error["extensions"]["code"].is_string() && error["message"].as_str().is_some_and(|text| !text.is_empty());
        if !is_coded {
            return Some(format!("an error without a code or message: {error}"));
        }
    }
    match (body.get("data"), errors) {
        (_, Some([])) => Some("an empty list of errors".to_owned()),
        (None | Some(Value::Null), Some(_)) => None,
        (None | Some(Value::Null), None) => Some("neither data nor errors".to_owned()),
        (Some(data), _) => of_object(schema, &document.selected, document.root, data, document.root),
    }
}

fn of_object(schema: &Schema, selected: &[Selected], type_name: &str, value: &Value, place: &str) -> Option<String> {
    let Some(fields) = value.as_object() else { return Some(format!("{place} is no object")) };
    let object = fields.get("__typename").and_then(Value::as_str).unwrap_or(type_name);
    let is_of = |one: &&Selected| one.on.as_ref().is_none_or(|on| on.iter().any(|on| on == object));
    let selected: Vec<_> = selected.iter().filter(is_of).collect();
    let wanted: BTreeSet<_> = selected.iter().map(|one| one.key.as_str()).collect();
    let given: BTreeSet<_> = fields.keys().map(String::as_str).filter(|key| *key != "__typename").collect();
    if wanted != given {
        return Some(format!("{place} should have {wanted:?} and has {given:?}"));
    }
    selected
        .iter()
        .find_map(|one| of_value(schema, &one.ty, &one.inner, &fields[&one.key], &format!("{place}.{}", one.key)))
}

fn of_value(schema: &Schema, ty: &TypeReference, inner: &[Selected], value: &Value, place: &str) -> Option<String> {
    let is_right = match ty.kind {
        Kind::NonNull if value.is_null() => false,
        Kind::NonNull => return of_value(schema, ty.inner(), inner, value, place),
        _ if value.is_null() => true,
        Kind::List => match value.as_array() {
            Some(items) => return items.iter().find_map(|item| of_value(schema, ty.inner(), inner, item, place)),
            None => false,
        },
        Kind::Object | Kind::Interface | Kind::Union => return of_object(schema, inner, ty.named(), value, place),
        Kind::Enum => value.as_str().is_some_and(|text| schema.of(ty).enum_values().contains(&text)),
        Kind::Scalar | Kind::InputObject => match ty.named() {
            "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "Float" => value.is_number(),
            "Boolean" => value.is_boolean(),
            "JSON" => true,
            _ => value.is_string(),
        },
    };
    (!is_right).then(|| format!("{place} is no {}: {value}", ty.written()))
}
