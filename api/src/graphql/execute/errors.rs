//! What clients are told of what went wrong while an operation ran.

use async_graphql::{
    Name, PathSegment, Pos, Response, ServerError, Value,
    parser::types::{BaseType, OperationDefinition, OperationType, Selection, SelectionSet},
};

use crate::graphql::{
    document::{Shape, coded, named},
    error::{Code, Error},
};

/// What has to be known of an operation to say where its errors are, in little room: a subscription keeps it for as long as it lives.
pub struct Outline {
    kind: OperationType,
    fields: Fields,
}

type Fields = Box<[OutlinedField]>;

struct OutlinedField {
    position: Pos,
    key: Name,
    name: Name,
    /// The type of the fragment that it stands in; none where that is the parent's.
    on: Option<Name>,
    arguments: Box<[(Name, Pos)]>,
    fields: Fields,
}

impl Outline {
    /// That of a merged operation.
    pub fn of(operation: &OperationDefinition) -> Self {
        Outline { kind: operation.ty, fields: fields(&operation.selection_set.node, None).into() }
    }
}

fn fields(set: &SelectionSet, on: Option<&Name>) -> Vec<OutlinedField> {
    let of_selection = |selection: &Selection| match selection {
        Selection::Field(field) => vec![OutlinedField {
            position: field.pos,
            key: field.node.response_key().node.clone(),
            name: field.node.name.node.clone(),
            on: on.cloned(),
            arguments: field.node.arguments.iter().map(|(name, value)| (name.node.clone(), value.pos)).collect(),
            fields: fields(&field.node.selection_set.node, None).into(),
        }],
        Selection::InlineFragment(fragment) => {
            let condition = fragment.node.type_condition.as_ref();
            let on = condition.map(|condition| &condition.node.on.node).or(on);
            fields(&fragment.node.selection_set.node, on)
        }
        // Merging has spread them all.
        Selection::FragmentSpread(_) => Vec::new(),
    };
    set.items.iter().flat_map(|selection| of_selection(&selection.node)).collect()
}

/// The response with every error coded, placed, and no more of them than `limit`.
pub fn finished(mut response: Response, operation: &Outline, shape: &Shape, limit: usize) -> Response {
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

fn give_code(error: &mut ServerError, operation: &Outline) {
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
                .and_then(|position| argument_at(&operation.fields, *position))
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
fn argument_at(fields: &[OutlinedField], position: Pos) -> Option<&Name> {
    fields.iter().find_map(|field| {
        let here = field.arguments.iter().find(|(_, at)| *at == position);
        here.map(|(name, _)| name).or_else(|| argument_at(&field.fields, position))
    })
}

/// Completes the path of an error that went through a list on its way up: async-graphql then says the entry of the outermost
/// list. The fields from there to where the error arose are known by its location, up to the next list.
fn lengthen_path(error: &mut ServerError, operation: &Outline, shape: &Shape) {
    let (Some(PathSegment::Index(_)), Some(position)) = (error.path.last(), error.locations.first()) else {
        return;
    };
    let mut parent = shape.root(operation.kind);
    let mut fields = &operation.fields;
    for segment in &error.path {
        let PathSegment::Field(key) = segment else {
            continue;
        };
        let Some(field) = fields.iter().find(|field| field.key.as_str() == key) else {
            return;
        };
        parent = field.inner(shape, parent).map(|(name, _)| name);
        fields = &field.fields;
    }
    if let Some(keys) = keys_to(shape, parent, fields, *position) {
        error.path.extend(keys.into_iter().map(|key| PathSegment::Field(key.to_string())));
    }
}

fn keys_to<'a>(
    shape: &'a Shape,
    parent: Option<&'a Name>,
    fields: &'a [OutlinedField],
    position: Pos,
) -> Option<Vec<&'a Name>> {
    fields.iter().find_map(|field| {
        if field.position == position {
            return Some(vec![&field.key]);
        }
        let (name, is_list) = field.inner(shape, parent)?;
        let inner = keys_to(shape, Some(name), &field.fields, position)?;
        let inner = if is_list { Vec::new() } else { inner };
        Some([vec![&field.key], inner].concat())
    })
}

impl OutlinedField {
    /// The type that its fields are on, and whether there is a list of them.
    fn inner<'a>(&'a self, shape: &'a Shape, parent: Option<&'a Name>) -> Option<(&'a Name, bool)> {
        let on = self.on.as_ref().or(parent)?;
        let ty = &shape.field(on, &self.name)?.ty.node;
        match &ty.base {
            BaseType::Named(name) => Some((name, false)),
            BaseType::List(_) => Some((named(ty), true)),
        }
    }
}
