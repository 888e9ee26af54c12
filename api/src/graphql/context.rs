//! The context of an operation: what every resolver can reach.

use std::sync::Arc;

use async_graphql::ContextBase;

use super::{live::Progress, loaders::Reader};
use crate::{
    app::App,
    domain::viewer::{Origin, Viewer},
};

/// The request data that `execute`, the one place that runs operations, attaches to each: who asks, from where, and what loads.
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

/// Accessors of what the operation was given; they panic where it is missing, which would be a defect of the server.
pub trait OperationContext {
    fn app(&self) -> &Arc<App>;
    fn viewer(&self) -> &Viewer;
    fn origin(&self) -> &Origin;
    fn reader(&self) -> &Reader;
    /// Of a subscription alone: the position of its stream.
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
