//! What a client selects, as plans read it.

use async_graphql::{
    Context, ContextSelectionSet, InputType, Pos, Positioned, ServerResult,
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
};

use crate::graphql::page::PageArguments;

/// A selected field of a merged document: its name, its arguments, and what is selected of its value.
pub struct Selected<'a>(Context<'a>);

impl<'a> Selected<'a> {
    /// The field that is resolved in this context.
    pub fn of(context: &ContextSelectionSet<'a>, field: &'a Positioned<Field>) -> Self {
        Selected(context.query_env.create_context(context.schema_env, None, field, context.execute_data))
    }

    /// The field's name in the schema.
    pub fn name(&self) -> &'a str {
        self.0.item.node.name.node.as_str()
    }

    /// What it is called in the answer.
    pub fn key(&self) -> &'a str {
        self.0.item.node.response_key().node.as_str()
    }

    /// Where it stands in the document.
    pub fn position(&self) -> Pos {
        self.0.item.pos
    }

    /// The value of an argument; the default where it is left out.
    ///
    /// # Errors
    /// The value is not of this type.
    pub fn argument<T: InputType>(&self, name: &str, default: Option<fn() -> T>) -> ServerResult<T> {
        self.0.param_value(name, default).map(|(_, value)| value)
    }

    /// The arguments of a list with pages.
    ///
    /// # Errors
    /// One of them is not of its type.
    pub fn page(&self, has_offset: bool) -> ServerResult<PageArguments> {
        let page = PageArguments::new(
            self.argument("first", None)?,
            self.argument("after", None)?,
            self.argument("last", None)?,
            self.argument("before", None)?,
        );
        Ok(if has_offset { page.with_offset(self.argument("offset", None)?) } else { page })
    }

    /// The fields that are selected of an object of this type, each response key once, for the document is merged.
    pub fn fields(&self, object: &str) -> Vec<Selected<'a>> {
        let mut fields = Vec::with_capacity(self.0.item.node.selection_set.node.items.len());
        self.collect(object, &self.0.item.node.selection_set.node, &mut fields);
        fields
    }

    fn collect(&self, object: &str, set: &'a SelectionSet, fields: &mut Vec<Selected<'a>>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let (env, schema) = (self.0.query_env, self.0.schema_env);
                    fields.push(Selected(env.create_context(schema, None, field, self.0.execute_data)));
                }
                Selection::InlineFragment(fragment) => {
                    let condition =
                        fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    if condition.is_none_or(|on| is_of_type(&self.0.schema_env.registry, object, on)) {
                        self.collect(object, &fragment.node.selection_set.node, fields);
                    }
                }
                // Merging has spread them all.
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

/// Whether objects of the type are of the other type, too: an interface, or the type itself.
fn is_of_type(registry: &Registry, object: &str, other: &str) -> bool {
    object == other || registry.types.get(other).is_some_and(|other| other.is_possible_type(object))
}
