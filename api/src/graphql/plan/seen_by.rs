//! Values that are shown as another viewer than the one who asks would see them.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};
use futures_util::{FutureExt, future::BoxFuture};

use super::{Answer, Level, Output, Scope, Selected, Violation, never_ready, planned_as, type_of};
use crate::{
    domain::{error::Result, viewer::Viewer},
    graphql::loaders::Reader,
};

/// A value that is shown, with everything below it, as this viewer sees it. The rest of the answer is what the asking viewer sees.
#[derive(Clone)]
pub struct SeenBy<T> {
    value: T,
    viewer: ReadViewer,
}

type ReadViewer = Arc<dyn Fn(Reader) -> BoxFuture<'static, Result<Viewer>> + Send + Sync>;

impl<T> SeenBy<T> {
    /// `viewer` is read where the value is selected.
    pub fn new<F: Future<Output = Result<Viewer>> + Send + 'static>(
        value: T,
        viewer: impl Fn(Reader) -> F + Send + Sync + 'static,
    ) -> Self {
        SeenBy { value, viewer: Arc::new(move |reader| viewer(reader).boxed()) }
    }
}

impl<T: Output + Clone + Sync> OutputType for SeenBy<T> {
    type_of!(T);

    /// Always by its plan: it stands below mutations, which nothing else answers.
    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        super::resolve(self, context, field).await
    }
}

impl<T: Output + Clone + Sync> Output for SeenBy<T> {
    planned_as!(T);
    never_ready!();

    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move {
            let mut level = Level::with_capacity(values.len(), 0);
            for SeenBy { value, viewer } in values {
                let shown = match viewer(scope.reader.clone()).await {
                    Ok(viewer) => {
                        let reader = Reader::new(scope.reader.app.clone(), viewer);
                        T::answer(vec![value], plan, Scope { reader: &reader, ..scope }).await
                    }
                    Err(error) => Level::failed(1, &error, scope),
                };
                level.piece(|answer| shown.write(0, answer));
            }
            level
        }
        .boxed()
    }
}
