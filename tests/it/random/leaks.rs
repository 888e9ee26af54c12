//! Finds leaks: what an answer tells that its viewer may not know.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    facts::{Facts, Thing},
    markers::{degrees_marker, markers_in},
    sight::Sight,
};

/// What may be known, before and after the operation.
pub struct Known<'a> {
    pub moments: Vec<(&'a Facts, Sight)>,
    /// The request: an error may say again what was asked for.
    pub asked: &'a str,
    /// Places that drivers have told, and the driver of each. They reach the database a little later.
    pub told: &'a HashMap<String, i32>,
}

impl Known<'_> {
    /// Everything in the answer that the viewer may not know.
    pub fn leaks(&self, body: &Value) -> Vec<String> {
        let mut told = Vec::new();
        collect(&body["data"], &mut told);
        let mut leaks: Vec<_> = told.iter().filter_map(|value| self.leak(value)).collect();
        let mut said = Vec::new();
        collect(&body["errors"], &mut said);
        leaks.extend(
            said.iter().filter(|value| !self.asked.contains(value.as_str())).filter_map(|value| self.leak(value)),
        );
        leaks
    }

    fn leak(&self, value: &str) -> Option<String> {
        let things: Vec<_> = self.moments.iter().map(|(facts, sight)| (facts.things(value), sight)).collect();
        if things.iter().any(|(things, sight)| things.iter().any(|thing| sight.shows(*thing))) {
            return None;
        }
        let driver = self.told.get(value).map(|driver| Thing::ToldPlace(*driver));
        if driver.is_some_and(|thing| self.moments.iter().any(|(_, sight)| sight.shows(thing))) {
            return None;
        }
        // The payload says the id again that was given, whatever it is.
        if self.asked.contains("removeFavourite(") && self.asked.contains(&format!("\"{value}\"")) {
            return None;
        }
        // What is only there since this operation is the viewer's own making.
        if matches!(things.as_slice(), [([], _), ([_, ..], _)]) {
            return None;
        }
        let things: Vec<_> = things.iter().flat_map(|(things, _)| things.iter()).collect();
        Some(format!("{value} of {things:?}"))
    }
}

/// The markers and ids in an answer.
fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            found.extend(markers_in(text).map(str::to_owned));
            found.extend(ids_in(text).map(str::to_owned));
        }
        Value::Number(number) => found.extend(number.as_f64().and_then(degrees_marker)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// `Order:42` and the like.
pub fn ids_in(text: &str) -> impl Iterator<Item = &str> {
    let is_of_id = |letter: char| letter.is_ascii_alphanumeric() || letter == ':';
    text.split(move |letter: char| !is_of_id(letter)).filter(|word| {
        let mut parts = word.split(':');
        let is_type = |name: &str| name.starts_with(|letter: char| letter.is_ascii_uppercase());
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.next().is_some_and(is_type) && parts.clone().count() > 0 && parts.all(is_number)
    })
}

#[test]
fn ids_are_found_in_texts() {
    let found: Vec<_> = ids_in("There is no dish Dish:7. See OrderEvent:4:2, 10:30 and T1:x").collect();
    assert_eq!(found, ["Dish:7", "OrderEvent:4:2"]);
}
