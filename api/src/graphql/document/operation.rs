//! Chooses the operation of a document that a request names, and checks the rules for subscriptions.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned, ServerError,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet},
};

use super::{MAX_NAME, refusal::validation_failed};

/// The operation of this name, or the only one.
///
/// # Errors
/// Refuses a name that no operation has, and none where there are several.
pub fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, ServerError> {
    let mut operations = document.operations.iter();
    if name.is_some_and(|name| name.len() > MAX_NAME) {
        return Err(validation_failed(
            format!("A name has at most {MAX_NAME} bytes: the operationName is longer."),
            None,
        ));
    }
    let Some(name) = name else {
        return match (operations.next(), operations.next()) {
            (Some((_, operation)), None) => Ok(operation),
            _ => Err(validation_failed(
                "The document has several operations: send the operationName of one.".to_owned(),
                None,
            )),
        };
    };
    let mut named = operations.filter(|(other, _)| other.is_some_and(|other| other == name));
    let found = named.next().map(|(_, operation)| operation);
    found.ok_or_else(|| {
        let message = format!("The document has no operation named \"{name}\".");
        validation_failed(message, None)
    })
}

/// A subscription has exactly one root field (October 2021, section 5.2.3.1), which is not introspection's and not conditional.
///
/// # Errors
/// Refuses one that is otherwise.
pub fn check_subscription(
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
) -> Result<(), ServerError> {
    if operation.node.ty != OperationType::Subscription {
        return Ok(());
    }
    let mut roots = Roots::default();
    roots.collect(document, &operation.node.selection_set);
    let problem = if roots.keys.len() != 1 {
        "A subscription must have exactly one root field."
    } else if roots.introspection {
        "A subscription must not select an introspection field at its root."
    } else if roots.conditional {
        "A subscription's root field must not be conditional."
    } else {
        return Ok(());
    };
    Err(validation_failed(problem.to_owned(), Some(operation.pos)))
}

#[derive(Default)]
struct Roots<'a> {
    keys: HashSet<&'a Name>,
    introspection: bool,
    conditional: bool,
}

impl<'a> Roots<'a> {
    /// Fragments do not spread themselves here: that has been refused.
    fn collect(&mut self, document: &'a ExecutableDocument, set: &'a Positioned<SelectionSet>) {
        for selection in &set.node.items {
            self.conditional |= selection
                .node
                .directives()
                .iter()
                .any(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include"));
            match &selection.node {
                Selection::Field(field) => {
                    self.introspection |= field.node.name.node.starts_with("__");
                    self.keys.insert(&field.node.response_key().node);
                }
                Selection::InlineFragment(fragment) => {
                    self.collect(document, &fragment.node.selection_set);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name) {
                        self.collect(document, &fragment.node.selection_set);
                    }
                }
            }
        }
    }
}
