//! What every resolver can reach.

use std::sync::Arc;

use async_graphql::Context;

use super::loaders::Loaders;
use crate::{
    app::App,
    viewer::{Origin, Viewer},
};

/// Short ways to what the operation was given. The data is put there by the one place that runs operations, so that its
/// absence is a defect of the server.
pub trait OperationContext {
    fn app(&self) -> &Arc<App>;
    fn viewer(&self) -> &Viewer;
    fn origin(&self) -> &Origin;
    fn loaders(&self) -> &Loaders;
}

impl OperationContext for Context<'_> {
    fn app(&self) -> &Arc<App> {
        self.data_unchecked()
    }

    fn viewer(&self) -> &Viewer {
        self.data_unchecked()
    }

    fn origin(&self) -> &Origin {
        self.data_unchecked()
    }

    fn loaders(&self) -> &Loaders {
        self.data_unchecked()
    }
}
