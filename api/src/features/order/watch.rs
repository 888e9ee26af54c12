//! Live updates of orders. One order is followed in its history: the latest step first, then every step in order; many are followed in the
//! journal. A signal only says "look"; followers that are woken by one signal coalesce into one read (single-flight).

mod feed;

use std::sync::Arc;

use async_stream::try_stream;
use entity::{order_events, orders};
use futures_util::Stream;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use self::feed::Steps;
use super::{lifecycle, types::OrderEvent};
use crate::{
    app::App,
    domain::{
        error::{Error, Result},
        ids::OrderId,
        viewer::Viewer,
    },
    events::{SignalNumber, Topic},
    features::order::finder::is_visible,
    graphql::{
        flights::{Flights, SharedReading},
        live::{BATCH, FeedReadings, Progress, StreamPosition, WakeUps, Woken},
        row::Row,
    },
};

pub use self::feed::{claimable_changes, customer_steps, driver_steps, orders_steps, restaurant_steps};

/// The reads in flight, shared by all who follow the same (single-flight). Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct Readings {
    of_orders: Flights<(SignalNumber, OrderId, i32), StepsOfOrder>,
    pub of_feeds: FeedReadings<Steps>,
}

/// The steps of one order. Without `after`, the latest step first; with it, every step whose sequence is greater. Ends after the order's
/// last step, or when the order is no longer visible to the viewer, such as to a driver who could have claimed it.
pub async fn order_steps(
    app: Arc<App>,
    readings: Readings,
    viewer: Viewer,
    id: OrderId,
    after: Option<i32>,
    progress: Progress,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    // Subscribe before reading: then no step falls between the read and the first signal.
    let mut wake_ups = WakeUps::at(&app, &[Topic::Order(id)]).await;
    orders::Model::find_visible(&app.db, &viewer, id).await.map_err(|error| error.with_field("orderId"))?;
    let latest = order_events::Entity::find()
        .filter(order_events::Column::OrderId.eq(id.0))
        .order_by_desc(order_events::Column::Sequence)
        .one(&app.db)
        .await?;
    let latest_sequence = latest.as_ref().map_or(0, |event| event.sequence);
    let told = progress.place().and_then(|StreamPosition(_, sequence)| i32::try_from(sequence).ok());
    let mut seen = told.or(after).unwrap_or(latest_sequence - 1);
    // Steps are never deleted: a cursor beyond the last one is from data that were lost, as by a restore.
    if seen > latest_sequence {
        return Err(Error::cursor_expired());
    }
    Ok(try_stream! {
        let mut is_over = latest.is_some_and(|event| lifecycle::is_final(event.status) && seen >= event.sequence);
        let mut woken_by = None;
        progress.reach(StreamPosition(0, seen.into()));
        while !is_over {
            wake_ups.expect_same_life()?;
            let read = readings.steps_of_order(&app, id, seen, woken_by).await?;
            for step in &read.steps {
                // The right is checked against the order as of the same read: a step that took the order out of the viewer's sight is not
                // told.
                if !read.order.as_ref().is_some_and(|order| is_visible(&viewer, order)) {
                    Err(Error::right_lost())?;
                }
                seen = step.0.sequence;
                is_over = lifecycle::is_final(step.0.status);
                wake_ups.measure(step.0.at.to_utc());
                progress.reach(StreamPosition(0, seen.into()));
                yield step.clone();
            }
            let caught_up = (read.steps.len() as u64) < BATCH;
            drop(read);
            if is_over || !caught_up {
                // Catching up is not coalesced: the shared read of this signal may be long outdated for a slow follower.
                woken_by = None;
                continue;
            }
            woken_by = match progress.waiting(wake_ups.wait()).await {
                Woken::ByAnEvent(signal) => Some(signal),
                Woken::InAnotherLife => Err(Error::cursor_expired())?,
                Woken::AtTheEnd => break,
            };
        }
    })
}

impl Readings {
    /// The order's next steps; followers woken by the same signal share one read.
    async fn steps_of_order(
        &self,
        app: &App,
        id: OrderId,
        seen: i32,
        signal: Option<SignalNumber>,
    ) -> Result<SharedReading<StepsOfOrder>> {
        let read = || order_steps_after(app, id, seen);
        self.of_orders.join(signal.map(|signal| (signal, id, seen)), read).await
    }
}

/// Consecutive steps, and the order as of the same read; no order where there are no steps.
struct StepsOfOrder {
    steps: Vec<OrderEvent>,
    order: Option<orders::Model>,
}

async fn order_steps_after(app: &App, id: OrderId, seen: i32) -> Result<StepsOfOrder> {
    let rows = order_events::Entity::find()
        .find_also_related(orders::Entity)
        .filter(order_events::Column::OrderId.eq(id.0))
        .filter(order_events::Column::Sequence.gt(seen))
        .order_by_asc(order_events::Column::Sequence)
        .limit(BATCH)
        .all(&app.db)
        .await?;
    let (events, mut orders): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let steps = events.into_iter().map(|event| OrderEvent(event.into())).collect();
    Ok(StepsOfOrder { steps, order: orders.pop().flatten() })
}
