//! What everything that serves GraphQL is given: over HTTP, by streams and by websockets.

use std::{sync::Arc, time::Duration};

use super::{
    live::{admission::LiveConnections, rights_check::RightsCheck},
    media::Accepted,
};
use crate::{
    app::App,
    deadline::Deadline,
    domain::{error::Result, viewer::Origin},
    features::account::authentication::Authenticated,
    schema::Schema,
    shutdown::Shutdown,
};

/// What serves GraphQL.
#[derive(Clone)]
pub struct Endpoint {
    pub app: Arc<App>,
    pub schema: Schema,
    pub shutdown: Shutdown,
    pub connections: LiveConnections,
    pub rights: RightsCheck,
}

impl Endpoint {
    /// Ready when a connection has to end because the process will.
    pub fn departure(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shutdown.departure(Duration::from_secs(self.app.config.shutdown.spread_seconds))
    }
}

/// Who waits for an answer, where, in what form and for how long.
pub struct Asker {
    /// Or why the token is not valid.
    pub authenticated: Result<Authenticated>,
    pub origin: Origin,
    pub accepted: Accepted,
    pub deadline: Deadline,
}
