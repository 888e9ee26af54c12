//! Following orders: the present first, then every step in order, read from the history. A signal only says "look", and those who
//! look for the same signal read once.

mod feed;

use std::sync::Arc;

use async_stream::try_stream;
use entity::{order_events, orders};
use futures_util::Stream;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::watch;

use self::feed::StepsOfFeed;
use super::{history::FeedPosition, lifecycle, loader::is_visible, types::OrderEvent};
use crate::{
    app::App,
    database::Life,
    events::{Signal, SignalNumber, Topic, measure_lag},
    graphql::{
        error::{Error, Result},
        flights::{Flights, SharedReading},
        ids::OrderId,
        live::{Progress, StreamPosition},
        row::Row,
    },
    viewer::Viewer,
};

pub use self::feed::{driver_steps, restaurant_steps};

/// How many events are read at a time; more are read in turn.
const BATCH: u64 = 200;

/// What is being read, for all who follow the same. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct Readings {
    of_orders: Flights<(SignalNumber, OrderId, i32), StepsOfOrder>,
    of_feeds: Flights<(SignalNumber, Topic, FeedPosition), StepsOfFeed>,
}

/// The steps of one order. Without `after`, the latest step first; with it, every step whose sequence is greater. Ends after the
/// order's last step, or when the viewer may not know of the order any more: a driver who could have claimed it.
pub async fn order_steps(
    app: Arc<App>,
    readings: Readings,
    viewer: Viewer,
    id: OrderId,
    after: Option<i32>,
    progress: Progress,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    // The receiver comes first, so that nothing falls between reading the present and following it.
    let mut look = Look::at(&app, Topic::Order(id)).await;
    orders::Model::find_visible(&app.db, &viewer, id).await.map_err(|error| error.with_field("orderId"))?;
    let latest = order_events::Entity::find()
        .filter(order_events::Column::OrderId.eq(id.0))
        .order_by_desc(order_events::Column::Sequence)
        .one(&app.db)
        .await?;
    let latest_sequence = latest.as_ref().map_or(0, |event| event.sequence);
    let told = progress.place().and_then(|StreamPosition(_, sequence)| i32::try_from(sequence).ok());
    let mut seen = told.or(after).unwrap_or(latest_sequence - 1);
    // Steps are never taken back: these were, with the data that they were in.
    if seen > latest_sequence {
        return Err(Error::cursor_expired());
    }
    Ok(try_stream! {
        let mut is_over = latest.is_some_and(|event| lifecycle::is_final(event.status) && seen >= event.sequence);
        let mut woken_by = None;
        progress.reach(StreamPosition(0, seen.into()));
        while !is_over {
            look.expect_same_life()?;
            let read = readings.steps_of_order(&app, id, seen, woken_by).await?;
            for step in &read.steps {
                // Held against the order as it was when the step was read, so that none is told that was taken out of the viewer's sight.
                if !read.order.as_ref().is_some_and(|order| is_visible(&viewer, order)) {
                    Err(Error::right_lost())?;
                }
                seen = step.0.sequence;
                is_over = lifecycle::is_final(step.0.status);
                look.measure(step);
                progress.reach(StreamPosition(0, seen.into()));
                yield step.clone();
            }
            let caught_up = (read.steps.len() as u64) < BATCH;
            drop(read);
            if is_over || !caught_up {
                // What follows is read for oneself: somebody slow may have read it for the same signal long ago.
                woken_by = None;
                continue;
            }
            woken_by = match progress.waiting(look.wait()).await {
                Woken::ByAnEvent(signal) => Some(signal),
                Woken::InAnotherLife => Err(Error::cursor_expired())?,
                Woken::AtTheEnd => break,
            };
        }
    })
}

impl Readings {
    /// The next steps of the order, as they are read for the signal.
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

/// Steps that follow one another, and the order at the same moment; without steps none.
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

/// Waits for a reason to look: something happened, or the data are others.
struct Look {
    signal: Signal,
    life: watch::Receiver<Life>,
    /// Whether what is read from now on has only just happened.
    has_waited: bool,
}

enum Woken {
    ByAnEvent(SignalNumber),
    InAnotherLife,
    AtTheEnd,
}

impl Look {
    /// From now on. Take it first and read the present after: then nothing falls between.
    async fn at(app: &App, topic: Topic) -> Self {
        let life = app.lives.follow();
        Look { life, signal: app.events.subscribe(topic).await, has_waited: false }
    }

    /// What was read before does not fit what is read now, where another life has begun.
    fn expect_same_life(&self) -> Result<()> {
        // None is told of any more when the process is about to end.
        if self.life.has_changed().unwrap_or(false) { Err(Error::cursor_expired()) } else { Ok(()) }
    }

    /// Notes how late a step is told that was waited for.
    fn measure(&self, event: &OrderEvent) {
        if self.has_waited {
            measure_lag(event.0.at.to_utc());
        }
    }

    async fn wait(&mut self) -> Woken {
        self.has_waited = true;
        tokio::select! {
            biased;
            Ok(()) = self.life.changed() => Woken::InAnotherLife,
            signal = self.signal.changed() => signal.map_or(Woken::AtTheEnd, Woken::ByAnEvent),
        }
    }
}
