//! The root of queries: an object without a row, whose fields are declared by the features.

use async_graphql::{
    PathSegment, Response, ServerError, ServerResult, Value, Variables, parser::types::OperationDefinition,
};
use futures_util::{FutureExt, future::BoxFuture};

use super::{Answer, FieldPlan, Level, Output, Planned, Scope, Selected, Violation};
use crate::graphql::loaders::Reader;

/// Puts the queries of features together: the query root of a schema, which plans answer as one object.
macro_rules! queries {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident($($queries:ty),* $(,)?);) => {
        $(#[$attribute])*
        #[derive(::async_graphql::MergedObject, Clone, Default)]
        $visibility struct $name($($queries),*);

        impl crate::graphql::plan::Planned for $name {
            type Row = Self;
            const NAME: &'static str = stringify!($name);

            fn row(&self) -> &Self {
                self
            }

            fn columns_of(_: &str) -> ::entity::columns::Columns {
                ::entity::columns::Columns::NONE
            }

            fn is_public(field: &str) -> bool {
                false $(|| <$queries as crate::graphql::plan::Planned>::is_public(field))*
            }

            fn field(
                selected: &crate::graphql::plan::Selected<'_>,
            ) -> ::async_graphql::ServerResult<Option<Box<dyn crate::graphql::plan::FieldPlan<Self>>>> {
                $(
                    if let Some(plan) = crate::graphql::plan::of_feature::<Self, $queries>(selected)? {
                        return Ok(Some(plan));
                    }
                )*
                Ok(None)
            }
        }

        crate::graphql::plan::output_of_object!($name);
    };
}
pub(crate) use queries;

/// A field of the root, declared by a feature.
struct OfFeature<T: Planned> {
    queries: T,
    plan: Box<dyn FieldPlan<T>>,
}

/// The plan of the field, if this feature declares it.
///
/// # Errors
/// An argument cannot be read.
pub fn of_feature<R: Planned, T: Planned<Row = T> + Default + Send + Sync>(
    selected: &Selected<'_>,
) -> ServerResult<Option<Box<dyn FieldPlan<R>>>> {
    let plan = T::field(selected)
        .map_err(|error| ServerError { path: vec![PathSegment::Field(selected.key().to_owned())], ..error })?;
    Ok(plan.map(|plan| -> Box<dyn FieldPlan<R>> { Box::new(OfFeature { queries: T::default(), plan }) }))
}

impl<R: Planned, T: Planned<Row = T> + Send + Sync> FieldPlan<R> for OfFeature<T> {
    fn is_ready(&self) -> bool {
        self.plan.is_ready()
    }

    fn write(&self, _: &R::Row, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
        self.plan.write(&self.queries, scope, answer)
    }

    fn answer<'a>(&'a self, rows: &[&'a R::Row], scope: Scope<'a>) -> BoxFuture<'a, Level> {
        self.plan.answer(&vec![&self.queries; rows.len()], scope)
    }
}

/// How the queries of a schema are answered, from their root on. In the schema's data.
pub struct Queries {
    answer: for<'a> fn(Selected<'a>, Scope<'a>) -> BoxFuture<'a, ServerResult<Level>>,
    show_public_data: fn(&Selected<'_>) -> bool,
}

impl Queries {
    /// By the plans of this root.
    pub fn of<Q: Planned + Output + Default>() -> Self {
        Queries {
            answer: |selected, scope| {
                async move {
                    let plan = Q::plan(&selected)?;
                    Ok(Q::answer(vec![Q::default()], &plan, scope).await)
                }
                .boxed()
            },
            show_public_data: |selected| {
                let mut names = selected.fields(Q::NAME).into_iter().map(|field| field.name());
                names.all(|name| name == "__typename" || Q::is_public(name))
            },
        }
    }

    /// Whether a merged query shows nothing but public data to whoever is not signed in.
    pub fn show_public_data(&self, query: &OperationDefinition) -> bool {
        (self.show_public_data)(&Selected::root(query, &Variables::default()))
    }

    /// Answers a merged query that does not ask for the schema.
    pub async fn answer(&self, query: &OperationDefinition, variables: &Variables, reader: &Reader) -> Response {
        let selected = Selected::root(query, variables);
        let scope = Scope { reader, position: selected.position() };
        let (bytes, errors, written) = match (self.answer)(selected, scope).await {
            Ok(level) => level.into_only(),
            Err(error) => return Response::from_errors(vec![error]),
        };
        let data = if written.is_ok() { Value::Binary(bytes.into()) } else { Value::Null };
        let mut response = Response::new(data);
        response.errors = errors.into_iter().map(|error| error.below(&[])).collect();
        response
    }
}
