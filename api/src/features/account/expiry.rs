//! Retention: deletes sessions, tokens and links that ended long ago, and old entries of the audit record, in small batches.

use std::{fmt::Display, hash::Hash, sync::Arc, time::Duration};

use chrono::TimeDelta;
use entity::{account_tokens, audit_events, open_id_sign_ins, sessions};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, TryGetable, Value,
    sea_query::{ExprTrait, postgres_array::NotU8},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    database::dialect,
    domain::{clock, error::Result},
    jobs::{Claimed, Failure, Job, Outcome},
    tasks::Setbacks,
};

/// Deletes what has been kept for long enough, each hour.
#[derive(Serialize, Deserialize)]
pub struct ForgetExpired {}

impl Job for ForgetExpired {
    const KIND: &'static str = "forget_expired";
    const AT_ONCE: usize = 1;
    const TIME: Duration = Duration::from_secs(60 * 60);
    const EVERY: Option<Duration> = Some(Duration::from_secs(60 * 60));
}

/// Rows that one statement deletes at most, so that it holds no lock for long.
const BATCH: usize = 1_000;

/// Deletes what has been kept for long enough. A row that cannot be deleted holds up no other.
pub async fn forget_expired(app: Arc<App>, _: Claimed<ForgetExpired>) -> Result<Outcome, Failure> {
    let app = &*app;
    let now = clock::now();
    let before = now - TimeDelta::days(app.config.accounts.kept_days.into());
    if app.config.accounts.audit_days > 0 {
        let kept_since = now - TimeDelta::days(app.config.accounts.audit_days.into());
        let old = Condition::all().add(audit_events::Column::At.lt(kept_since));
        forget::<audit_events::Entity, i32>(app, "old_audit_events", audit_events::Column::Id, old).await?;
    }
    let ended = Condition::any().add(sessions::Column::EndedAt.lt(before)).add(sessions::Column::ExpiresAt.lt(before));
    forget::<sessions::Entity, i32>(app, "expired_sessions", sessions::Column::Id, ended).await?;
    let expired = Condition::all().add(account_tokens::Column::ExpiresAt.lt(before));
    forget::<account_tokens::Entity, i32>(app, "expired_tokens", account_tokens::Column::UserId, expired).await?;
    // A sign-in that nobody came back from is worth nothing once it has expired.
    let expired = Condition::all().add(open_id_sign_ins::Column::ExpiresAt.lt(now));
    forget::<open_id_sign_ins::Entity, String>(app, "expired_sign_ins", open_id_sign_ins::Column::StateHash, expired)
        .await?;
    Ok(Outcome::Done)
}

/// Deletes, batch by batch, the rows that have ended; `key` is the column that names them.
async fn forget<E, K>(app: &App, what: &'static str, key: E::Column, ended: Condition) -> Result<()>
where
    E: EntityTrait,
    K: Clone + Eq + Hash + Display + TryGetable + Into<Value> + Into<serde_json::Value> + NotU8,
{
    let (backend, setbacks) = (app.db.get_database_backend(), Setbacks::<K>::new(what));
    let find = |resting: Vec<K>| {
        let others = E::find()
            .select_only()
            .column(key)
            .distinct()
            .filter(ended.clone())
            .filter(dialect::any_of(backend, key, resting).not())
            .limit(BATCH as u64);
        async move { Ok(others.into_tuple().all(&app.db).await?) }
    };
    let delete = |keys: Vec<K>| {
        let some = E::delete_many().filter(ended.clone()).filter(dialect::any_of(backend, key, keys));
        async move { Ok(some.exec(&app.db).await.map(drop)?) }
    };
    setbacks.deal_with_all(&app.db, BATCH, find, delete).await
}
