//! A compact index of where an operation's fields and arguments stand, by which errors get their paths.

use async_graphql::{
    Name, PathSegment, Pos,
    parser::types::{BaseType, OperationDefinition, OperationType, Selection, SelectionSet},
};

use super::shape::{Shape, named};

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
    /// The outline of a merged operation.
    pub fn of(operation: &OperationDefinition) -> Self {
        Outline { kind: operation.ty, fields: fields(&operation.selection_set.node, None).into() }
    }

    /// The argument whose value stands there.
    pub fn argument_at(&self, position: Pos) -> Option<&Name> {
        argument_at(&self.fields, position)
    }

    /// The fields from the end of a path to the one that stands there, up to the next list.
    pub fn keys_from<'a>(&'a self, path: &[PathSegment], position: Pos, shape: &'a Shape) -> Option<Vec<&'a Name>> {
        let mut parent = shape.root(self.kind);
        let mut fields = &self.fields;
        for segment in path {
            let PathSegment::Field(key) = segment else {
                continue;
            };
            let field = fields.iter().find(|field| field.key.as_str() == key)?;
            parent = field.inner(shape, parent).map(|(name, _)| name);
            fields = &field.fields;
        }
        keys_to(shape, parent, fields, position)
    }

    /// Bytes that it takes, about.
    pub fn weight(&self) -> usize {
        weight(&self.fields)
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

fn argument_at(fields: &[OutlinedField], position: Pos) -> Option<&Name> {
    fields.iter().find_map(|field| {
        let here = field.arguments.iter().find(|(_, at)| *at == position);
        here.map(|(name, _)| name).or_else(|| argument_at(&field.fields, position))
    })
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

fn weight(fields: &[OutlinedField]) -> usize {
    let of_field = |field: &OutlinedField| {
        size_of::<OutlinedField>() + field.arguments.len() * size_of::<(Name, Pos)>() + weight(&field.fields)
    };
    fields.iter().map(of_field).sum()
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
