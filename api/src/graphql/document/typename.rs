//! `__typename`, which async-graphql's rules do not look at.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{DocumentOperations, ExecutableDocument, Field, InlineFragment, Selection, SelectionSet},
};

use super::refusal::validation_failed;

/// Puts the directives of every `__typename` onto a fragment around it, where the rules for directives and for the variables in
/// them see them.
///
/// # Errors
/// Refuses arguments and selections of `__typename`, which has none.
pub fn show_to_rules(document: &mut ExecutableDocument) -> Result<(), ServerError> {
    match &mut document.operations {
        DocumentOperations::Single(operation) => show(&mut operation.node.selection_set.node)?,
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                show(&mut operation.node.selection_set.node)?;
            }
        }
    }
    let mut fragments = document.fragments.values_mut();
    fragments.try_for_each(|fragment| show(&mut fragment.node.selection_set.node))
}

fn show(set: &mut SelectionSet) -> Result<(), ServerError> {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) if field.node.name.node == "__typename" => {
                check(field)?;
                if !field.node.directives.is_empty() {
                    selection.node = around(field);
                }
            }
            Selection::Field(field) => show(&mut field.node.selection_set.node)?,
            Selection::InlineFragment(fragment) => show(&mut fragment.node.selection_set.node)?,
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
