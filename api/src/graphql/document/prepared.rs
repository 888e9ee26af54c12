//! Prepared operations: what is kept of a document that has passed the checks.

use std::sync::Arc;

use async_graphql::{
    Name, Positioned,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};
use async_graphql_value::Value;

use super::{cost::Cost, inputs::Uses, outline::Outline};

/// Bytes of a name or a short string of its own.
const TEXT: usize = 40;

/// An operation of a document that has passed all that does not depend on a request's values, in the form in which it runs.
pub struct Prepared {
    /// The chosen operation alone, with every field once.
    pub document: ExecutableDocument,
    /// Where its errors are.
    pub outline: Arc<Outline>,
    /// What its variables have to be.
    pub(super) uses: Uses,
    pub(super) cost: Cost,
    pub(super) is_planned: bool,
}

impl Prepared {
    pub fn operation(&self) -> &OperationDefinition {
        let DocumentOperations::Single(operation) = &self.document.operations else {
            unreachable!("merging leaves one operation");
        };
        &operation.node
    }

    /// Whether plans answer all of it: a query, none of whose root fields asks for the schema.
    pub fn is_planned(&self) -> bool {
        self.is_planned
    }

    pub fn kind(&self) -> OperationType {
        self.operation().ty
    }

    /// Bytes that it takes, about, and more rather than less.
    pub fn weight(&self) -> usize {
        let operation = self.operation();
        let variables = operation.variable_definitions.len() * 4 * TEXT;
        size_of::<Self>() + variables + set(&operation.selection_set.node) + self.outline.weight() + self.uses.weight()
    }
}

fn set(set: &SelectionSet) -> usize {
    let of_selection = |selection: &Positioned<Selection>| {
        size_of::<Positioned<Selection>>()
            + match &selection.node {
                Selection::Field(field) => of_field(&field.node),
                Selection::InlineFragment(fragment) => TEXT + self::set(&fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => 0,
            }
    };
    set.items.iter().map(of_selection).sum()
}

fn of_field(field: &Field) -> usize {
    // The name, and an alias.
    2 * TEXT + arguments(&field.arguments) + directives(&field.directives) + set(&field.selection_set.node)
}

fn directives(directives: &[Positioned<Directive>]) -> usize {
    let of_directive =
        |directive: &Positioned<Directive>| size_of::<Positioned<Directive>>() + arguments(&directive.node.arguments);
    directives.iter().map(of_directive).sum()
}

fn arguments(arguments: &[(Positioned<Name>, Positioned<Value>)]) -> usize {
    let of_argument = |(_, argument): &(Positioned<Name>, Positioned<Value>)| {
        size_of::<(Positioned<Name>, Positioned<Value>)>() + TEXT + value(&argument.node)
    };
    arguments.iter().map(of_argument).sum()
}

fn value(given: &Value) -> usize {
    size_of::<Value>()
        + match given {
            Value::String(text) => text.len(),
            Value::List(items) => items.iter().map(value).sum(),
            Value::Object(fields) => fields.values().map(|field| TEXT + TEXT + value(field)).sum(),
            _ => 0,
        }
}
