//! Outbox sweep: publishes again the steps whose signal was lost to a crash, or to a broker that was away. At least once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use entity::{order_events, orders};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::history;
use crate::{
    app::App,
    database::dialect,
    domain::{clock, error::Result},
    tasks::Setbacks,
};

/// How often the server looks.
pub const INTERVAL: Duration = Duration::from_secs(1);
const BATCH: usize = 500;

/// Younger steps are left to the process that took them.
const PATIENCE: chrono::Duration = chrono::Duration::seconds(3);

/// Steps, by their position, that could not be published or marked lately, with their back-off.
pub fn setbacks() -> Setbacks<i64> {
    Setbacks::new("unpublished_steps")
}

/// Publishes the steps that are not marked as published, and marks those that the broker took. Duplicates are harmless: a signal only says
/// "look", and followers find each step once in the database.
pub async fn sweep(app: &App, setbacks: &Setbacks<i64>) -> Result<()> {
    let published = app.events.take_published();
    setbacks.deal_with(&app.db, BATCH, &published, |positions| mark_published(app, positions)).await?;
    let broker_is_away = AtomicBool::new(false);
    let find = |resting: Vec<i64>| {
        let is_away = broker_is_away.load(Ordering::Relaxed);
        let others = order_events::Entity::find()
            .select_only()
            .column(order_events::Column::Position)
            .filter(order_events::Column::PublishedAt.is_null())
            .filter(order_events::Column::At.lt(clock::now() - PATIENCE))
            .filter(dialect::any_of(app.db.get_database_backend(), order_events::Column::Position, resting).not())
            .order_by_asc(order_events::Column::Position)
            .limit(BATCH as u64);
        async move { if is_away { Ok(Vec::new()) } else { Ok(others.into_tuple().all(&app.db).await?) } }
    };
    setbacks.deal_with_all(&app.db, BATCH, find, |positions| say(app, positions, &broker_is_away)).await
}

/// Publishes these steps, and marks those that the broker took.
async fn say(app: &App, positions: Vec<i64>, broker_is_away: &AtomicBool) -> Result<()> {
    let events = order_events::Entity::find()
        .filter(dialect::any_of(app.db.get_database_backend(), order_events::Column::Position, positions))
        .order_by_asc(order_events::Column::Position)
        .find_also_related(orders::Entity)
        .all(&app.db)
        .await?;
    let mut published = Vec::with_capacity(events.len());
    for (event, order) in &events {
        let topics = match order {
            Some(order) => history::topics(order, driver_before(app, event).await?),
            None => Vec::new(),
        };
        // Stops at the first failure: where the broker is away, the others would only fail in turn.
        if broker_is_away.load(Ordering::Relaxed) || !app.events.publish(&topics).await {
            broker_is_away.store(true, Ordering::Relaxed);
            break;
        }
        published.push(event.position);
    }
    mark_published(app, published).await
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

/// The driver before the step, where the step may have been the release.
async fn driver_before(app: &App, event: &order_events::Model) -> Result<Option<i32>> {
    if event.driver_id.is_some() || event.previous_status != Some(event.status) {
        return Ok(event.driver_id);
    }
    let before = order_events::Entity::find_by_id((event.order_id, event.sequence - 1)).one(&app.db).await?;
    Ok(before.and_then(|event| event.driver_id))
}
