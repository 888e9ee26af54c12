//! Enqueues jobs in the caller's transaction.

use chrono::{DateTime, Utc};
use entity::{jobs, sea_orm_active_enums::JobState};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryTrait, Statement,
    sea_query::{CaseStatement, Expr, ExprTrait, InsertStatement, OnConflict, Query, SimpleExpr},
};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Job, Jobs, table};
use crate::{
    database::{self, Pool, Transaction, dialect, literal},
    domain::{
        clock,
        error::{Error, Result},
        ids::UserId,
    },
};

/// What becomes of a job whose key another job of its kind has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The other one stays as it is, and this one is not made.
    Keep,
    /// The other one is this one from now on. Where it runs at the moment, or is a dead letter, it runs again.
    Replace,
}

/// A job on the way into the queue.
pub struct NewJob {
    kind: &'static str,
    payload: Json,
    due_at: DateTime<Utc>,
    subject: SimpleExpr,
    user: Option<UserId>,
    key: Option<(SimpleExpr, OnDuplicate)>,
    lane: Option<String>,
}

impl NewJob {
    /// A job that is due now.
    ///
    /// # Errors
    /// Its payload is not to be written as JSON, which is a defect.
    pub fn new<J: Job>(job: &J) -> Result<Self> {
        NewJob::of_kind(J::KIND, job)
    }

    pub(super) fn of_kind(kind: &'static str, job: &impl Serialize) -> Result<Self> {
        Ok(NewJob {
            kind,
            payload: serde_json::to_value(job).map_err(Error::internal)?,
            due_at: clock::now(),
            subject: Expr::val(None::<i32>),
            user: None,
            key: None,
            lane: None,
        })
    }

    /// Due at this time, and not at once.
    #[must_use]
    pub fn due(self, due_at: DateTime<Utc>) -> Self {
        NewJob { due_at, ..self }
    }

    /// About the row of this number; its kind says of which table.
    #[must_use]
    pub fn about(self, subject: impl Into<SimpleExpr>) -> Self {
        NewJob { subject: subject.into(), ..self }
    }

    /// About this user. When the account is deleted, so is the job.
    #[must_use]
    pub fn of_user(self, user: UserId) -> Self {
        NewJob { user: Some(user), ..self }
    }

    /// The only one of its kind with this key (at most 100 characters).
    #[must_use]
    pub fn once(self, key: impl Into<SimpleExpr>, on_duplicate: OnDuplicate) -> Self {
        NewJob { key: Some((key.into(), on_duplicate)), ..self }
    }

    /// After all jobs that were put into this lane before, one at a time, of whatever kind. One that is a dead letter steps aside. The name has
    /// at most 100 characters. Only [`Jobs::enqueue_in_tx`] takes it.
    #[must_use]
    pub fn in_lane(self, lane: impl Into<String>) -> Self {
        NewJob { lane: Some(lane.into()), ..self }
    }

    /// The statement that writes the job, under this condition: for a link of a chain. Nobody is woken, which is right for a job that is not
    /// due yet.
    ///
    /// # Errors
    /// The columns do not fit, which is a defect.
    pub fn insert(self, condition: Condition) -> Result<InsertStatement> {
        use jobs::Column;
        let ready = || Column::State.save_as(Expr::val(JobState::Ready));
        let state = match &self.lane {
            None => ready(),
            Some(lane) => {
                let next = jobs::Entity::find()
                    .filter(Column::Lane.eq(lane))
                    .filter(literal::eq(Column::State, JobState::Ready));
                let is_taken = Expr::exists(next.into_query());
                CaseStatement::new()
                    .case(is_taken, Column::State.save_as(Expr::val(JobState::Blocked)))
                    .finally(ready())
                    .into()
            }
        };
        let (key, on_duplicate) = match self.key {
            Some((key, on_duplicate)) => (key, Some(on_duplicate)),
            None => (Expr::val(None::<String>), None),
        };
        let columns = [
            (Column::Kind, Expr::val(self.kind)),
            (Column::State, state),
            (Column::Payload, Expr::val(self.payload)),
            (Column::SubjectId, self.subject),
            (Column::UserId, Expr::val(self.user.map(|user| user.0))),
            (Column::UniqueKey, key),
            (Column::Lane, Expr::val(self.lane)),
            (Column::DueAt, Expr::val(self.due_at)),
            (Column::CreatedAt, Expr::val(clock::now())),
        ];
        let mut row = Query::select();
        // A condition has to be there: SQLite takes `on conflict` after a select for part of a join.
        row.cond_where(Condition::all().add(condition).add(Expr::cust("1 = 1")));
        let mut insert = Query::insert();
        insert.into_table(jobs::Entity).columns(columns.iter().map(|(column, _)| *column));
        row.exprs(columns.into_iter().map(|(_, value)| value));
        insert.select_from(row)?;
        if let Some(on_duplicate) = on_duplicate {
            let mut conflict = OnConflict::columns([Column::Kind, Column::UniqueKey]);
            conflict.target_and_where(Expr::col(Column::UniqueKey).is_not_null());
            insert.on_conflict(match on_duplicate {
                OnDuplicate::Keep => conflict.do_nothing().to_owned(),
                OnDuplicate::Replace => conflict
                    .update_columns([Column::State, Column::Payload, Column::SubjectId, Column::UserId, Column::DueAt])
                    .values([
                        (Column::Holder, Expr::val(None::<i64>)),
                        (Column::Attempts, Expr::val(0)),
                        (Column::LastError, Expr::val(None::<String>)),
                    ])
                    .to_owned(),
            });
        }
        Ok(insert)
    }
}

impl Jobs {
    /// Enqueues a job in the caller's transaction: it is there when that is committed, and never before. The worker of this process is woken then.
    pub async fn enqueue_in_tx(&self, transaction: &Transaction, job: NewJob) -> Result<()> {
        if let Some(lane) = &job.lane {
            lane_lock_in_tx(transaction, lane).await?;
        }
        let is_due = job.due_at <= clock::now();
        transaction.execute(&job.insert(Condition::all())?).await?;
        if is_due {
            let jobs = self.clone();
            transaction.after_commit(move || jobs.wake());
        }
        Ok(())
    }

    /// Enqueues a job that belongs to no other change.
    pub async fn enqueue(&self, db: &Pool, job: NewJob) -> Result<()> {
        if job.lane.is_none() {
            db.execute(&job.insert(Condition::all())?).await?;
            self.wake();
            return Ok(());
        }
        let transaction = database::begin(db).await?;
        self.enqueue_in_tx(&transaction, job).await?;
        Ok(transaction.commit().await?)
    }
}

/// Deletes the jobs about this user, whose account is being deleted.
pub async fn forget_in_tx(transaction: &Transaction, user: UserId) -> Result<()> {
    table::delete_in_tx(transaction, Condition::all().add(jobs::Column::UserId.eq(user.0))).await.map(drop)
}

/// Takes back the jobs of this kind with these keys. One that runs at the moment notices where it asks ([`Claimed::is_held_in_tx`]).
///
/// [`Claimed::is_held_in_tx`]: super::Claimed::is_held_in_tx
pub async fn take_back_in_tx<J: Job>(transaction: &Transaction, keys: impl IntoIterator<Item = String>) -> Result<()> {
    let which = Condition::all().add(jobs::Column::Kind.eq(J::KIND)).add(jobs::Column::UniqueKey.is_in(keys));
    table::delete_in_tx(transaction, which).await.map(drop)
}

/// Waits for whoever puts a job into this lane, or takes one out of it, until the transaction ends: so the jobs of a lane are numbered in the
/// order in which they are committed. On SQLite transactions that write follow each other anyway.
pub(super) async fn lane_lock_in_tx(transaction: &Transaction, lane: &str) -> Result<()> {
    let backend = transaction.get_database_backend();
    if let Some(sql) = dialect::named_lock(backend) {
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, [format!("jobs:{lane}").into()])).await?;
    }
    Ok(())
}
