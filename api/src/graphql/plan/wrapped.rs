//! Lists, values that may be null, values that may fail, and values that may have to be loaded.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};
use entity::columns::Columns;
use futures_util::{
    FutureExt,
    future::{BoxFuture, OptionFuture},
};

use super::{Answer, Level, Output, Scope, Selected, Violation, planned_as, type_of};
use crate::domain::error::Error;

/// Takes plan, columns and readiness from `$inner`, which the value holds.
macro_rules! wraps {
    ($inner:ty) => {
        planned_as!($inner);

        fn columns(plan: &Self::Plan) -> Columns {
            <$inner as Output>::columns(plan)
        }

        fn is_ready(plan: &Self::Plan) -> bool {
            <$inner as Output>::is_ready(plan)
        }
    };
}

impl<T: Output> Output for Option<T> {
    wraps!(T);

    fn write(&self, plan: &T::Plan, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
        match self {
            Some(value) => answer.nullable(|answer| value.write(plan, scope, answer)),
            None => answer.null(),
        }
        Ok(())
    }

    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        let mut places = Vec::with_capacity(values.len());
        let mut present = Vec::with_capacity(values.len());
        for value in values {
            places.push(value.is_some().then_some(present.len()));
            present.extend(value);
        }
        let answering = (!present.is_empty()).then(|| T::answer(present, plan, scope));
        async move {
            let inner = OptionFuture::from(answering).await.unwrap_or_default();
            inner.or_null(places.into_iter())
        }
        .boxed()
    }
}

impl<T: Output> Output for Result<T, Error> {
    wraps!(T);

    fn write(&self, plan: &T::Plan, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
        match self {
            Ok(value) => value.write(plan, scope, answer),
            Err(error) => Err(answer.fail(error.clone(), scope.position)),
        }
    }

    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        let mut places = Vec::with_capacity(values.len());
        let mut present = Vec::with_capacity(values.len());
        let mut errors = Vec::new();
        for value in values {
            match value {
                Ok(value) => {
                    places.push(Ok(present.len()));
                    present.push(value);
                }
                Err(error) => {
                    places.push(Err(errors.len()));
                    errors.push(error);
                }
            }
        }
        let answering = (!present.is_empty()).then(|| T::answer(present, plan, scope));
        async move {
            let mut level = OptionFuture::from(answering).await.unwrap_or_default();
            if errors.is_empty() {
                return level;
            }
            let answered = level.pieces();
            for error in errors {
                level.piece(|answer| Err(answer.fail(error, scope.position)));
            }
            level.in_order(places.into_iter().map(|place| place.unwrap_or_else(|error| answered + error)))
        }
        .boxed()
    }
}

impl<T: Output> Output for Vec<T> {
    wraps!(T);

    fn write(&self, plan: &T::Plan, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
        answer.list(self.len(), |answer, index| self[index].write(plan, scope, answer))
    }

    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        let lengths: Vec<usize> = values.iter().map(Vec::len).collect();
        let entries: Vec<T> = values.into_iter().flatten().collect();
        let answering = T::answer(entries, plan, scope);
        async move {
            let inner = answering.await;
            let mut level = Level::with_capacity(lengths.len(), inner.length() + inner.pieces());
            let mut first = 0;
            for length in lengths {
                level.piece(|answer| answer.list(length, |answer, index| inner.write(first + index, answer)));
                first += length;
            }
            level
        }
        .boxed()
    }
}

/// A value that is known already, or has to be loaded: of one type in the schema.
#[derive(Clone)]
pub enum Deferred<T, L> {
    Ready(T),
    Load(L),
}

impl<T: OutputType, L: OutputType> OutputType for Deferred<T, L> {
    type_of!(T);

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self {
            Deferred::Ready(value) => value.resolve(context, field).await,
            Deferred::Load(load) => load.resolve(context, field).await,
        }
    }
}

impl<T: Output, L: Output> Output for Deferred<T, L> {
    type Plan = (T::Plan, L::Plan);

    fn plan(selected: &Selected<'_>) -> ServerResult<Self::Plan> {
        Ok((T::plan(selected)?, L::plan(selected)?))
    }

    fn columns((ready, load): &Self::Plan) -> Columns {
        T::columns(ready).and(L::columns(load))
    }

    fn is_ready((ready, load): &Self::Plan) -> bool {
        T::is_ready(ready) && L::is_ready(load)
    }

    fn write(&self, (ready, load): &Self::Plan, scope: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
        match self {
            Deferred::Ready(value) => value.write(ready, scope, answer),
            Deferred::Load(value) => value.write(load, scope, answer),
        }
    }

    /// Loads for those that need it alone.
    fn answer<'a>(values: Vec<Self>, (ready, load): &'a Self::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        let (mut known, mut loads) = (Vec::new(), Vec::new());
        let mut places = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Deferred::Ready(value) => {
                    places.push((true, known.len()));
                    known.push(value);
                }
                Deferred::Load(value) => {
                    places.push((false, loads.len()));
                    loads.push(value);
                }
            }
        }
        if loads.is_empty() {
            return T::answer(known, ready, scope);
        }
        if known.is_empty() {
            return L::answer(loads, load, scope);
        }
        let (known, loaded) = (T::answer(known, ready, scope), L::answer(loads, load, scope));
        async move {
            let (known, loaded) = (known.await, loaded.await);
            let mut level = Level::with_capacity(places.len(), known.length() + loaded.length());
            for (is_known, place) in places {
                level.piece(|answer| if is_known { known.write(place, answer) } else { loaded.write(place, answer) });
            }
            level
        }
        .boxed()
    }
}
