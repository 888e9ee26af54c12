//! The rule SameResponseShape: what an operation selects under one response key has one type, whichever object answers.
//!
//! On an interface or union two objects may have different fields under one key; a client's type for it has to fit both (October 2021,
//! section 5.3.2).

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned, ServerError,
    indexmap::IndexMap,
    parser::types::{BaseType, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type},
};

use super::{
    refusal::validation_failed,
    shape::{Shape, named},
};

/// Looks through the operations of one document.
pub struct Responses<'a> {
    pub shape: &'a Shape,
    pub document: &'a ExecutableDocument,
}

/// A selection set, and the type that it is on; none for introspection's own.
type Set<'a> = (Option<&'a Name>, &'a Positioned<SelectionSet>);

/// The fields of one response key, each with its type.
type TypedFields<'a> = Vec<(&'a Positioned<Field>, Option<&'a Type>)>;

impl<'a> Responses<'a> {
    /// # Errors
    /// Refuses fields of different types under one key.
    pub fn check(&self, operation: &'a OperationDefinition) -> Result<(), ServerError> {
        self.sets(&[(self.shape.root(operation.ty), &operation.selection_set)])
    }

    fn sets(&self, sets: &[Set<'a>]) -> Result<(), ServerError> {
        let (mut groups, mut spread) = (IndexMap::new(), HashSet::new());
        for (parent, set) in sets {
            self.collect(*parent, set, &mut spread, &mut groups);
        }
        groups.values().try_for_each(|group| self.group(group))
    }

    fn collect(
        &self,
        parent: Option<&'a Name>,
        set: &'a Positioned<SelectionSet>,
        spread: &mut HashSet<&'a Name>,
        groups: &mut IndexMap<&'a Name, TypedFields<'a>>,
    ) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => {
                    let ty = parent.and_then(|parent| self.shape.response(parent, &field.node.name.node));
                    groups.entry(&field.node.response_key().node).or_default().push((field, ty));
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map(|condition| &condition.node.on.node);
                    self.collect(on.or(parent), &fragment.node.selection_set, spread, groups);
                }
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && spread.insert(name)
                    {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.collect(Some(on), &fragment.node.selection_set, spread, groups);
                    }
                }
            }
        }
    }

    fn group(&self, group: &TypedFields<'a>) -> Result<(), ServerError> {
        // Validation refuses unknown fields.
        let mut typed = group.iter().filter_map(|(field, ty)| Some((field, (*ty)?)));
        if let Some((first, ty)) = typed.next()
            && let Some((other, another)) = typed.find(|(_, another)| !self.is_alike(ty, another))
        {
            let message = format!(
                "Fields \"{}\" conflict: one is of type \"{ty}\", another of type \"{another}\". Give one of them another alias.",
                first.node.response_key()
            );
            let mut error = validation_failed(message, Some(first.pos));
            error.locations.push(other.pos);
            return Err(error);
        }
        let inner = |ty: Option<&'a Type>| ty.map(named);
        let sets: Vec<_> = group.iter().map(|(field, ty)| (inner(*ty), &field.node.selection_set)).collect();
        self.sets(&sets)
    }

    fn is_alike(&self, one: &Type, other: &Type) -> bool {
        one.nullable == other.nullable
            && match (&one.base, &other.base) {
                (BaseType::List(one), BaseType::List(other)) => self.is_alike(one, other),
                (BaseType::Named(one), BaseType::Named(other)) => {
                    one == other || !(self.shape.is_leaf(one) || self.shape.is_leaf(other))
                }
                (BaseType::List(_), BaseType::Named(_)) | (BaseType::Named(_), BaseType::List(_)) => false,
            }
    }
}
