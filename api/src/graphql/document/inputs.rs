//! Values of arguments and variables against the types they are for.
//!
//! async-graphql reports at most one bad value of an argument and leaves those with an absent variable to the resolvers, which
//! then say what was wrong without saying where. Here every one is found, and named by its path in the input.

use std::collections::HashSet;

use async_graphql::{
    Name, Pos, Positioned, ServerError, Value as ConstValue, Variables,
    parser::types::{
        BaseType, ExecutableDocument, Field, InputValueDefinition, OperationDefinition, Selection, SelectionSet, Type,
        TypeKind,
    },
};
use async_graphql_value::Value;

use super::{
    bad_input,
    shape::{Shape, is_required, named},
    variables,
};

/// Says what is wrong with a value of the named scalar, in a sentence; nothing if it can be taken, or the name is unknown.
pub type ScalarProblem = fn(name: &str, value: &ConstValue) -> Option<String>;

/// Finds the values of one operation that cannot be taken.
pub struct Inputs<'a> {
    pub shape: &'a Shape,
    pub document: &'a ExecutableDocument,
    pub operation: &'a OperationDefinition,
    pub variables: &'a Variables,
    pub scalar_problem: ScalarProblem,
}

/// Where a value stands.
#[derive(Clone)]
struct Place {
    path: Vec<String>,
    position: Pos,
    /// Whether it was sent as a variable, apart from the document.
    sent: bool,
}

impl Place {
    fn inside(&self, segment: impl ToString) -> Self {
        let mut place = self.clone();
        place.path.push(segment.to_string());
        place
    }

    /// The path in the input: that of a lone `input` argument goes without saying.
    fn field(&self) -> String {
        match self.path.as_slice() {
            [argument, inner @ ..] if argument == "input" && !inner.is_empty() => inner.join("."),
            path => path.join("."),
        }
    }
}

struct Found<'a> {
    errors: Vec<ServerError>,
    fragments: HashSet<&'a Name>,
    variables: HashSet<&'a Name>,
}

impl<'a> Inputs<'a> {
    /// An error for each value that cannot be taken, in the document's order.
    pub fn problems(&self) -> Vec<ServerError> {
        let mut found = Found { errors: Vec::new(), fragments: HashSet::new(), variables: HashSet::new() };
        let root = self.shape.root(self.operation.ty);
        self.set(root, &self.operation.selection_set, &mut found);
        // What only directives use has no argument's path.
        for definition in &self.operation.variable_definitions {
            let name = &definition.node.name.node;
            let absent = self.value(name).is_none_or(|value| *value == ConstValue::Null);
            if absent && !definition.node.var_type.node.nullable && !found.variables.contains(name) {
                let place = Place { path: vec![name.to_string()], position: definition.pos, sent: true };
                found.errors.push(missing(&place));
            }
        }
        found.errors
    }

    fn value(&self, name: &str) -> Option<&'a ConstValue> {
        variables::value(name, self.operation, self.variables)
    }

    fn set(&self, parent: Option<&'a Name>, set: &'a Positioned<SelectionSet>, found: &mut Found<'a>) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => self.field(parent, &field.node, found),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map(|condition| &condition.node.on.node);
                    self.set(on.or(parent), &fragment.node.selection_set, found);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && found.fragments.insert(name)
                    {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.set(Some(on), &fragment.node.selection_set, found);
                    }
                }
            }
        }
    }

    fn field(&self, parent: Option<&'a Name>, field: &'a Field, found: &mut Found<'a>) {
        let name = &field.name.node;
        let Some(definition) = parent.and_then(|parent| self.shape.field(parent, name)) else {
            // Unknown, which validation says, or introspection's own, whose values nothing here depends on.
            return;
        };
        for argument in &definition.arguments {
            let argument = &argument.node;
            let Some(value) = field.get_argument(&argument.name.node) else {
                continue;
            };
            let place = Place { path: vec![argument.name.node.to_string()], position: value.pos, sent: false };
            self.input(argument, &value.node, &place, found);
        }
        let inner = named(&definition.ty.node);
        self.set(Some(inner), &field.selection_set, found);
    }

    /// A value given for an argument or input field.
    fn input(&self, definition: &'a InputValueDefinition, value: &Value, place: &Place, found: &mut Found<'a>) {
        let Value::Variable(name) = value else {
            return self.typed(&definition.ty.node, value, place, found);
        };
        let Some((name, needs_value)) = self.variable(name) else {
            return;
        };
        found.variables.insert(name);
        let place = Place { sent: true, ..place.clone() };
        match self.value(name) {
            None if is_required(definition) || needs_value => found.errors.push(missing(&place)),
            None => {}
            Some(ConstValue::Null) if needs_value => found.errors.push(missing(&place)),
            Some(value) => self.typed(&definition.ty.node, &value.clone().into_value(), &place, found),
        }
    }

    /// The variable's name in the document, and whether it must have a value; nothing if it is undefined, which validation says.
    fn variable(&self, name: &str) -> Option<(&'a Name, bool)> {
        let definition = &variables::definition(name, self.operation)?.node;
        Some((&definition.name.node, !definition.var_type.node.nullable))
    }

    fn typed(&self, ty: &'a Type, value: &Value, place: &Place, found: &mut Found<'a>) {
        if let Value::Variable(name) = value {
            // An item of a list: without a value it is null.
            let Some((name, _)) = self.variable(name) else {
                return;
            };
            found.variables.insert(name);
            let value = self.value(name).cloned().unwrap_or_default().into_value();
            let place = Place { sent: true, ..place.clone() };
            return self.typed(ty, &value, &place, found);
        }
        if *value == Value::Null {
            if !ty.nullable {
                found.errors.push(missing(place));
            }
            return;
        }
        match (&ty.base, value) {
            (BaseType::List(item), Value::List(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.typed(item, value, &place.inside(index), found);
                }
            }
            (BaseType::List(item), value) => self.typed(item, value, place, found),
            (BaseType::Named(name), value) => self.named(name, value, place, found),
        }
    }

    fn named(&self, name: &'a Name, value: &Value, place: &Place, found: &mut Found<'a>) {
        match (self.shape.kind(name), value) {
            (Some(TypeKind::InputObject(object)), Value::Object(values)) => {
                for definition in &object.fields {
                    let field = &definition.node.name.node;
                    let place = place.inside(field);
                    match values.get(field) {
                        Some(value) => self.input(&definition.node, value, &place, found),
                        None if is_required(&definition.node) => {
                            found.errors.push(missing(&place));
                        }
                        None => {}
                    }
                }
                // Unknown names in the document itself are for validation to refuse.
                for field in values.keys().filter(|_| place.sent) {
                    let mut known = object.fields.iter().map(|field| &field.node.name.node);
                    if !known.any(|known| known == field) {
                        let message = format!("{name} has no field \"{field}\".");
                        found.errors.push(problem(&place.inside(field), message));
                    }
                }
            }
            (Some(TypeKind::InputObject(_)), _) => {
                let message = format!("This must be an object of type {name}.");
                found.errors.push(problem(place, message));
            }
            (Some(TypeKind::Enum(definition)), value) => {
                let given = match value {
                    Value::Enum(given) => Some(given.as_str()),
                    Value::String(given) if place.sent => Some(given.as_str()),
                    _ => None,
                };
                let names = || definition.values.iter().map(|value| &value.node.value.node);
                if !given.is_some_and(|given| names().any(|name| name.as_str() == given)) {
                    let names: Vec<_> = names().map(Name::as_str).collect();
                    let message = format!("This must be one of {}.", names.join(", "));
                    found.errors.push(problem(place, message));
                }
            }
            (Some(_) | None, value) => {
                // Validation refuses what is no input type; scalars have no variables inside.
                if let Some(value) = value.clone().into_const()
                    && let Some(message) = (self.scalar_problem)(name, &value)
                {
                    found.errors.push(problem(place, message));
                }
            }
        }
    }
}

fn missing(place: &Place) -> ServerError {
    problem(place, "This is required and must not be null.".to_owned())
}

fn problem(place: &Place, message: String) -> ServerError {
    bad_input(&place.field(), message, Some(place.position))
}
