//! Says again what may not have been said: events that were written but whose notice a crash or an absent broker swallowed.

use std::{sync::Arc, time::Duration};

use entity::{order_events, orders};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::Topic;
use crate::{
    app::App,
    clock,
    graphql::{
        error::Result,
        ids::{DriverId, OrderId, RestaurantId},
    },
};

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

/// Publishes events not yet marked as published, and marks those that the broker took. Gives their number.
async fn sweep(app: &App) -> Result<usize> {
    let events = order_events::Entity::find()
        .filter(order_events::Column::PublishedAt.is_null())
        .order_by_asc(order_events::Column::Position)
        .limit(BATCH)
        .find_also_related(orders::Entity)
        .all(&app.db)
        .await?;
    if events.is_empty() {
        return Ok(0);
    }
    let mut published = Vec::with_capacity(events.len());
    for (event, order) in &events {
        let mut topics = vec![Topic::Order(OrderId(event.order_id))];
        topics.extend(order.as_ref().map(|order| Topic::Restaurant(RestaurantId(order.restaurant_id))));
        topics.extend(event.driver_id.map(|driver| Topic::Driver(DriverId(driver))));
        let notice = super::Notice { topics: topics.iter().map(Topic::to_string).collect(), position: None };
        if app.events.send(&notice).await {
            published.push(event.position);
        }
    }
    order_events::Entity::update_many()
        .col_expr(order_events::Column::PublishedAt, Expr::val(clock::now()))
        .filter(order_events::Column::Position.is_in(published.iter().copied()))
        .exec(&app.db)
        .await?;
    Ok(published.len())
}
