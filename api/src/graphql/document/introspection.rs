//! Where the schema is nobody's business.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

use super::validation_failed;

/// Refuses a document that asks for the schema, in any of its operations and fragments. `__typename` tells of the data and stays.
pub fn refuse(document: &ExecutableDocument) -> Result<(), ServerError> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    operations.chain(fragments).try_for_each(refuse_in)
}

fn refuse_in(set: &Positioned<SelectionSet>) -> Result<(), ServerError> {
    set.node.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) if matches!(field.node.name.node.as_str(), "__schema" | "__type") => {
            let message = "Introspection is turned off: the schema cannot be asked for here.".to_owned();
            Err(validation_failed(message, Some(field.pos)))
        }
        Selection::Field(field) => refuse_in(&field.node.selection_set),
        Selection::InlineFragment(fragment) => refuse_in(&fragment.node.selection_set),
        Selection::FragmentSpread(_) => Ok(()),
    })
}
