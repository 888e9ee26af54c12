//! Query plans: how what a client selects is read and answered, breadth-first, a level at a time.
//!
//! What is selected below a field is compiled into a plan: which columns its rows need, and what is loaded for them. The plan runs
//! breadth-first: each relation is loaded once for all objects of a level, in one statement, and what was read is written as JSON as it
//! comes, without a tree of values between. Objects are declared by the attribute [`object`](macro@object); async-graphql makes the
//! schema of the same declarations, and can execute them by itself ([`ExecuteAlone`]), which tests hold the plans against.
//! `docs/decisions/0028-plans.md` has the reasons and the measurements.

mod answer;
mod leaf;
mod load;
mod object;
mod response_key;
mod root;
mod seen_by;
mod selected;
mod union;
mod wrapped;

use async_graphql::{
    ContextBase, ContextSelectionSet, OutputType, Pos, Positioned, ServerError, ServerResult, Value,
    parser::types::Field,
};
use entity::columns::Columns;
use futures_util::future::BoxFuture;

pub use self::{
    answer::{Answer, Level, Violation},
    leaf::write_text,
    load::{Batch, Computed, Found, Load, One, existing, load_each, load_one},
    object::{FieldPlan, ObjectPlan, Planned},
    response_key::ResponseKey,
    root::{Queries, of_feature},
    seen_by::SeenBy,
    selected::Selected,
    union::Mixed,
    wrapped::Deferred,
};
pub(crate) use self::{
    leaf::output_of_enums,
    load::{loaded_as, never_ready, planned_as, type_of},
    object::output_of_object,
    root::queries,
    union::union_by_id,
};
pub use declare::object;

use super::{context::OperationContext, loaders::Reader};

/// For whom a plan runs, and where its field stands in the document.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub reader: &'a Reader,
    /// Of the field in the document.
    pub position: Pos,
}

impl Scope<'_> {
    /// The same for a field that stands elsewhere.
    #[must_use]
    pub fn at(self, position: Pos) -> Self {
        Scope { position, ..self }
    }
}

/// What a field gives: a value that is ready to be written, or what is to be loaded for it together with those of all other objects of the
/// level.
pub trait Output: OutputType + Sized + Send {
    /// What the answer needs, compiled from what is selected.
    type Plan: Send + Sync;

    /// Plans the field.
    ///
    /// # Errors
    /// An argument of a field below cannot be read.
    fn plan(selected: &Selected<'_>) -> ServerResult<Self::Plan>;

    /// The columns that are read of its rows, for whoever loads them.
    fn columns(_: &Self::Plan) -> Columns {
        Columns::NONE
    }

    /// Whether nothing has to be loaded: then it is written, and otherwise it is answered together with others.
    fn is_ready(_: &Self::Plan) -> bool {
        true
    }

    /// Writes a value of which nothing has to be loaded.
    ///
    /// # Errors
    /// There is nothing to show, and it may not be null.
    fn write(&self, plan: &Self::Plan, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation>;

    /// Answers all values of a level.
    fn answer<'a>(values: Vec<Self>, plan: &'a Self::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        let mut level = Level::with_capacity(values.len(), 0);
        for value in values {
            level.piece(|answer| value.write(plan, scope, answer));
        }
        Box::pin(std::future::ready(level))
    }
}

/// In the data of a request that async-graphql executes by itself, object by object, without plans.
#[derive(Clone, Copy, Debug)]
pub struct ExecuteAlone;

/// Whether async-graphql executes this operation by itself.
pub fn is_executed_alone<T>(context: &ContextBase<'_, T>) -> bool {
    context.data_opt::<ExecuteAlone>().is_some()
}

/// Answers a field by its plan: the way from async-graphql's execution of the roots into plans.
///
/// # Errors
/// There is nothing to show, and it may not be null. What went wrong besides is added to the operation's errors.
pub async fn resolve<T: Output + Clone>(
    value: &T,
    context: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
) -> ServerResult<Value> {
    let plan = T::plan(&Selected::of(context, field)).map_err(|error| context.set_error_path(error))?;
    let scope = Scope { reader: context.reader(), position: field.pos };
    let level = T::answer(vec![value.clone()], &plan, scope).await;
    let (bytes, errors, written) = level.into_only();
    let path = || context.set_error_path(ServerError::new(String::new(), None)).path;
    let mut errors: Vec<_> = errors.into_iter().map(|error| error.below(&path())).collect();
    // What nulls the field is what arose last.
    let cause = if written.is_err() { errors.pop() } else { None };
    for error in errors {
        context.add_error(error);
    }
    match cause {
        Some(error) => Err(error),
        None => Ok(Value::Binary(bytes.into())),
    }
}
