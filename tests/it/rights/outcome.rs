//! What came of a row, in the words of its cells.

use std::collections::BTreeSet;

use async_graphql::parser::{
    parse_query,
    types::{DocumentOperations, Selection, SelectionSet},
};
use serde_json::Value;
use tiffin_tests::Answer;

use super::{table::Row, world::World};
use crate::introspection::Schema;

/// Where the field that the row is about stands in the answer, as response keys: the only place where it is asked for.
pub fn path_of(row: &Row, schema: &Schema, operation: &str) -> Vec<String> {
    let document = parse_query(operation).unwrap_or_else(|error| panic!("line {}: {error}: {operation}", row.line));
    let DocumentOperations::Single(parsed) = document.operations else { panic!("one operation: {operation}") };
    let (type_name, field_name) = row.field.split_once('.').expect("a field is named with its type");
    let root = ["Mutation", "Subscription"].into_iter().find(|root| row.is_of(root)).unwrap_or("Query");
    let mut found = Vec::new();
    let wanted = Wanted { schema, type_name, field_name };
    wanted.look(root, &parsed.node.selection_set.node, &mut Vec::new(), &mut found);
    assert_eq!(found.len(), 1, "line {}: {} must be asked for once: {operation}", row.line, row.field);
    found.remove(0)
}

struct Wanted<'a> {
    schema: &'a Schema,
    type_name: &'a str,
    field_name: &'a str,
}

impl Wanted<'_> {
    fn look(&self, parent: &str, selections: &SelectionSet, way: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let definition = self.schema.named(parent).field(name);
                    let definition = definition.unwrap_or_else(|| panic!("{parent} has no field {name}"));
                    way.push(field.node.response_key().node.to_string());
                    if parent == self.type_name && name == self.field_name {
                        found.push(way.clone());
                    }
                    self.look(definition.ty.named(), &field.node.selection_set.node, way, found);
                    way.pop();
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.look(parent, &fragment.node.selection_set.node, way, found);
                }
                Selection::FragmentSpread(_) => panic!("the rows have no named fragments"),
            }
        }
    }
}

/// The answer in the words of a cell; an error says what no cell can say.
pub fn outcome(answer: &Answer, path: &[String], world: &World<'_>) -> Result<String, String> {
    let values = values_at(&answer.body["data"], path);
    let problems = answer.problems();
    if problems.is_empty() {
        let outcomes: BTreeSet<_> = values.iter().map(|value| described(value, world)).collect();
        return match outcomes.len() {
            0 => Ok("none".to_owned()),
            1 => Ok(outcomes.into_iter().next().unwrap_or_default()),
            _ => Err(format!("different things in one list: {outcomes:?}")),
        };
    }
    let codes: BTreeSet<_> = problems.iter().map(|problem| problem.code.clone()).collect();
    if codes.len() > 1 || !values.iter().all(|value| value.is_null()) {
        return Err(format!("{codes:?} with something beside: {answer}"));
    }
    // Nothing but the field itself, or what it is reached through, is refused.
    let way = path.join(".");
    let is_on_the_way = |place: &str| {
        let steps: Vec<_> = place.split('.').filter(|step| step.parse::<usize>().is_err()).collect();
        way.starts_with(&steps.join("."))
    };
    match problems.iter().find(|problem| !is_on_the_way(&problem.path)) {
        Some(elsewhere) => Err(format!("an error at {}: {answer}", elsewhere.path)),
        None => Ok(codes.into_iter().next().unwrap_or_default()),
    }
}

/// A cell or outcome as the set of its names; `all` stands for every thing of the type.
pub fn names(cell: &str, all: &[String]) -> BTreeSet<String> {
    match cell {
        "all" => all.iter().cloned().collect(),
        _ => cell.split(", ").map(str::to_owned).collect(),
    }
}

/// The values at the path, through lists; one null where the way ends early.
fn values_at<'a>(data: &'a Value, path: &[String]) -> Vec<&'a Value> {
    match (data, path) {
        (_, []) => vec![data],
        (Value::Array(items), _) => items.iter().flat_map(|item| values_at(item, path)).collect(),
        (Value::Object(fields), [key, rest @ ..]) => values_at(fields.get(key).unwrap_or(&Value::Null), rest),
        _ => vec![&Value::Null],
    }
}

fn described(value: &Value, world: &World<'_>) -> String {
    let entries = value.get("nodes").unwrap_or(value);
    match entries {
        Value::Null => "null".to_owned(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        Value::Array(entries) => {
            let named: Option<Vec<_>> =
                entries.iter().filter(|entry| !entry.is_null()).map(|entry| entry_name(entry, world)).collect();
            match named.as_deref() {
                Some([]) => "none".to_owned(),
                Some(names) => names.join(", "),
                None => "value".to_owned(),
            }
        }
        _ => "value".to_owned(),
    }
}

/// What an entry of a list is called: an enum's value, or the name of the thing with its id.
fn entry_name(entry: &Value, world: &World<'_>) -> Option<String> {
    match entry {
        Value::String(text) => Some(text.clone()),
        _ => entry.get("id").or_else(|| entry.get("userId"))?.as_str().map(|id| world.name_of(id)),
    }
}
