//! Mutations that need no access token: what they are given proves who asks.

use std::collections::HashSet;

use async_graphql::{
    ObjectType,
    parser::types::{OperationDefinition, OperationType, Selection, SelectionSet},
    registry::Registry,
};

/// The mutations whose input is a proof by itself: a password, a refresh token, a link's token. They take no notice of an access token
/// that is not valid. In the schema's data; a schema without it has none.
pub struct WithoutToken(HashSet<String>);

impl WithoutToken {
    /// All that are declared by this object.
    pub fn of<M: ObjectType + 'static>() -> Self {
        let mut registry = Registry::default();
        M::create_type_info(&mut registry);
        let declared = registry.types.get(&*M::type_name()).and_then(|object| object.fields());
        WithoutToken(declared.map(|fields| fields.keys().cloned().collect()).unwrap_or_default())
    }

    /// Whether a merged operation asks for nothing else.
    pub fn are_all_of(&self, operation: &OperationDefinition) -> bool {
        let names = names(&operation.selection_set.node);
        let mut names = names.into_iter().filter(|name| *name != "__typename").peekable();
        operation.ty == OperationType::Mutation && names.peek().is_some() && names.all(|name| self.0.contains(name))
    }
}

/// The names of the fields that are selected here.
fn names(set: &SelectionSet) -> Vec<&str> {
    let mut all = Vec::with_capacity(set.items.len());
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => all.push(field.node.name.node.as_str()),
            Selection::InlineFragment(fragment) => all.extend(names(&fragment.node.selection_set.node)),
            // Merging has spread them all.
            Selection::FragmentSpread(_) => {}
        }
    }
    all
}
