//! Forgets sessions, tokens and links that have ended for long.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use entity::{account_tokens, open_id_sign_ins, sessions};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::{app::App, clock, graphql::error::Result};

const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Forgets for as long as the server runs. Several processes may do it at once.
pub async fn forget_expired_forever(app: Arc<App>) {
    loop {
        if let Err(error) = forget_expired(&app).await {
            tracing::warn!(code = error.code.as_str(), "expired sessions could not be forgotten; trying again later");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn forget_expired(app: &App) -> Result<()> {
    let before = clock::now() - TimeDelta::days(app.config.accounts.kept_days.into());
    let ended = Condition::any().add(sessions::Column::EndedAt.lt(before)).add(sessions::Column::ExpiresAt.lt(before));
    sessions::Entity::delete_many().filter(ended).exec(&app.db).await?;
    account_tokens::Entity::delete_many().filter(account_tokens::Column::ExpiresAt.lt(before)).exec(&app.db).await?;
    // Nothing is learnt from those who did not come back.
    let expired = open_id_sign_ins::Column::ExpiresAt.lt(clock::now());
    open_id_sign_ins::Entity::delete_many().filter(expired).exec(&app.db).await?;
    Ok(())
}
