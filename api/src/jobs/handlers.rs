//! Who handles which kind of job, and how an attempt may end.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use entity::jobs;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Job, table::Claim};
use crate::{
    database::Transaction,
    domain::{
        error::{Error, Result},
        ids::UserId,
    },
};

/// A job in the hands of its handler.
pub struct Claimed<J> {
    pub job: J,
    /// The number of what it is about.
    pub subject_id: Option<i32>,
    pub user: Option<UserId>,
    /// Counted from 1.
    pub attempt: u32,
    id: i64,
    holder: i64,
}

impl<J> Claimed<J> {
    /// Whether it is still to be done, and by this handler: not where it was taken back, replaced or, the lease having expired, claimed by
    /// another process.
    pub async fn is_held_in_tx(&self, transaction: &Transaction) -> Result<bool> {
        let held = jobs::Entity::find_by_id(self.id).select_only().column(jobs::Column::Id);
        let held = held.filter(jobs::Column::Holder.eq(self.holder)).into_tuple::<i64>();
        Ok(held.one(transaction).await?.is_some())
    }
}

/// How an attempt ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and its row is deleted.
    Done,
    /// It is too early: it is due again then, as if it had not been tried.
    NotBefore(DateTime<Utc>),
}

/// How an attempt failed.
#[derive(Debug)]
pub struct Failure {
    /// For operators and in the database: no personal data, and no secrets.
    pub(super) told: String,
    /// For the log of this process.
    pub(super) cause: String,
    /// Another attempt would end in the same way.
    pub(super) is_final: bool,
}

impl Failure {
    /// It may go better next time. What is told has no personal data.
    pub fn passing(told: impl Into<String>) -> Self {
        let told = told.into();
        Failure { cause: told.clone(), told, is_final: false }
    }

    /// No other attempt would go better: the job is a dead letter at once. What is told has no personal data.
    pub fn last(told: impl Into<String>) -> Self {
        Failure { is_final: true, ..Failure::passing(told) }
    }
}

impl From<Error> for Failure {
    /// The database keeps what a client would be told: a cause may name whom it is about.
    fn from(error: Error) -> Self {
        Failure { told: format!("{}: {}", error.code.as_str(), error.message), cause: error.for_log(), is_final: false }
    }
}

impl From<sea_orm::DbErr> for Failure {
    fn from(failure: sea_orm::DbErr) -> Self {
        Error::from(failure).into()
    }
}

type Attempt = Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send>>;

/// A kind's handler, with what the kind says of itself.
pub(super) struct Handler<C> {
    pub kind: &'static str,
    pub at_once: usize,
    pub attempts: u32,
    pub time: Duration,
    pub every: Option<Duration>,
    pub run: Box<dyn Fn(Arc<C>, Claim) -> Attempt + Send + Sync>,
}

/// The handlers of all kinds of jobs. `C` is what they are given besides the job.
pub struct Handlers<C> {
    pub(super) by_kind: BTreeMap<&'static str, Handler<C>>,
}

impl<C> Default for Handlers<C> {
    fn default() -> Self {
        Handlers { by_kind: BTreeMap::new() }
    }
}

impl<C: Send + Sync + 'static> Handlers<C> {
    /// Adds the handler of a kind.
    #[must_use]
    pub fn on<J, F>(mut self, handle: impl Fn(Arc<C>, Claimed<J>) -> F + Send + Sync + 'static) -> Self
    where
        J: Job,
        F: Future<Output = Result<Outcome, Failure>> + Send + 'static,
    {
        let run = move |context, mut claim: Claim| -> Attempt {
            match serde_json::from_value::<J>(claim.payload.take()) {
                Ok(job) => {
                    let user = claim.user_id.map(UserId);
                    let (attempt, Claim { subject_id, id, holder, .. }) = (claim.attempts.unsigned_abs(), claim);
                    Box::pin(handle(context, Claimed { job, subject_id, user, attempt, id, holder }))
                }
                // Another version of the server may be able to. The error itself would show the payload.
                Err(_) => Box::pin(std::future::ready(Err(Failure::passing("the payload cannot be read")))),
            }
        };
        let handler = Handler {
            kind: J::KIND,
            at_once: J::AT_ONCE,
            attempts: J::ATTEMPTS,
            time: J::TIME,
            every: J::EVERY,
            run: Box::new(run),
        };
        self.by_kind.insert(J::KIND, handler);
        self
    }
}
