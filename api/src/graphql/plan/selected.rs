//! What a client selects, as plans read it.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, InputType, Name, Pos, Positioned, ServerResult, Value, Variables,
    indexmap::IndexMap,
    parser::types::{Field, OperationDefinition, Selection, SelectionSet},
};
use async_graphql_value::Value as Written;

use crate::graphql::page::PageArguments;

/// A selected field of a merged document: its name, its arguments, and what is selected of its value.
#[derive(Clone, Copy)]
pub struct Selected<'a> {
    /// None for the root of the operation.
    field: Option<&'a Positioned<Field>>,
    set: &'a SelectionSet,
    operation: SelectedOperation<'a>,
}

/// The operation that something is selected in, with the values of this request.
#[derive(Clone, Copy)]
struct SelectedOperation<'a> {
    definition: &'a OperationDefinition,
    variables: &'a Variables,
}

impl<'a> Selected<'a> {
    /// All that an operation selects.
    pub fn root(definition: &'a OperationDefinition, variables: &'a Variables) -> Self {
        let operation = SelectedOperation { definition, variables };
        Selected { field: None, set: &definition.selection_set.node, operation }
    }

    /// The field that is resolved in this context.
    pub fn of(context: &ContextSelectionSet<'a>, field: &'a Positioned<Field>) -> Self {
        let (definition, variables) = (&context.query_env.operation.node, &context.query_env.variables);
        let operation = SelectedOperation { definition, variables };
        Selected { field: Some(field), set: &field.node.selection_set.node, operation }
    }

    /// The field's name in the schema.
    pub fn name(&self) -> &'a str {
        self.field.map_or("", |field| field.node.name.node.as_str())
    }

    /// What it is called in the answer.
    pub fn key(&self) -> &'a str {
        self.field.map_or("", |field| field.node.response_key().node.as_str())
    }

    /// Where it stands in the document.
    pub fn position(&self) -> Pos {
        self.field.map_or_else(Pos::default, |field| field.pos)
    }

    /// The value of an argument; the default where it is left out.
    ///
    /// # Errors
    /// The value is not of this type.
    pub fn argument<T: InputType>(&self, name: &str, default: Option<fn() -> T>) -> ServerResult<T> {
        let arguments = self.field.map_or(&[][..], |field| &field.node.arguments);
        let given = arguments.iter().find(|(given, _)| given.node == name).map(|(_, value)| value);
        match (given, default) {
            (None, Some(default)) => Ok(default()),
            (None, None) => T::parse(None).map_err(|refused| refused.into_server_error(Pos::default())),
            (Some(given), _) => T::parse(self.operation.value(&given.node).map(Cow::into_owned))
                .map_err(|refused| refused.into_server_error(given.pos)),
        }
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
        let mut fields = Vec::with_capacity(self.set.items.len());
        self.collect(object, self.set, &mut fields);
        fields
    }

    fn collect(&self, object: &str, set: &'a SelectionSet, fields: &mut Vec<Selected<'a>>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let set = &field.node.selection_set.node;
                    fields.push(Selected { field: Some(field), set, operation: self.operation });
                }
                // Merging has left those of objects alone.
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    if condition.is_none_or(|condition| condition.node.on.node == object) {
                        self.collect(object, &fragment.node.selection_set.node, fields);
                    }
                }
                // Merging has spread them all.
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

impl<'a> SelectedOperation<'a> {
    /// A value of the document with the values of its variables; none for a variable that is left out and has no default.
    fn value(&self, written: &'a Written) -> Option<Cow<'a, Value>> {
        let value = match written {
            Written::Variable(name) => return self.variable(name).map(Cow::Borrowed),
            Written::Null => Value::Null,
            Written::Number(number) => Value::Number(number.clone()),
            Written::String(text) => Value::String(text.clone()),
            Written::Boolean(is_so) => Value::Boolean(*is_so),
            Written::Binary(bytes) => Value::Binary(bytes.clone()),
            Written::Enum(name) => Value::Enum(name.clone()),
            // An entry of a list has a place, which is null then; an entry of an object is left out.
            Written::List(entries) => Value::List(
                entries.iter().map(|entry| self.value(entry).map_or(Value::Null, Cow::into_owned)).collect(),
            ),
            Written::Object(entries) => Value::Object(
                entries
                    .iter()
                    .filter_map(|(name, entry)| Some((name.clone(), self.value(entry)?.into_owned())))
                    .collect::<IndexMap<_, _>>(),
            ),
        };
        Some(Cow::Owned(value))
    }

    fn variable(&self, name: &Name) -> Option<&'a Value> {
        let given = self.variables.get(name);
        given.or_else(|| {
            let mut defined = self.definition.variable_definitions.iter();
            let definition = defined.find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|default| &default.node)
        })
    }
}
