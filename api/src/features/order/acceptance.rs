//! Acceptance time-out: the server cancels orders that nobody accepted in time, by the same transition as everybody else. Each order has a job
//! for it from when it is placed.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    jobs, orders,
    sea_orm_active_enums::{JobState, OrderStatus},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::service;
use crate::{
    app::App,
    config::OrdersConfig,
    database::{literal, number_of},
    deadline::Deadline,
    domain::{
        clock,
        error::{Code, Error, Result},
        ids::OrderId,
        viewer::Viewer,
    },
    jobs::{Claimed, Failure, Job, NewJob, OnDuplicate, Outcome},
};

/// Cancels one order, unless somebody has accepted it by then. The key is the order's number.
#[derive(Serialize, Deserialize)]
pub struct AcceptanceTimeout {}

impl Job for AcceptanceTimeout {
    const KIND: &'static str = "acceptance_timeout";
}

/// Makes jobs for waiting orders that have none: placed by an older version of the server, or while no time-out was configured.
#[derive(Serialize, Deserialize)]
pub struct MakeMissingTimeouts {}

impl Job for MakeMissingTimeouts {
    const KIND: &'static str = "missing_acceptance_timeouts";
    const AT_ONCE: usize = 1;
    const EVERY: Option<Duration> = Some(Duration::from_secs(10 * 60));
}

/// Orders that one statement makes jobs for.
const BATCH: u64 = 1_000;

/// The time-out of the order whose number that link of a chain gives. None where none is configured.
pub fn timeout_of_new(config: &OrdersConfig, placed: &'static str) -> Result<Option<NewJob>> {
    let Some(due_at) = due_at(config, clock::now()) else { return Ok(None) };
    let key = number_of(placed).cast_as("text");
    let job = NewJob::new(&AcceptanceTimeout {})?.due(due_at).about(number_of(placed)).once(key, OnDuplicate::Keep);
    Ok(Some(job))
}

fn due_at(config: &OrdersConfig, placed_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let minutes = config.acceptance_timeout_minutes;
    (minutes > 0).then(|| placed_at + TimeDelta::minutes(minutes.into()))
}

/// Cancels the order if it still waits and its time is up by the present configuration. Any number of processes may do so at once: each
/// transition happens once.
pub async fn order_time_out(app: Arc<App>, claimed: Claimed<AcceptanceTimeout>) -> Result<Outcome, Failure> {
    let Some(id) = claimed.subject_id.map(OrderId) else { return Err(Failure::last("it names no order")) };
    let Some(placed_at) = waiting_since(&app, id).await? else { return Ok(Outcome::Done) };
    // Where no time-out is configured any more, this makes none; if one is again, the job is made anew.
    let Some(due_at) = due_at(&app.config.orders, placed_at) else { return Ok(Outcome::Done) };
    if due_at > clock::now() {
        return Ok(Outcome::NotBefore(due_at));
    }
    cancel(&app, id, app.config.orders.acceptance_timeout_minutes).await?;
    Ok(Outcome::Done)
}

/// When the order was placed, if it still waits for the restaurant's answer.
async fn waiting_since(app: &App, id: OrderId) -> Result<Option<DateTime<Utc>>> {
    let waiting = orders::Entity::find_by_id(id.0)
        .select_only()
        .column(orders::Column::OrderTime)
        .filter(literal::eq(orders::Column::Status, OrderStatus::Pending));
    Ok(waiting.into_tuple().one(&app.db).await?)
}

async fn cancel(app: &App, id: OrderId, minutes: u32) -> Result<()> {
    let note = Some(format!("Not accepted within {minutes} minutes."));
    let step = service::order_step(app, &Viewer::System, id, OrderStatus::Cancelled, note);
    match Deadline::from_now(&app.config.limits).meet_or_unavailable(step).await {
        Ok(_) => Ok(()),
        // Somebody accepted or cancelled the order at this moment: the transition is gone, or no longer the system's.
        Err(error) if matches!(error.code, Code::Conflict | Code::Forbidden) => unless_accepted(app, id, error).await,
        Err(error) => Err(error),
    }
}

/// The error, unless the order is no longer pending.
async fn unless_accepted(app: &App, id: OrderId, error: Error) -> Result<()> {
    match waiting_since(app, id).await? {
        Some(_) => Err(error),
        None => Ok(()),
    }
}

/// Makes the jobs that are missing. They are due at once, and find out for themselves whether it is time.
pub async fn missing_timeouts_make(app: Arc<App>, _: Claimed<MakeMissingTimeouts>) -> Result<Outcome, Failure> {
    if app.config.orders.acceptance_timeout_minutes == 0 {
        return Ok(Outcome::Done);
    }
    use jobs::Column;
    let key = || -> SimpleExpr { Expr::col((orders::Entity, orders::Column::Id)).cast_as("text") };
    let known = jobs::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Kind.eq(AcceptanceTimeout::KIND))
        .filter(Expr::col((jobs::Entity, Column::UniqueKey)).eq(key()));
    let mut waiting = orders::Entity::find()
        .select_only()
        .filter(literal::eq(orders::Column::Status, OrderStatus::Pending))
        .filter(Expr::exists(known.into_query()).not())
        .order_by_asc(orders::Column::OrderTime)
        .limit(BATCH)
        .into_query();
    let columns = [
        (Column::Kind, Expr::val(AcceptanceTimeout::KIND)),
        (Column::State, Column::State.save_as(Expr::val(JobState::Ready))),
        (Column::Payload, Expr::val(json!({}))),
        (Column::SubjectId, Expr::col((orders::Entity, orders::Column::Id))),
        (Column::UniqueKey, key()),
        (Column::DueAt, Expr::val(clock::now())),
        (Column::CreatedAt, Expr::val(clock::now())),
    ];
    let mut insert = Query::insert();
    insert.into_table(jobs::Entity).columns(columns.iter().map(|(column, _)| *column));
    waiting.exprs(columns.into_iter().map(|(_, value)| value));
    insert.select_from(waiting).map_err(Error::from)?;
    while app.db.execute(&insert).await?.rows_affected() == BATCH {}
    app.jobs.wake();
    Ok(Outcome::Done)
}
