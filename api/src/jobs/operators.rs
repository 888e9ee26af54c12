//! What operators do about jobs: look at them, run dead letters again, discard them.

use std::fmt;

use chrono::TimeDelta;
use entity::{jobs, sea_orm_active_enums::JobState};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{CaseStatement, Expr, ExprTrait},
};

use super::{table, worker::RECURRING};
use crate::{
    database::{self, Pool, literal},
    domain::{clock, error::Result},
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
    pub fn of(job: &jobs::Model) -> Self {
        match job.state {
            JobState::Dead => JobStanding::Dead,
            JobState::Blocked => JobStanding::Blocked,
            JobState::Ready if job.holder.is_some() && job.due_at > clock::now() => JobStanding::Running,
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

/// Jobs of this kind and standing, or of any, in the order of their numbers: at most so many.
pub async fn list(
    db: &Pool,
    kind: Option<&str>,
    standing: Option<JobStanding>,
    limit: u64,
) -> Result<Vec<jobs::Model>> {
    let select = jobs::Entity::find()
        .filter(
            Condition::all()
                .add_option(kind.map(|kind| jobs::Column::Kind.eq(kind)))
                .add_option(standing.map(JobStanding::condition)),
        )
        .order_by_asc(jobs::Column::Id)
        .limit(limit);
    Ok(select.all(db).await?)
}

/// Makes jobs due at once, dead letters among them, as if they had never been tried; one that runs, or waits in its lane, is left alone. A dead
/// letter has left its lane to the others, and runs beside them. Gives how many.
pub async fn retry(db: &Pool, which: Condition) -> Result<u64> {
    use jobs::Column;
    let is_dead = literal::eq(Column::State, JobState::Dead);
    let lane = CaseStatement::new().case(is_dead.not(), Expr::col(Column::Lane));
    let retried = jobs::Entity::update_many()
        .col_expr(Column::Lane, lane.into())
        .col_expr(Column::State, Expr::Constant(JobState::Ready.into()))
        .col_expr(Column::DueAt, Expr::val(clock::now()))
        .col_expr(Column::Attempts, Expr::val(0))
        .col_expr(Column::LastError, Expr::val(None::<String>))
        .filter(which)
        .filter(Column::Holder.is_null())
        .filter(literal::ne(Column::State, JobState::Blocked))
        .exec(db)
        .await?;
    Ok(retried.rows_affected)
}

/// Deletes jobs that will not run then; one that runs is left alone, and so is what recurs, which would come again. Gives how many.
pub async fn discard(db: &Pool, which: Condition) -> Result<u64> {
    use jobs::Column;
    let recurs = Condition::any().add(Column::UniqueKey.is_null()).add(Column::UniqueKey.ne(RECURRING));
    let transaction = database::begin(db).await?;
    let which = Condition::all().add(which).add(Column::Holder.is_null()).add(recurs);
    let discarded = table::delete_in_tx(&transaction, which).await?;
    transaction.commit().await?;
    Ok(discarded)
}

/// How long dead letters are kept for somebody to look at.
const DEAD_LETTERS_KEPT: TimeDelta = TimeDelta::days(30);

/// Deletes dead letters that nobody has looked at for long: they may name somebody.
pub async fn old_dead_letters_delete(db: &Pool) -> Result<u64> {
    let old = JobStanding::Dead.condition().add(jobs::Column::CreatedAt.lt(clock::now() - DEAD_LETTERS_KEPT));
    discard(db, old).await
}
