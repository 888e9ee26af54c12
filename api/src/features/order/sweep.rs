//! Says again what may not have been said: steps that were taken but whose notice a crash or an absent broker swallowed.

use std::{sync::Arc, time::Duration};

use entity::{order_events, orders};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::history;
use crate::{app::App, clock, graphql::error::Result};

const INTERVAL: Duration = Duration::from_secs(1);
const BATCH: u64 = 500;

/// Sweeps for as long as the server runs. Saying a thing twice harms nobody: followers look at the database, where it is once.
pub async fn sweep_forever(app: Arc<App>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        loop {
            match sweep(&app).await {
                Ok(swept) if swept as u64 == BATCH => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(code = error.code.as_str(), "events could not be swept; trying again later");
                    break;
                }
            }
        }
    }
}

/// Publishes the steps not yet marked as published, and marks those that the broker took. Gives their number.
async fn sweep(app: &App) -> Result<usize> {
    let events = order_events::Entity::find()
        .filter(order_events::Column::PublishedAt.is_null())
        .order_by_asc(order_events::Column::Position)
        .limit(BATCH)
        .find_also_related(orders::Entity)
        .all(&app.db)
        .await?;
    let mut published = Vec::with_capacity(events.len());
    for (event, order) in &events {
        let topics = match order {
            Some(order) => history::topics(order, driver_before(app, event).await?),
            None => Vec::new(),
        };
        if !app.events.publish(&topics).await {
            // The broker is away, and each try may take its time-out: the rest waits for the next sweep.
            break;
        }
        published.push(event.position);
    }
    if !published.is_empty() {
        order_events::Entity::update_many()
            .col_expr(order_events::Column::PublishedAt, Expr::val(clock::now()))
            .filter(order_events::Column::Position.is_in(published.iter().copied()))
            .exec(&app.db)
            .await?;
    }
    Ok(published.len())
}

/// Who carried the order before the step, where the step may have been the release.
async fn driver_before(app: &App, event: &order_events::Model) -> Result<Option<i32>> {
    if event.driver_id.is_some() || event.previous_status != Some(event.status) {
        return Ok(event.driver_id);
    }
    let before = order_events::Entity::find_by_id((event.order_id, event.sequence - 1)).one(&app.db).await?;
    Ok(before.and_then(|event| event.driver_id))
}
