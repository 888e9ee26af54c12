//! Orders that nobody accepted in time: the server cancels them, by the same step as anybody else.

use std::{sync::Arc, time::Duration};

use entity::{orders, sea_orm_active_enums::OrderStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::service;
use crate::{
    app::App,
    clock,
    deadline::Deadline,
    graphql::{
        error::{Code, Result},
        ids::OrderId,
    },
    viewer::Viewer,
};

/// How often the server looks.
const INTERVAL: Duration = Duration::from_secs(15);

/// Cancels overdue orders for as long as the server runs. Any number of processes may do so: a step is taken once.
pub async fn cancel_overdue_forever(app: Arc<App>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if let Err(error) = cancel_overdue(&app).await {
            tracing::warn!(code = error.code.as_str(), "overdue orders could not be cancelled; trying again later");
        }
    }
}

/// Cancels the orders that have waited longer than the restaurant may take to accept; gives their number.
pub async fn cancel_overdue(app: &App) -> Result<usize> {
    let minutes = app.config.orders.acceptance_timeout_minutes;
    if minutes == 0 {
        return Ok(0);
    }
    let deadline = clock::now() - chrono::Duration::minutes(minutes.into());
    let overdue: Vec<i32> = orders::Entity::find()
        .select_only()
        .column(orders::Column::Id)
        .filter(orders::Column::Status.eq(OrderStatus::Pending))
        .filter(orders::Column::OrderTime.lt(deadline))
        .order_by_asc(orders::Column::OrderTime)
        .limit(100)
        .into_tuple()
        .all(&app.db)
        .await?;
    let mut cancelled = 0;
    for id in overdue {
        let note = Some(format!("Not accepted within {minutes} minutes."));
        let step = service::order_step(app, &Viewer::System, OrderId(id), OrderStatus::Cancelled, note);
        match Deadline::from_now(&app.config.limits).meet_or_unavailable(step).await {
            Ok(_) => cancelled += 1,
            // Somebody accepted or cancelled it at this very moment.
            Err(error) if error.code == Code::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    Ok(cancelled)
}
