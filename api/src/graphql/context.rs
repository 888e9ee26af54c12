//! What every resolver can reach.

use std::sync::Arc;

use async_graphql::ContextBase;

use super::loaders::Loaders;
use crate::{
    app::App,
    viewer::{Origin, Viewer},
};

/// What every operation is given by the one place that runs operations.
pub struct Given {
    pub app: Arc<App>,
    pub viewer: Viewer,
    pub origin: Origin,
    pub loaders: Loaders,
}

/// Short ways to what the operation was given, whose absence would be a defect of the server.
pub trait OperationContext {
    fn app(&self) -> &Arc<App>;
    fn viewer(&self) -> &Viewer;
    fn origin(&self) -> &Origin;
    fn loaders(&self) -> &Loaders;
}

impl<T> OperationContext for ContextBase<'_, T> {
    fn app(&self) -> &Arc<App> {
        &self.data_unchecked::<Given>().app
    }

    fn viewer(&self) -> &Viewer {
        &self.data_unchecked::<Given>().viewer
    }

    fn origin(&self) -> &Origin {
        &self.data_unchecked::<Given>().origin
    }

    fn loaders(&self) -> &Loaders {
        &self.data_unchecked::<Given>().loaders
    }
}
