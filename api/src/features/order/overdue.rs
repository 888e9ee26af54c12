//! Time-out of orders: the server cancels those that nobody accepted in time, by the same transition as everybody else.

use std::time::Duration;

use entity::{orders, sea_orm_active_enums::OrderStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::ExprTrait};

use super::service;
use crate::{
    app::App,
    database::{dialect, literal},
    deadline::Deadline,
    domain::{
        clock,
        error::{Code, Error, Result},
        ids::OrderId,
        viewer::Viewer,
    },
    tasks::Setbacks,
};

/// How often the server looks.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// Orders that one statement looks up at most.
const BATCH: u64 = 100;

/// Orders that could not be cancelled lately, with their back-off.
pub fn setbacks() -> Setbacks<i32> {
    Setbacks::new("overdue_orders")
}

/// Cancels the orders that have waited for longer than a restaurant may take to accept. Any number of processes may do so at once: each
/// transition happens once.
pub async fn cancel_overdue(app: &App, setbacks: &Setbacks<i32>) -> Result<()> {
    let minutes = app.config.orders.acceptance_timeout_minutes;
    if minutes == 0 {
        return Ok(());
    }
    let deadline = clock::now() - chrono::Duration::minutes(minutes.into());
    let find = |resting: Vec<i32>| {
        let others = orders::Entity::find()
            .select_only()
            .column(orders::Column::Id)
            .filter(literal::eq(orders::Column::Status, OrderStatus::Pending))
            .filter(orders::Column::OrderTime.lt(deadline))
            .filter(dialect::any_of(app.db.get_database_backend(), orders::Column::Id, resting).not())
            .order_by_asc(orders::Column::OrderTime)
            .limit(BATCH);
        async move { Ok(others.into_tuple().all(&app.db).await?) }
    };
    let cancel = |ids: Vec<i32>| async move {
        for id in ids {
            cancel(app, OrderId(id), minutes).await?;
        }
        Ok(())
    };
    setbacks.deal_with_all(&app.db, 1, find, cancel).await
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
    let waiting = orders::Entity::find_by_id(id.0).filter(literal::eq(orders::Column::Status, OrderStatus::Pending));
    match waiting.one(&app.db).await? {
        Some(_) => Err(error),
        None => Ok(()),
    }
}
