//! Says again what may not have been said: steps that were taken but whose notice a crash or an absent broker swallowed.

use std::{sync::Arc, time::Duration};

use entity::{order_events, orders};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::history;
use crate::{app::App, clock, dialect, graphql::error::Result};

const INTERVAL: Duration = Duration::from_secs(1);
const BATCH: u64 = 500;

/// Younger steps are told by the process that took them.
const PATIENCE: chrono::Duration = chrono::Duration::seconds(3);

/// Sweeps for as long as the server runs. Saying a thing twice harms nobody: followers look at the database, where it is once.
pub async fn sweep_forever(app: Arc<App>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if let Err(error) = sweep_all(&app).await {
            tracing::warn!(code = error.code.as_str(), "events could not be swept; trying again later");
        }
    }
}

async fn sweep_all(app: &App) -> Result<()> {
    mark_published(app, app.events.take_published()).await?;
    while sweep(app).await? == BATCH as usize {}
    Ok(())
}

/// Publishes steps that nobody marked as published, and marks those that the broker took. Gives their number.
async fn sweep(app: &App) -> Result<usize> {
    let events = order_events::Entity::find()
        .filter(order_events::Column::PublishedAt.is_null())
        .filter(order_events::Column::At.lt(clock::now() - PATIENCE))
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
        // Where the broker is away, the others need not be tried one by one.
        if !app.events.publish(&topics).await {
            break;
        }
        published.push(event.position);
    }
    let number = published.len();
    mark_published(app, published).await?;
    Ok(number)
}

async fn mark_published(app: &App, positions: Vec<i64>) -> Result<()> {
    if positions.is_empty() {
        return Ok(());
    }
    order_events::Entity::update_many()
        .col_expr(order_events::Column::PublishedAt, Expr::val(clock::now()))
        .filter(dialect::any_of(app.db.get_database_backend(), order_events::Column::Position, positions))
        .exec(&app.db)
        .await?;
    Ok(())
}

/// Who carried the order before the step, where the step may have been the release.
async fn driver_before(app: &App, event: &order_events::Model) -> Result<Option<i32>> {
    if event.driver_id.is_some() || event.previous_status != Some(event.status) {
        return Ok(event.driver_id);
    }
    let before = order_events::Entity::find_by_id((event.order_id, event.sequence - 1)).one(&app.db).await?;
    Ok(before.and_then(|event| event.driver_id))
}
