//! What clients are told of what went wrong while an operation ran.

use async_graphql::{
    Name, PathSegment, Pos, Positioned, Response, ServerError, Value,
    parser::types::{BaseType, Field, OperationDefinition, Selection, SelectionSet},
};

use crate::graphql::{
    document::{Shape, coded, named},
    error::{Code, Error},
};

/// The response with every error coded, placed, and no more of them than `limit`.
pub fn finished(mut response: Response, operation: &OperationDefinition, shape: &Shape, limit: usize) -> Response {
    let left_out = response.errors.len().saturating_sub(limit);
    if left_out > 0 {
        response.errors.truncate(limit);
        let left_out = Value::from(left_out as u64);
        response.extensions.insert("errorsLeftOut".to_owned(), left_out);
    }
    for error in &mut response.errors {
        give_code(error, operation);
        lengthen_path(error, operation, shape);
        // What has no place of its own is said to be on line 0.
        error.locations.retain(|position| position.line > 0);
    }
    response
}

/// The first of the errors, and a last one that says how many there are.
pub fn capped(mut errors: Vec<ServerError>, limit: usize) -> Vec<ServerError> {
    let left_out = errors.len().saturating_sub(limit);
    if left_out > 0 {
        errors.truncate(limit);
        let message = format!("There are {left_out} more errors.");
        errors.push(coded(Code::GraphqlValidationFailed, message, None));
    }
    errors
}

fn give_code(error: &mut ServerError, operation: &OperationDefinition) {
    let has_code = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    if has_code {
        return;
    }
    let inner = match refused_value(&error.message) {
        Some(message) => {
            let mut inner = Error::new(Code::BadUserInput, message);
            inner.field = error
                .locations
                .first()
                .and_then(|position| argument_at(&operation.selection_set.node, *position))
                .map(ToString::to_string);
            inner
        }
        // Nobody has looked at what it says: it may show the inside.
        None => Error::internal(anyhow::anyhow!("error without a code: {}", error.message)),
    };
    let coded = async_graphql::Error::from(inner);
    error.message = coded.message;
    error.extensions = coded.extensions;
    error.source = None;
}

/// What async-graphql says of an argument that its type or a validator refuses, without the names of types.
fn refused_value(message: &str) -> Option<&str> {
    if message.starts_with("Expected input type \"") {
        return Some(message);
    }
    let (_, reason) = message.strip_prefix("Failed to parse \"")?.split_once("\": ")?;
    let (reason, _) = reason.split_once(" (occurred while parsing").unwrap_or((reason, ""));
    Some(reason)
}

/// The argument whose value stands there.
fn argument_at(set: &SelectionSet, position: Pos) -> Option<&Name> {
    fields(set, None).find_map(|(field, _)| {
        let mut arguments = field.node.arguments.iter();
        let here = arguments.find(|(_, value)| value.pos == position);
        here.map(|(name, _)| &name.node).or_else(|| argument_at(&field.node.selection_set.node, position))
    })
}

/// Completes the path of an error that went through a list on its way up: async-graphql then says the entry of the outermost
/// list. The fields from there to where the error arose are known by its location, up to the next list.
fn lengthen_path(error: &mut ServerError, operation: &OperationDefinition, shape: &Shape) {
    let (Some(PathSegment::Index(_)), Some(position)) = (error.path.last(), error.locations.first()) else {
        return;
    };
    let mut parent = shape.root(operation.ty);
    let mut set = &operation.selection_set.node;
    for segment in &error.path {
        let PathSegment::Field(key) = segment else {
            continue;
        };
        let found = fields(set, parent).find(|(field, _)| field.node.response_key().node.as_str() == key);
        let Some((field, on)) = found else {
            return;
        };
        parent = field_type(shape, on, field).map(|(name, _)| name);
        set = &field.node.selection_set.node;
    }
    if let Some(keys) = keys_to(shape, parent, set, *position) {
        error.path.extend(keys.into_iter().map(|key| PathSegment::Field(key.to_string())));
    }
}

fn keys_to<'a>(
    shape: &'a Shape,
    parent: Option<&'a Name>,
    set: &'a SelectionSet,
    position: Pos,
) -> Option<Vec<&'a Name>> {
    fields(set, parent).find_map(|(field, on)| {
        let key = &field.node.response_key().node;
        if field.pos == position {
            return Some(vec![key]);
        }
        let (name, is_list) = field_type(shape, on, field)?;
        let inner = keys_to(shape, Some(name), &field.node.selection_set.node, position)?;
        let inner = if is_list { Vec::new() } else { inner };
        Some([vec![key], inner].concat())
    })
}

fn field_type<'a>(shape: &'a Shape, parent: Option<&Name>, field: &Positioned<Field>) -> Option<(&'a Name, bool)> {
    let ty = &shape.field(parent?, &field.node.name.node)?.ty.node;
    match &ty.base {
        BaseType::Named(name) => Some((name, false)),
        BaseType::List(_) => Some((named(ty), true)),
    }
}

/// The fields of a merged selection set with the types that they are on: the set's own, or that of the fragment around it.
fn fields<'a>(
    set: &'a SelectionSet,
    parent: Option<&'a Name>,
) -> Box<dyn Iterator<Item = (&'a Positioned<Field>, Option<&'a Name>)> + 'a> {
    Box::new(set.items.iter().flat_map(move |selection| match &selection.node {
        Selection::Field(field) => Box::new(std::iter::once((field, parent))),
        Selection::InlineFragment(fragment) => {
            let condition = fragment.node.type_condition.as_ref();
            let on = condition.map(|condition| &condition.node.on.node);
            fields(&fragment.node.selection_set.node, on.or(parent))
        }
        // Merging has spread them all.
        Selection::FragmentSpread(_) => Box::new(std::iter::empty()),
    }))
}
