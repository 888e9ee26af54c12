//! What every resolver can reach.

use std::sync::Arc;

use async_graphql::ContextBase;

use super::{live::Progress, loaders::Reader};
use crate::{
    app::App,
    viewer::{Origin, Viewer},
};

/// What every operation is given by the one place that runs operations.
#[derive(Clone)]
pub struct Given {
    pub reader: Reader,
    pub origin: Origin,
}

impl Given {
    /// The same for this viewer.
    #[must_use]
    pub fn to(&self, viewer: Viewer) -> Self {
        Given { reader: Reader::new(self.reader.app.clone(), viewer), origin: self.origin.clone() }
    }
}

/// Short ways to what the operation was given, whose absence would be a defect of the server.
pub trait OperationContext {
    fn app(&self) -> &Arc<App>;
    fn viewer(&self) -> &Viewer;
    fn origin(&self) -> &Origin;
    fn reader(&self) -> &Reader;
    /// Of a subscription alone: where its stream is.
    fn progress(&self) -> &Progress;
}

impl<T> OperationContext for ContextBase<'_, T> {
    fn app(&self) -> &Arc<App> {
        &self.reader().app
    }

    fn viewer(&self) -> &Viewer {
        &self.reader().viewer
    }

    fn origin(&self) -> &Origin {
        &self.data_unchecked::<Given>().origin
    }

    fn reader(&self) -> &Reader {
        &self.data_unchecked::<Given>().reader
    }

    fn progress(&self) -> &Progress {
        self.data_unchecked()
    }
}
