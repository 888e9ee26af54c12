//! Query complexity, what an operation costs: the sum over all its fields, lists counted as long as they are asked for.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use async_graphql::{
    Name, ObjectType, Request, Response, Schema, SchemaBuilder, ServerError, SubscriptionType, ValidationResult,
    Variables,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation},
    parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet},
    registry::{MetaType, Registry},
};
use async_graphql_value::Value;

use super::shape::{Shape, named};

/// What an operation costs.
#[derive(Clone, Copy)]
pub enum Cost {
    /// The same for each request.
    Fixed(usize),
    /// As much as its variables say.
    OfVariables,
}

/// Measures operations by what their fields declare, and runs nothing.
pub struct Measure<Q, M, S> {
    schema: Schema<Q, M, S>,
    /// The fields that declare what they cost, by their type and name.
    declared: HashSet<(String, String)>,
}

impl<Q, M, S> Measure<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// By a schema that does not validate what it is given.
    pub fn by(build: SchemaBuilder<Q, M, S>) -> Self {
        let mut registry = Registry::default();
        Q::create_type_info(&mut registry);
        M::create_type_info(&mut registry);
        S::create_type_info(&mut registry);
        let declared = registry.types.iter().flat_map(|(name, definition)| {
            let fields = match definition {
                MetaType::Object { fields, .. } => Some(fields),
                _ => None,
            };
            let declared = fields.into_iter().flatten().filter(|(_, field)| field.compute_complexity.is_some());
            declared.map(move |(field, _)| (name.clone(), field.clone()))
        });
        Measure { declared: declared.collect(), schema: build.extension(OnlyCheck).finish() }
    }

    pub fn sdl(&self) -> String {
        self.schema.sdl()
    }

    /// Whether it costs the same whatever its variables are.
    pub fn is_fixed(&self, shape: &Shape, operation: &OperationDefinition) -> bool {
        self.is_fixed_in(shape, shape.root(operation.ty), &operation.selection_set.node)
    }

    fn is_fixed_in(&self, shape: &Shape, parent: Option<&Name>, set: &SelectionSet) -> bool {
        // Introspection's own types declare nothing.
        let Some(parent) = parent else {
            return true;
        };
        set.items.iter().all(|selection| match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                let weighs = || field.arguments.iter().any(|(_, argument)| has_variable(&argument.node));
                let declares = || self.declared.contains(&(parent.to_string(), field.name.node.to_string()));
                let inner = shape.field(parent, &field.name.node).map(|definition| named(&definition.ty.node));
                !(weighs() && declares()) && self.is_fixed_in(shape, inner, &field.selection_set.node)
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(parent, |condition| &condition.node.on.node);
                self.is_fixed_in(shape, Some(on), &fragment.node.selection_set.node)
            }
            // Merging has spread them all.
            Selection::FragmentSpread(_) => true,
        })
    }

    /// The cost of a merged operation with these variables.
    ///
    /// # Errors
    /// What the library says of values, which have been checked before.
    pub async fn of(&self, document: &ExecutableDocument, variables: &Variables) -> Result<usize, Vec<ServerError>> {
        let measured = Measured::default();
        let mut dry = Request::new("").variables(variables.clone()).data(measured.clone());
        dry.set_parsed_query(document.clone());
        let errors = self.schema.execute(dry).await.errors;
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(measured.0.get().copied().unwrap_or_default())
    }
}

fn has_variable(value: &Value) -> bool {
    match value {
        Value::Variable(_) => true,
        Value::List(items) => items.iter().any(has_variable),
        Value::Object(fields) => fields.values().any(has_variable),
        _ => false,
    }
}

/// Receives the complexity that a dry run has measured.
#[derive(Clone, Default)]
struct Measured(Arc<OnceLock<usize>>);

/// Stops a request after its validation.
pub struct OnlyCheck;

impl ExtensionFactory for OnlyCheck {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for OnlyCheck {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        if let Some(Measured(measured)) = ctx.data_opt() {
            measured.get_or_init(|| result.complexity);
        }
        Ok(result)
    }

    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
    }
}
