//! Field merging: what is selected twice is executed once.
//!
//! async-graphql runs the resolver of every selection and merges the answers, so that a mutation selected twice happens twice.
//! Here an operation is rewritten to what GraphQL's CollectFields would execute (October 2021, section 6.3.2): fragments are
//! spread, what `@skip` and `@include` leave out is left out, and each response key stands once.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned, ServerError, Variables,
    indexmap::IndexMap,
    parser::types::{
        Directive, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection, SelectionSet,
        TypeCondition,
    },
};
use async_graphql_value::Value;

use super::{
    refusal::validation_failed,
    shape::{Shape, named},
    variables::{flag, value},
};

/// Rewrites operations of one document.
pub struct Merge<'a> {
    pub shape: &'a Shape,
    pub document: &'a ExecutableDocument,
    pub operation: &'a OperationDefinition,
    /// Those that decide what is left out; none where nothing is.
    pub variables: Option<&'a Variables>,
}

/// The selections of one response key.
type FieldGroup<'a> = Vec<&'a Positioned<Field>>;

impl<'a> Merge<'a> {
    /// The operation with each field once, each where it stood first.
    ///
    /// # Errors
    /// Refuses fields that have the same response key and are not the same.
    pub fn operation(&self) -> Result<OperationDefinition, ServerError> {
        let set = &self.operation.selection_set;
        let root = self.shape.root(self.operation.ty);
        let items = self.object(root, &[set])?;
        Ok(OperationDefinition {
            ty: self.operation.ty,
            variable_definitions: self.operation.variable_definitions.clone(),
            directives: self.operation.directives.clone(),
            selection_set: set.position_node(SelectionSet { items }),
        })
    }

    /// The merged fields of an object; no name stands for introspection's own objects, on which every fragment applies.
    fn object(
        &self,
        object: Option<&Name>,
        sets: &[&'a Positioned<SelectionSet>],
    ) -> Result<Vec<Positioned<Selection>>, ServerError> {
        let mut groups: IndexMap<&Name, FieldGroup<'a>> = IndexMap::new();
        let mut spread = HashSet::new();
        for set in sets {
            self.collect(object, set, &mut spread, &mut groups);
        }
        let merged = groups.into_values().map(|group| self.field(object, &group));
        let mut merged: Vec<_> = merged.collect::<Result<_, _>>()?;
        // A subscription keeps them for as long as it lives.
        merged.shrink_to_fit();
        Ok(merged)
    }

    fn collect(
        &self,
        object: Option<&Name>,
        set: &'a Positioned<SelectionSet>,
        spread: &mut HashSet<&'a Name>,
        groups: &mut IndexMap<&'a Name, FieldGroup<'a>>,
    ) {
        for selection in &set.node.items {
            if self.is_left_out(selection.node.directives()) {
                continue;
            }
            let (condition, inner) = match &selection.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    groups.entry(key).or_default().push(field);
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    (condition, &fragment.node.selection_set)
                }
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    let Some(definition) = self.document.fragments.get(name) else {
                        continue;
                    };
                    if !spread.insert(name) {
                        continue;
                    }
                    let condition = Some(&definition.node.type_condition);
                    (condition, &definition.node.selection_set)
                }
            };
            if condition.is_none_or(|condition| self.applies(condition, object)) {
                self.collect(object, inner, spread, groups);
            }
        }
    }

    fn applies(&self, condition: &Positioned<TypeCondition>, object: Option<&Name>) -> bool {
        let condition = &condition.node.on.node;
        object.is_none_or(|object| {
            condition == object || self.shape.possible(condition).is_some_and(|possible| possible.contains(object))
        })
    }

    fn is_left_out(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let directive = &directive.node;
            let condition = || {
                let value = directive.get_argument("if")?;
                flag(&value.node, self.operation, self.variables?)
            };
            match directive.name.node.as_str() {
                "skip" => condition() == Some(true),
                "include" => condition() == Some(false),
                _ => false,
            }
        })
    }

    fn field(&self, parent: Option<&Name>, group: &FieldGroup<'a>) -> Result<Positioned<Selection>, ServerError> {
        let [first, others @ ..] = group.as_slice() else {
            unreachable!("a group starts with its first field");
        };
        if let Some(other) = others.iter().find(|other| !is_same(first, other)) {
            let mut error = validation_failed(
                format!(
                    "Fields \"{}\" conflict: they are different fields or have different arguments. Give one of them another alias.",
                    first.node.response_key()
                ),
                Some(first.pos),
            );
            error.locations.push(other.pos);
            return Err(error);
        }
        let sets: Vec<_> =
            group.iter().map(|field| &field.node.selection_set).filter(|set| !set.node.items.is_empty()).collect();
        let definition = parent.and_then(|parent| self.shape.field(parent, &first.node.name.node));
        let items = self.selections(definition.map(|field| named(&field.ty.node)), &sets)?;
        let mut directives = first.node.directives.clone();
        directives.retain(|directive| !matches!(directive.node.name.node.as_str(), "skip" | "include"));
        let merged = Field {
            alias: first.node.alias.clone(),
            name: first.node.name.clone(),
            arguments: self.given_arguments(&first.node),
            directives,
            selection_set: first.node.selection_set.position_node(SelectionSet { items }),
        };
        Ok(first.position_node(Selection::Field(first.position_node(merged))))
    }

    /// The arguments, without those that are a variable which has no value: they were not given (October 2021, section 6.4.1).
    /// async-graphql takes them for an error where the argument weighs in a field's complexity.
    fn given_arguments(&self, field: &Field) -> Vec<(Positioned<Name>, Positioned<Value>)> {
        let is_given = |argument: &Value| match argument {
            Value::Variable(name) => {
                self.variables.is_none_or(|variables| value(name, self.operation, variables).is_some())
            }
            _ => true,
        };
        field.arguments.iter().filter(|(_, argument)| is_given(&argument.node)).cloned().collect()
    }

    /// The merged selections on a type that may be abstract: there each object that a fragment names gets a fragment of its own.
    fn selections(
        &self,
        parent: Option<&Name>,
        sets: &[&'a Positioned<SelectionSet>],
    ) -> Result<Vec<Positioned<Selection>>, ServerError> {
        let Some((name, possible)) = parent.and_then(|name| Some((name, self.shape.possible(name)?))) else {
            return self.object(parent, sets);
        };
        if !sets.iter().any(|set| self.names_other_type(name, set)) {
            return self.object(parent, sets);
        }
        let mut fragments = Vec::new();
        for object in possible {
            let items = self.object(Some(object), sets)?;
            let (Some(set), false) = (sets.first(), items.is_empty()) else {
                continue;
            };
            let condition = TypeCondition { on: set.position_node(object.clone()) };
            let fragment = InlineFragment {
                type_condition: Some(set.position_node(condition)),
                directives: Vec::new(),
                selection_set: set.position_node(SelectionSet { items }),
            };
            let fragment = set.position_node(fragment);
            fragments.push(set.position_node(Selection::InlineFragment(fragment)));
        }
        Ok(fragments)
    }

    fn names_other_type(&self, name: &Name, set: &Positioned<SelectionSet>) -> bool {
        set.node.items.iter().any(|selection| {
            let (condition, inner) = match &selection.node {
                Selection::Field(_) => return false,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    (condition, &fragment.node.selection_set)
                }
                Selection::FragmentSpread(fragment) => {
                    let fragments = &self.document.fragments;
                    let Some(definition) = fragments.get(&fragment.node.fragment_name.node) else {
                        return false;
                    };
                    let condition = Some(&definition.node.type_condition);
                    (condition, &definition.node.selection_set)
                }
            };
            condition.is_some_and(|condition| condition.node.on.node != *name) || self.names_other_type(name, inner)
        })
    }
}

fn is_same(one: &Positioned<Field>, other: &Positioned<Field>) -> bool {
    let (one, other) = (&one.node, &other.node);
    one.name == other.name
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| other.get_argument(&name.node) == Some(value))
}
