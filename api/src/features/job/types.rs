//! The GraphQL types of jobs.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use entity::{jobs, sea_orm_active_enums};
use sea_orm::prelude::DateTimeWithTimeZone;

use super::finder::Jobs;
use crate::{
    domain::{
        error::Result,
        ids::{GlobalId, JobId, OrderId, UserId},
    },
    features::{account::User, order::service::AcceptanceTimeout},
    graphql::{
        date_time::DateTime,
        input,
        plan::{One, object, output_of_enums},
    },
    jobs::{Job as _, operators::JobStanding},
};

/// What is the matter with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::jobs::operators::JobStanding")]
pub enum JobState {
    /// It is due later, or runs as soon as a process has time for it.
    Waiting,
    /// A process has it in hand.
    Running,
    /// It waits for the job before it in its lane.
    Blocked,
    /// It has failed for good, and waits for an admin: a dead letter.
    Dead,
}

output_of_enums!(JobState);

#[derive(Clone, Debug)]
pub struct Job(pub Arc<jobs::Model>);

/// What is to be done later, or has failed for good; a job that is done is no more. For admins alone. What it is given besides (its
/// payload) is told to nobody, for it may be personal.
#[object(row = jobs::Model)]
impl Job {
    /// Opaque, and unique over all types.
    fn id(id: &i64) -> ID {
        JobId(*id).to_global()
    }

    /// What is done, such as `account_letter`; a newer server may know more kinds.
    fn kind(kind: &str) -> &str {
        kind
    }

    /// Whether it waits, runs, or has failed for good.
    fn state(state: &sea_orm_active_enums::JobState, holder: &Option<i64>, due_at: &DateTimeWithTimeZone) -> JobState {
        JobStanding::of(*state, *holder, *due_at).into()
    }

    /// How often it was tried, the present attempt included, since it was made or run again.
    fn attempts(attempts: &i32) -> i32 {
        *attempts
    }

    /// When it is to be done, or tried again. While it runs, when another process would take it for abandoned; of a dead letter, when it
    /// would have been tried again.
    fn due_at(due_at: &DateTimeWithTimeZone) -> DateTime {
        (*due_at).into()
    }

    /// When it was made.
    fn created_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }

    /// Why the last attempt failed, without personal data; null where none has failed since it was made or run again.
    fn last_error(last_error: &Option<String>) -> Option<&str> {
        last_error.as_deref()
    }

    /// The user whom it is about, with whose account it goes; null where it is about nobody.
    fn user(user_id: &Option<i32>) -> Option<One<User>> {
        user_id.map(UserId).map(One)
    }

    /// The id of what else it is about, such as an order; null where it is about nothing else, or this server does not know what. What it
    /// names may be gone.
    fn subject(kind: &str, subject_id: &Option<i32>) -> Option<ID> {
        subject_id.and_then(|number| match kind {
            AcceptanceTimeout::KIND => Some(OrderId(number).to_global()),
            _ => None,
        })
    }
}

/// The longest name that a kind can have.
const KIND_LENGTH: usize = 40;

/// All that is named must fit.
#[derive(Clone, Debug, Default, InputObject)]
pub struct JobFilter {
    /// Exactly this kind, at most 40 characters; one that there is no job of finds none.
    pub kind: Option<String>,
    /// In this state now.
    pub state: Option<JobState>,
}

impl JobFilter {
    pub fn decode(self) -> Result<Jobs> {
        Ok(Jobs {
            kind: input::optional_text("filter.kind", self.kind.as_deref(), KIND_LENGTH)?,
            standing: self.state.map(JobStanding::from),
        })
    }
}

/// What `retryJob` is given.
#[derive(Clone, Debug, InputObject)]
pub struct RetryJobInput {
    /// Which job.
    pub id: ID,
}

/// What `discardJob` is given.
#[derive(Clone, Debug, InputObject)]
pub struct DiscardJobInput {
    /// Which job.
    pub id: ID,
}

/// What `retryJob` gives back.
#[derive(SimpleObject)]
pub struct RetryJobPayload {
    /// As it was made due: a process has it in hand, or has done it, a moment later.
    pub job: Job,
}

/// What `discardJob` gives back.
#[derive(SimpleObject)]
pub struct DiscardJobPayload {
    /// The id that the job had: drop it from caches.
    pub discarded_job_id: ID,
}
