//! The statements on `jobs`: claims, results and leases, each for a batch.

use chrono::{DateTime, Utc};
use entity::{jobs, sea_orm_active_enums::JobState};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Statement, sea_query::Expr,
};
use serde_json::{Value as Json, json};

use super::enqueue::lane_lock_in_tx;
use crate::{
    database::{self, Pool, Transaction, dialect, literal},
    domain::{clock, error::Result},
};

/// A job that this process has claimed.
#[derive(Clone, FromQueryResult)]
pub(super) struct Claim {
    pub id: i64,
    pub kind: String,
    pub payload: Json,
    pub subject_id: Option<i32>,
    pub user_id: Option<i32>,
    pub lane: Option<String>,
    pub attempts: i32,
    /// The number of the claim: whoever has lost the lease has another one.
    pub holder: i64,
}

/// What becomes of a job after an attempt.
pub(super) enum Ending {
    Delete,
    /// It stays, and nobody holds it.
    Keep {
        is_dead: bool,
        due_at: DateTime<Utc>,
        attempts: i32,
        last_error: Option<String>,
    },
}

/// The result of a claim.
pub(super) struct Settlement {
    pub id: i64,
    pub holder: i64,
    pub lane: Option<String>,
    pub ending: Ending,
}

const HELD: [(&str, &str); 2] = [("id", "bigint"), ("holder", "bigint")];
const KEPT: [(&str, &str); 6] = [
    ("id", "bigint"),
    ("holder", "bigint"),
    ("state", "job_state"),
    ("due_at", "timestamptz"),
    ("attempts", "integer"),
    ("last_error", "text"),
];

/// Claims jobs that are due, at most so many of each of these kinds, until the lease ends: its end is when they are due again.
///
/// Kinds and bounds are literals: with a bound that is a parameter PostgreSQL expects a tenth of all jobs, and compiles the statement (JIT)
/// for longer than it runs. A claim reads what it takes and one place of the index for each kind, however many jobs rest.
pub(super) async fn claim(db: &Pool, room: &[(&'static str, usize)], until: DateTime<Utc>) -> Result<Vec<Claim>> {
    let backend = db.get_database_backend();
    let holder: i64 = rand::random();
    let values: [sea_orm::Value; 3] = [clock::now().into(), holder.into(), until.into()];
    let sql = claim_sql(backend, room);
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(rows.iter().map(|row| Claim::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

pub(super) fn claim_sql(backend: DbBackend, room: &[(&'static str, usize)]) -> String {
    let locked = dialect::skip_locked(backend);
    let due = room.iter().map(|(kind, bound)| {
        format!(
            "select id from (select id from jobs where state = 'READY' and kind = '{kind}' and due_at <= $1 \
             order by due_at, id limit {bound} {locked}) as due_{kind}"
        )
    });
    let due = dialect::one_of_selected(backend, "id", &due.collect::<Vec<_>>().join(" union all "));
    format!(
        "update jobs set holder = $2, due_at = $3, attempts = attempts + 1 where {due} \
         returning id, kind, payload, subject_id, user_id, lane, attempts, holder"
    )
}

/// Writes down what has become of claimed jobs. What is held by another claim by now is left alone.
pub(super) async fn settle(db: &Pool, settlements: &[Settlement]) -> Result<()> {
    let (in_lanes, free): (Vec<_>, Vec<_>) = settlements.iter().partition(|settlement| settlement.lane.is_some());
    settle_all(db, &free).await?;
    for settlement in in_lanes {
        let Some(lane) = &settlement.lane else { continue };
        let transaction = database::begin(db).await?;
        lane_lock_in_tx(&transaction, lane).await?;
        settle_all(&transaction, &[settlement]).await?;
        lane_advance_in_tx(&transaction, lane).await?;
        transaction.commit().await?;
    }
    Ok(())
}

async fn settle_all(db: &impl ConnectionTrait, settlements: &[&Settlement]) -> Result<()> {
    let backend = db.get_database_backend();
    let (mut deleted, mut kept) = (Vec::new(), Vec::new());
    for Settlement { id, holder, ending, .. } in settlements {
        match ending {
            Ending::Delete => deleted.push(json!({ "id": id, "holder": holder })),
            Ending::Keep { is_dead, due_at, attempts, last_error } => kept.push(json!({
                "id": id,
                "holder": holder,
                "state": if *is_dead { "DEAD" } else { "READY" },
                "due_at": dialect::time_text(*due_at),
                "attempts": attempts,
                "last_error": last_error,
            })),
        }
    }
    if !deleted.is_empty() {
        let (rows, held) = (dialect::rows_of_json(backend, &HELD), held_sql(backend));
        let sql = format!("with held as ({rows}) delete from jobs where {held}");
        db.execute_raw(Statement::from_sql_and_values(backend, sql, [Json::from(deleted).to_string().into()])).await?;
    }
    if !kept.is_empty() {
        let (rows, held) = (dialect::rows_of_json(backend, &KEPT), held_sql(backend));
        let sql = format!(
            "with held as ({rows}) update jobs set state = held.state, due_at = held.due_at, attempts = held.attempts, \
             last_error = held.last_error, holder = null from held where jobs.id = held.id and {held}"
        );
        db.execute_raw(Statement::from_sql_and_values(backend, sql, [Json::from(kept).to_string().into()])).await?;
    }
    Ok(())
}

/// Which jobs those in `held` are, if their claims are still good. Their numbers are looked up one by one, whatever PostgreSQL believes of how many
/// jobs there are.
fn held_sql(backend: DbBackend) -> String {
    let is_named = dialect::one_of_selected(backend, "jobs.id", "select id from held");
    format!("{is_named} and (jobs.id, jobs.holder) in (select id, holder from held)")
}

/// Renews the leases of these claims: pairs of a job's number and the claim's.
pub(super) async fn renew(db: &Pool, held: &[(i64, i64)], until: DateTime<Utc>) -> Result<()> {
    let backend = db.get_database_backend();
    let told: Json = held.iter().map(|(id, holder)| json!({ "id": id, "holder": holder })).collect();
    let (rows, held) = (dialect::rows_of_json(backend, &HELD), held_sql(backend));
    let sql = format!("with held as ({rows}) update jobs set due_at = $2 where {held}");
    db.execute_raw(Statement::from_sql_and_values(backend, sql, [told.to_string().into(), until.into()])).await?;
    Ok(())
}

/// Makes jobs due that an earlier process held, where this process is the only one.
pub(super) async fn release_all(db: &Pool) -> Result<()> {
    jobs::Entity::update_many()
        .col_expr(jobs::Column::Holder, Expr::val(None::<i64>))
        .col_expr(jobs::Column::DueAt, Expr::val(clock::now()))
        .filter(jobs::Column::Holder.is_not_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Waits for whoever puts jobs into the lanes of these, or takes one out, until the transaction ends.
pub(super) async fn lanes_lock_in_tx(transaction: &Transaction, which: Condition) -> Result<()> {
    use jobs::Column;
    let lanes = jobs::Entity::find().select_only().column(Column::Lane).distinct();
    let lanes = lanes.filter(which).filter(Column::Lane.is_not_null()).order_by_asc(Column::Lane);
    for lane in lanes.into_tuple::<String>().all(transaction).await? {
        lane_lock_in_tx(transaction, &lane).await?;
    }
    Ok(())
}

/// Deletes jobs, and gives them. Whoever was behind one of them in a lane is next.
pub(super) async fn delete_in_tx(transaction: &Transaction, which: Condition) -> Result<Vec<jobs::Model>> {
    let deleted = jobs::Entity::delete_many().filter(which).exec_with_returning(transaction).await?;
    let mut lanes: Vec<_> = deleted.iter().filter_map(|job| job.lane.as_deref()).collect();
    // In one order, so that two who do so wait for each other.
    lanes.sort_unstable();
    lanes.dedup();
    for lane in lanes {
        lane_lock_in_tx(transaction, lane).await?;
        lane_advance_in_tx(transaction, lane).await?;
    }
    Ok(deleted)
}

/// Lets the first job of a lane run where none may. The caller holds the lane's lock.
pub(super) async fn lane_advance_in_tx(transaction: &Transaction, lane: &str) -> Result<()> {
    use jobs::Column;
    let of_lane = || jobs::Entity::find().select_only().column(Column::Id).filter(Column::Lane.eq(lane));
    let next = of_lane().filter(literal::eq(Column::State, JobState::Ready));
    if next.into_tuple::<i64>().one(transaction).await?.is_some() {
        return Ok(());
    }
    let first = of_lane().filter(literal::eq(Column::State, JobState::Blocked)).order_by_asc(Column::Id);
    let Some(first) = first.into_tuple::<i64>().one(transaction).await? else { return Ok(()) };
    jobs::Entity::update_many()
        .col_expr(Column::State, Column::State.save_as(Expr::val(JobState::Ready)))
        .filter(Column::Id.eq(first))
        .exec(transaction)
        .await?;
    Ok(())
}

/// What waits of a kind: how many dead letters, up to a bound, and since when the oldest job that is due waits.
#[derive(FromQueryResult)]
pub(super) struct Backlog {
    pub kind: String,
    pub dead: i64,
    pub due_at: Option<DateTime<Utc>>,
}

/// The most dead letters of a kind that are counted.
const COUNTED: usize = 1_000;

pub(super) async fn backlogs(db: &Pool, kinds: impl Iterator<Item = &'static str>) -> Result<Vec<Backlog>> {
    let backend = db.get_database_backend();
    let of_kind = kinds.map(|kind| {
        format!(
            "select '{kind}' as kind, \
             (select count(*) from (select 1 from jobs where state = 'DEAD' and kind = '{kind}' limit {COUNTED}) as dead) as dead, \
             (select due_at from jobs where state = 'READY' and kind = '{kind}' order by due_at, id limit 1) as due_at"
        )
    });
    let sql = of_kind.collect::<Vec<_>>().join(" union all ");
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    Ok(rows.iter().map(|row| Backlog::from_query_result(row, "")).collect::<Result<_, _>>()?)
}
