//! A document as the library's rules are shown it.
//!
//! They do not look at `__typename`, and take defaults of variables that are none of their types.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection, SelectionSet,
    },
};

use super::refusal::validation_failed;

/// A copy with the directives of every `__typename` on a fragment around it, where the rules for directives and for the variables in them
/// see them, and without the defaults of variables, which [`super::inputs`] looks at.
///
/// # Errors
/// Refuses arguments and selections of `__typename`, which has none.
pub fn to_rules(document: &ExecutableDocument) -> Result<ExecutableDocument, ServerError> {
    let mut shown = document.clone();
    match &mut shown.operations {
        DocumentOperations::Single(operation) => show(&mut operation.node)?,
        DocumentOperations::Multiple(operations) => {
            operations.values_mut().try_for_each(|operation| show(&mut operation.node))?;
        }
    }
    let mut fragments = shown.fragments.values_mut();
    fragments.try_for_each(|fragment| show_set(&mut fragment.node.selection_set.node))?;
    Ok(shown)
}

fn show(operation: &mut OperationDefinition) -> Result<(), ServerError> {
    for variable in &mut operation.variable_definitions {
        variable.node.default_value = None;
    }
    show_set(&mut operation.selection_set.node)
}

fn show_set(set: &mut SelectionSet) -> Result<(), ServerError> {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) if field.node.name.node == "__typename" => {
                check(field)?;
                if !field.node.directives.is_empty() {
                    selection.node = around(field);
                }
            }
            Selection::Field(field) => show_set(&mut field.node.selection_set.node)?,
            Selection::InlineFragment(fragment) => show_set(&mut fragment.node.selection_set.node)?,
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn check(field: &Positioned<Field>) -> Result<(), ServerError> {
    if field.node.arguments.is_empty() && field.node.selection_set.node.items.is_empty() {
        return Ok(());
    }
    let message = "Field \"__typename\" has no arguments and no fields of its own.";
    Err(validation_failed(message.to_owned(), Some(field.pos)))
}

fn around(field: &mut Positioned<Field>) -> Selection {
    let directives = std::mem::take(&mut field.node.directives);
    let inner = field.position_node(Selection::Field(field.clone()));
    let set = SelectionSet { items: vec![inner] };
    Selection::InlineFragment(field.position_node(InlineFragment {
        type_condition: None,
        directives,
        selection_set: field.position_node(set),
    }))
}
