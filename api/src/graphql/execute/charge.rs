//! Rate limits by cost: viewers are charged for the documents and operations that they send.

use std::time::Duration;

use crate::{
    app::App,
    config::LimitsConfig,
    domain::{
        error::Result,
        ids::UserId,
        viewer::{Origin, Viewer},
    },
    graphql::limits,
    limiter::{Limit, LimitKey},
};

/// Whose cost is counted together: one user's, or that of all who ask from one network without signing in.
pub struct Payer(Option<LimitKey<'static>>);

impl Payer {
    pub fn of(viewer: &Viewer, origin: &Origin) -> Self {
        Payer(match viewer {
            Viewer::User(user) => Some(LimitKey::CostOfUser(user.id)),
            Viewer::Anonymous => Some(LimitKey::CostOfNetwork(origin.network())),
            Viewer::System => None,
        })
    }

    /// Whoever a token names, before anything else is known of them.
    pub fn named(user: UserId) -> Self {
        Payer(Some(LimitKey::CostOfUser(user)))
    }

    /// Charges for the check of an access token, before it costs a statement.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub async fn charge_token_check(&self, app: &App) -> Result<()> {
        self.charge(app, limits::TOKEN_CHECK).await
    }

    /// Charges for the reading of a document, whatever comes of it.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub async fn charge_document(&self, app: &App, text: &str) -> Result<()> {
        self.charge(app, LimitsConfig::document_cost(text.len())).await
    }

    /// Charges for an operation that is about to run.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub async fn charge(&self, app: &App, cost: usize) -> Result<()> {
        match (self.0, limit(&app.config.limits)) {
            (Some(key), Some(limit)) => app.limiter.take_by_shares(key, cost as u64, limit).await,
            (None, _) | (_, None) => Ok(()),
        }
    }
}

fn limit(limits: &LimitsConfig) -> Option<Limit> {
    let window = Duration::from_secs(limits.viewer_cost_window_seconds);
    (limits.viewer_cost > 0).then_some(Limit { amount: limits.viewer_cost, window })
}
