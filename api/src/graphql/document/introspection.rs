//! Introspection: refused where it is turned off, limited in size, and completed where async-graphql answers against the specification.

use async_graphql::{
    Name, Positioned, ServerError, Value,
    parser::types::{DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet},
};

use super::refusal::{too_complex, validation_failed};

/// The lists of introspection's types that lead to further types.
const LISTS: [&str; 6] = ["types", "fields", "args", "inputFields", "interfaces", "possibleTypes"];
/// How many of these lists can be asked for at once. The question that tools ask has seven.
const MAX_LISTS: usize = 12;
/// How many of them inside each other. That question has three, types with fields with arguments; each further one would multiply its answer.
const MAX_LISTS_INSIDE: usize = 3;

/// Refuses a question about the schema whose answer would be many times the schema: introspection has no part in an operation's
/// complexity, for no argument limits its lists. The set is a merged one, without fragment spreads.
pub fn check_size(set: &Positioned<SelectionSet>) -> Result<(), ServerError> {
    let mut lists = 0;
    questions(set).try_for_each(|field| count_lists(&field.node.selection_set, 0, &mut lists))
}

/// Whether an operation asks for the schema.
pub fn asks(set: &Positioned<SelectionSet>) -> bool {
    questions(set).next().is_some()
}

fn questions(set: &Positioned<SelectionSet>) -> impl Iterator<Item = &Positioned<Field>> {
    set.node.items.iter().filter_map(|selection| match &selection.node {
        Selection::Field(field) => is_question(field).then_some(field),
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => None,
    })
}

/// The response key under which types tell [`complete`] their kind: no alias that a client could write.
const KIND: &str = "kind of the type";

/// Selects `kind` too wherever `interfaces` of a type is selected: [`complete`] needs it.
pub fn ask_for_kinds(document: &mut ExecutableDocument) {
    if let DocumentOperations::Single(operation) = &mut document.operations {
        for selection in &mut operation.node.selection_set.node.items {
            if let Selection::Field(field) = &mut selection.node
                && is_question(field)
            {
                ask_for_kind(&mut field.node.selection_set.node);
            }
        }
    }
}

fn ask_for_kind(set: &mut SelectionSet) {
    let mut asked = None;
    for selection in &mut set.items {
        if let Selection::Field(field) = &mut selection.node {
            ask_for_kind(&mut field.node.selection_set.node);
            if field.node.name.node == "interfaces" {
                asked = Some(field.pos);
            }
        }
    }
    if let Some(pos) = asked {
        let kind = Field {
            alias: Some(Positioned::new(Name::new(KIND), pos)),
            name: Positioned::new(Name::new("kind"), pos),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::default(),
        };
        set.items.push(Positioned::new(Selection::Field(Positioned::new(kind, pos)), pos));
    }
}

/// What the schema says of itself: data of the schema.
pub struct SchemaDescription(pub &'static str);

/// Makes of an answer about the schema what the specification wants where async-graphql gives something else: the schema's own
/// description, for async-graphql has one for every schema; and an empty list where an interface implements no other. The set is one without
/// fragments spread.
pub fn complete(set: &Positioned<SelectionSet>, answer: &mut Value, description: &str) {
    describe(set, answer, description);
    let Value::Object(answers) = answer else {
        return;
    };
    for question in questions(set) {
        if let Some(answer) = answers.get_mut(&question.node.response_key().node) {
            list_interfaces(&question.node.selection_set.node, answer);
        }
    }
}

fn list_interfaces(set: &SelectionSet, answer: &mut Value) {
    match answer {
        Value::List(items) => items.iter_mut().for_each(|item| list_interfaces(set, item)),
        Value::Object(fields) => {
            let kind = fields.shift_remove(KIND);
            let is_interface = kind == Some(Value::Enum(Name::new("INTERFACE")));
            for selection in &set.items {
                if let Selection::Field(field) = &selection.node
                    && let Some(value) = fields.get_mut(&field.node.response_key().node)
                {
                    if is_interface && field.node.name.node == "interfaces" && *value == Value::Null {
                        *value = Value::List(Vec::new());
                    }
                    list_interfaces(&field.node.selection_set.node, value);
                }
            }
        }
        _ => {}
    }
}

fn describe(set: &Positioned<SelectionSet>, answer: &mut Value, description: &str) {
    let Value::Object(answers) = answer else {
        return;
    };
    for question in questions(set).filter(|question| question.node.name.node == "__schema") {
        let Some(Value::Object(schema)) = answers.get_mut(&question.node.response_key().node) else {
            continue;
        };
        for selection in &question.node.selection_set.node.items {
            if let Selection::Field(field) = &selection.node
                && field.node.name.node == "description"
            {
                schema.insert(field.node.response_key().node.clone(), description.into());
            }
        }
    }
}

fn is_question(field: &Positioned<Field>) -> bool {
    matches!(field.node.name.node.as_str(), "__schema" | "__type")
}

fn count_lists(set: &Positioned<SelectionSet>, inside: usize, lists: &mut usize) -> Result<(), ServerError> {
    set.node.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) => {
            let is_list = LISTS.contains(&field.node.name.node.as_str());
            let inside = inside + usize::from(is_list);
            *lists += usize::from(is_list);
            if inside > MAX_LISTS_INSIDE || *lists > MAX_LISTS {
                let message = "This asks for many times the schema: ask for its types once.".to_owned();
                return Err(too_complex(message, Some(field.pos)));
            }
            count_lists(&field.node.selection_set, inside, lists)
        }
        Selection::InlineFragment(fragment) => count_lists(&fragment.node.selection_set, inside, lists),
        Selection::FragmentSpread(_) => Ok(()),
    })
}

/// Refuses a document that asks for the schema, in any of its operations and fragments. `__typename` tells of the data and stays.
pub fn refuse(document: &ExecutableDocument) -> Result<(), ServerError> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    operations.chain(fragments).try_for_each(refuse_in)
}

fn refuse_in(set: &Positioned<SelectionSet>) -> Result<(), ServerError> {
    set.node.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) if is_question(field) => {
            let message = "Introspection is turned off: the schema cannot be asked for here.".to_owned();
            Err(validation_failed(message, Some(field.pos)))
        }
        Selection::Field(field) => refuse_in(&field.node.selection_set),
        Selection::InlineFragment(fragment) => refuse_in(&fragment.node.selection_set),
        Selection::FragmentSpread(_) => Ok(()),
    })
}
