//! What operators do about jobs: look at them, run dead letters again, discard them.

use std::fmt;

use chrono::TimeDelta;
use entity::{jobs, sea_orm_active_enums::JobState};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    prelude::DateTimeWithTimeZone,
    sea_query::{CaseStatement, Expr, ExprTrait},
};

use super::{table, worker::RECURRING};
use crate::{
    database::{self, Pool, Transaction, literal},
    domain::{
        clock,
        error::{Error, Result},
        ids::JobId,
    },
};

/// What is the matter with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStanding {
    /// It is due later, or as soon as a worker has time for it.
    Waiting,
    /// A worker has claimed it.
    Running,
    /// It waits for the job before it in its lane.
    Blocked,
    /// It has failed for good, and waits for an operator.
    Dead,
}

impl JobStanding {
    /// By the columns of a job that tell it.
    pub fn of(state: JobState, holder: Option<i64>, due_at: DateTimeWithTimeZone) -> Self {
        match state {
            JobState::Dead => JobStanding::Dead,
            JobState::Blocked => JobStanding::Blocked,
            JobState::Ready if holder.is_some() && due_at > clock::now() => JobStanding::Running,
            JobState::Ready => JobStanding::Waiting,
        }
    }

    /// Which jobs these are.
    pub fn condition(self) -> Condition {
        use jobs::Column;
        let ready = Condition::all().add(literal::eq(Column::State, JobState::Ready));
        match self {
            JobStanding::Dead => Condition::all().add(literal::eq(Column::State, JobState::Dead)),
            JobStanding::Blocked => Condition::all().add(literal::eq(Column::State, JobState::Blocked)),
            JobStanding::Running => ready.add(Column::Holder.is_not_null()).add(Column::DueAt.gt(clock::now())),
            JobStanding::Waiting => {
                ready.add(Condition::any().add(Column::Holder.is_null()).add(Column::DueAt.lte(clock::now())))
            }
        }
    }
}

impl fmt::Display for JobStanding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            JobStanding::Waiting => "waiting",
            JobStanding::Running => "running",
            JobStanding::Blocked => "blocked",
            JobStanding::Dead => "dead",
        })
    }
}

/// Which jobs are of this kind and standing, or of any.
pub fn which(kind: Option<&str>, standing: Option<JobStanding>) -> Condition {
    Condition::all()
        .add_option(kind.map(|kind| jobs::Column::Kind.eq(kind)))
        .add_option(standing.map(JobStanding::condition))
}

/// Jobs of this kind and standing, or of any, in the order of their numbers: at most so many.
pub async fn list(
    db: &Pool,
    kind: Option<&str>,
    standing: Option<JobStanding>,
    limit: u64,
) -> Result<Vec<jobs::Model>> {
    let select = jobs::Entity::find().filter(which(kind, standing)).order_by_asc(jobs::Column::Id).limit(limit);
    Ok(select.all(db).await?)
}

/// Makes jobs due at once, dead letters among them, as if they had never been tried; one that runs, or waits in its lane, is left alone. A dead
/// letter has left its lane to the others, and runs beside them. Gives how many.
pub async fn retry(db: &Pool, which: Condition) -> Result<u64> {
    Ok(retried(which).exec(db).await?.rows_affected)
}

/// The same for one job, which is given as it is then. The caller wakes the worker after the commit.
///
/// # Errors
/// NOT_FOUND where it is gone, and CONFLICT that says why where it is left alone.
pub async fn retry_one_in_tx(transaction: &Transaction, id: JobId) -> Result<jobs::Model> {
    let which = Condition::all().add(jobs::Column::Id.eq(id.0));
    match retried(which).exec_with_returning(transaction).await?.pop() {
        Some(job) => Ok(job),
        None => Err(left_alone(transaction, id, |job| match job.state {
            JobState::Blocked => Some("It waits for the job before it in its lane."),
            JobState::Ready | JobState::Dead => None,
        })
        .await),
    }
}

fn retried(which: Condition) -> UpdateMany<jobs::Entity> {
    use jobs::Column;
    let is_dead = literal::eq(Column::State, JobState::Dead);
    let lane = CaseStatement::new().case(is_dead.not(), Expr::col(Column::Lane));
    jobs::Entity::update_many()
        .col_expr(Column::Lane, lane.into())
        .col_expr(Column::State, Expr::Constant(JobState::Ready.into()))
        .col_expr(Column::DueAt, Expr::val(clock::now()))
        .col_expr(Column::Attempts, Expr::val(0))
        .col_expr(Column::LastError, Expr::val(None::<String>))
        .filter(which)
        .filter(Column::Holder.is_null())
        .filter(literal::ne(Column::State, JobState::Blocked))
}

/// Deletes jobs that will not run then; one that runs is left alone, and so is what recurs, which would come again. Gives how many.
pub async fn discard(db: &Pool, which: Condition) -> Result<u64> {
    let transaction = database::begin(db).await?;
    let discarded = discard_in_tx(&transaction, which).await?.len() as u64;
    transaction.commit().await?;
    Ok(discarded)
}

/// The same for one job, which is given as it was. The caller wakes the worker after the commit: what was behind it in its lane may be next.
///
/// # Errors
/// NOT_FOUND where it is gone, and CONFLICT that says why where it is left alone.
pub async fn discard_one_in_tx(transaction: &Transaction, id: JobId) -> Result<jobs::Model> {
    let which = Condition::all().add(jobs::Column::Id.eq(id.0));
    match discard_in_tx(transaction, which).await?.pop() {
        Some(job) => Ok(job),
        None => Err(left_alone(transaction, id, |job| match job.unique_key.as_deref() {
            Some(RECURRING) => Some("It recurs, and would come again."),
            Some(_) | None => None,
        })
        .await),
    }
}

async fn discard_in_tx(transaction: &Transaction, which: Condition) -> Result<Vec<jobs::Model>> {
    use jobs::Column;
    let does_not_recur = Condition::any().add(Column::UniqueKey.is_null()).add(Column::UniqueKey.ne(RECURRING));
    let which = Condition::all().add(which).add(Column::Holder.is_null()).add(does_not_recur);
    // Before its rows, as whoever writes down a result does: else the two would wait for each other.
    table::lanes_lock_in_tx(transaction, which.clone()).await?;
    table::delete_in_tx(transaction, which).await
}

/// Why nothing was done about this job: what is true of all acts, or `reason` by which this one leaves it alone.
async fn left_alone(
    transaction: &Transaction,
    id: JobId,
    reason: impl FnOnce(&jobs::Model) -> Option<&'static str>,
) -> Error {
    match jobs::Entity::find_by_id(id.0).one(transaction).await {
        Err(failure) => failure.into(),
        Ok(None) => Error::not_found("job"),
        Ok(Some(job)) if job.holder.is_some() => {
            Error::conflict("A process has it in hand: wait until it has done it, or failed.")
        }
        Ok(Some(job)) => Error::conflict(reason(&job).unwrap_or("It has changed this very moment: look at it again.")),
    }
}

/// How long dead letters are kept for somebody to look at.
const DEAD_LETTERS_KEPT: TimeDelta = TimeDelta::days(30);

/// Deletes dead letters that nobody has looked at for long: they may name somebody.
pub async fn old_dead_letters_delete(db: &Pool) -> Result<u64> {
    let old = JobStanding::Dead.condition().add(jobs::Column::CreatedAt.lt(clock::now() - DEAD_LETTERS_KEPT));
    discard(db, old).await
}
