//! Plans of objects: their rows, and what is selected of them.

use async_graphql::{OutputType, ServerResult};
use entity::columns::Columns;
use futures_util::future::{BoxFuture, join_all};

use super::{Answer, Level, Scope, Selected, Violation, leaf::write_text, response_key::ResponseKey};

/// An object that the attribute [`object`](macro@super::object) declares.
pub trait Planned: OutputType + Clone + 'static {
    /// What its fields are read from.
    type Row: Send + Sync;

    /// Its name in the schema.
    const NAME: &'static str;

    fn row(&self) -> &Self::Row;

    /// The columns of the row that a field needs.
    fn columns_of(field: &str) -> Columns;

    /// Whether a field shows public data, the same to all who are not signed in.
    fn is_public(_: &str) -> bool {
        false
    }

    /// The plan of a selected field; `None` where it has none of this name.
    ///
    /// # Errors
    /// An argument cannot be read.
    fn field(selected: &Selected<'_>) -> ServerResult<Option<Box<dyn FieldPlan<Self>>>>;
}

/// How a field is answered, for all objects of a level.
pub trait FieldPlan<T: Planned>: Send + Sync {
    /// See [`Output::is_ready`](super::Output::is_ready).
    fn is_ready(&self) -> bool;

    /// See [`Output::write`](super::Output::write).
    ///
    /// # Errors
    /// There is nothing to show, and it may not be null.
    fn write(&self, row: &T::Row, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation>;

    /// See [`Output::answer`](super::Output::answer).
    fn answer<'a>(&'a self, rows: &[&'a T::Row], scope: Scope<'a>) -> BoxFuture<'a, Level>;
}

/// The plan of a field; none for `__typename`.
type PlanOf<T> = Option<Box<dyn FieldPlan<T>>>;

/// What is selected of an object.
pub struct ObjectPlan<T: Planned> {
    fields: Vec<(ResponseKey, PlanOf<T>)>,
    columns: Columns,
    is_ready: bool,
}

impl<T: Planned> ObjectPlan<T> {
    /// # Errors
    /// An argument of a field below cannot be read.
    pub fn of(selected: &Selected<'_>) -> ServerResult<Self> {
        let (mut columns, mut is_ready) = (Columns::NONE, true);
        let fields = ResponseKey::each(selected.fields(T::NAME), |field| {
            let plan = T::field(field)?;
            columns = columns.and(T::columns_of(field.name()));
            is_ready &= plan.as_ref().is_none_or(|plan| plan.is_ready());
            Ok(plan)
        });
        Ok(ObjectPlan { fields: fields?, columns, is_ready })
    }

    /// See [`Output::columns`](super::Output::columns).
    pub fn columns(&self) -> Columns {
        self.columns
    }

    /// See [`Output::is_ready`](super::Output::is_ready).
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Writes an object of which nothing has to be loaded.
    ///
    /// # Errors
    /// A field has nothing to show, and may not be null.
    pub fn write(&self, object: &T, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
        self.write_row(object.row(), scope, answer, |_| Ok(()))
    }

    /// Answers all objects of a level: first what has to be loaded for them, each relation once, and then they are written one by one.
    pub fn answer<'a>(&'a self, objects: Vec<T>, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let rows: Vec<&T::Row> = objects.iter().map(T::row).collect();
            let loading = self.fields.iter().filter_map(|(key, plan)| {
                let plan = plan.as_ref().filter(|plan| !plan.is_ready())?;
                Some(plan.answer(&rows, scope.at(key.position)))
            });
            let loaded = join_all(loading).await;
            scope.reader.flights.forget();
            let mut level = Level::with_capacity(rows.len(), loaded.iter().map(Level::length).sum());
            for (index, row) in rows.iter().enumerate() {
                let mut loaded = loaded.iter();
                let write_loaded = |answer: &mut Answer| match loaded.next() {
                    Some(loaded) => loaded.write(index, answer),
                    None => Ok(()),
                };
                level.piece(|answer| self.write_row(row, scope, answer, write_loaded));
            }
            level
        })
    }

    fn write_row(
        &self,
        row: &T::Row,
        scope: Scope<'_>,
        answer: &mut Answer,
        mut write_loaded: impl FnMut(&mut Answer) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        ResponseKey::write_object(&self.fields, answer, |key, plan, answer| match plan {
            None => {
                write_text(T::NAME, &mut answer.bytes);
                Ok(())
            }
            Some(plan) if plan.is_ready() => plan.write(row, scope.at(key.position), answer),
            Some(_) => write_loaded(answer),
        })
    }
}

/// Implements `Output` for an object that the attribute `object` declares.
macro_rules! output_of_object {
    ($object:ty) => {
        impl crate::graphql::plan::Output for $object {
            type Plan = crate::graphql::plan::ObjectPlan<$object>;

            fn plan(selected: &crate::graphql::plan::Selected<'_>) -> ::async_graphql::ServerResult<Self::Plan> {
                crate::graphql::plan::ObjectPlan::of(selected)
            }

            fn columns(plan: &Self::Plan) -> ::entity::columns::Columns {
                plan.columns()
            }

            fn is_ready(plan: &Self::Plan) -> bool {
                plan.is_ready()
            }

            fn write(
                &self,
                plan: &Self::Plan,
                scope: crate::graphql::plan::Scope<'_>,
                answer: &mut crate::graphql::plan::Answer,
            ) -> Result<(), crate::graphql::plan::Violation> {
                plan.write(self, scope, answer)
            }

            fn answer<'a>(
                values: Vec<Self>,
                plan: &'a Self::Plan,
                scope: crate::graphql::plan::Scope<'a>,
            ) -> ::futures_util::future::BoxFuture<'a, crate::graphql::plan::Level>
            where
                Self: 'a,
            {
                plan.answer(values, scope)
            }
        }
    };
}
pub(crate) use output_of_object;
