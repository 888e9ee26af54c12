//! Feeds over many orders, in one total order, paged by a cursor behind which no late commit can appear.

use std::{sync::Arc, time::Duration};

use async_stream::try_stream;
use entity::{order_events, orders, restaurants};
use futures_util::Stream;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr},
};

use super::{BATCH, Readings, WakeUps, Woken};
use crate::{
    app::App,
    database::{dialect, literal},
    domain::{
        error::{Error, Result},
        ids::{DriverId, RestaurantId},
        viewer::Viewer,
    },
    events::{SignalNumber, Topic},
    features::order::{history::FeedPosition, lifecycle, types::OrderEvent},
    graphql::{
        flights::SharedReading,
        live::{Progress, StreamPosition},
        row::Row,
    },
};

/// Back-off of a feed that waits for a transaction which is still running and holds events back: the first pause, and the longest.
const HELD_BACK: Duration = Duration::from_millis(25);
const HELD_BACK_LONG: Duration = Duration::from_secs(1);

/// Every step of every order of a restaurant. Without `after`, the latest step of each order under way first.
pub async fn restaurant_steps(
    app: Arc<App>,
    readings: Readings,
    viewer: Viewer,
    id: RestaurantId,
    after: Option<FeedPosition>,
    progress: Progress,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let topic = Topic::Restaurant(id);
    let wake_ups = WakeUps::at(&app, topic).await;
    restaurants::Model::find_visible(&app.db, &viewer, id).await.map_err(|error| error.with_field("restaurantId"))?;
    viewer.signed_in()?;
    if !viewer.manages(id) {
        return Err(Error::forbidden("Only the restaurant's staff and admins see its orders as the kitchen does."));
    }
    let of_restaurant = Condition::all().add(orders::Column::RestaurantId.eq(id.0));
    let steps = Feed { topic, present: of_restaurant.clone(), concerned: of_restaurant };
    feed(app, readings, wake_ups, steps, after, progress).await
}

/// Every step of every order assigned to the driver, the assignment and the release included. Without `after`, the latest step of
/// the order it carries now first.
pub async fn driver_steps(
    app: Arc<App>,
    readings: Readings,
    driver: DriverId,
    after: Option<FeedPosition>,
    progress: Progress,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let topic = Topic::Driver(driver);
    let wake_ups = WakeUps::at(&app, topic).await;
    // The event of a release names no driver: it belongs to the driver of the step before.
    let before = Alias::new("before");
    let released = Query::select()
        .expr(Expr::val(1))
        .from_as(order_events::Entity, before.clone())
        .and_where(
            Expr::col((before.clone(), order_events::Column::OrderId))
                .equals(order_events::Column::OrderId.as_column_ref()),
        )
        .and_where(
            Expr::col((before.clone(), order_events::Column::Sequence))
                .eq(Expr::col(order_events::Column::Sequence.as_column_ref()).sub(1)),
        )
        .and_where(Expr::col((before, order_events::Column::DriverId)).eq(driver.0))
        .to_owned();
    let concerns = Condition::any().add(order_events::Column::DriverId.eq(driver.0)).add(Expr::exists(released));
    // An order that was assigned beyond the horizon comes with its assignment, not with the step before.
    let carried =
        Condition::all().add(orders::Column::DriverId.eq(driver.0)).add(order_events::Column::DriverId.eq(driver.0));
    let steps = Feed { topic, present: carried, concerned: concerns };
    feed(app, readings, wake_ups, steps, after, progress).await
}

/// A feed over several orders.
struct Feed {
    topic: Topic,
    /// The orders whose latest steps are the first answer.
    present: Condition,
    /// The steps that follow; the same for all followers of the topic, so that they share reads.
    concerned: Condition,
}

/// The latest step of each of the `present` orders under way, then all later steps that are `concerned`, in the order of the feed. The
/// present is read as of the horizon, before which everything is settled: with the cursor of a step beyond it, a later commit could appear
/// behind the cursor and be missed.
async fn feed(
    app: Arc<App>,
    readings: Readings,
    mut wake_ups: WakeUps,
    feed: Feed,
    after: Option<FeedPosition>,
    progress: Progress,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let Feed { topic, present, concerned } = feed;
    let backend = app.db.get_database_backend();
    let horizon = horizon(&app, backend).await?;
    let (first, start) = match progress.place().map(FeedPosition::from).or(after) {
        // A cursor beyond the end is from data that were lost, where the database could not be told from the one before.
        Some(after) if after > horizon.end => return Err(Error::cursor_expired()),
        Some(after) => (Vec::new(), after),
        None => (latest_steps(&app, present, horizon.settled).await?, horizon.settled),
    };
    Ok(try_stream! {
        let mut seen = start;
        let mut wait = HELD_BACK;
        for event in first {
            yield OrderEvent(event.into());
        }
        progress.reach(seen.into());
        let mut woken_by = None;
        loop {
            wake_ups.expect_same_life()?;
            let read = readings.steps_of_feed(&app, topic, &concerned, seen, woken_by).await?;
            for step in &read.steps {
                seen = FeedPosition::of(&step.0);
                wake_ups.measure(step);
                progress.reach(seen.into());
                yield step.clone();
            }
            let (found, next) = (!read.steps.is_empty(), read.next);
            drop(read);
            if found {
                wait = HELD_BACK;
            }
            match next {
                Next::Read => woken_by = None,
                Next::HeldBack => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(HELD_BACK_LONG);
                    woken_by = None;
                }
                Next::Wait => woken_by = match progress.waiting(wake_ups.wait()).await {
                    Woken::ByAnEvent(signal) => Some(signal),
                    Woken::InAnotherLife => Err(Error::cursor_expired())?,
                    Woken::AtTheEnd => break,
                },
            }
        }
    })
}

impl From<StreamPosition> for FeedPosition {
    fn from(StreamPosition(feed_transaction, position): StreamPosition) -> Self {
        FeedPosition { feed_transaction, position }
    }
}

impl From<FeedPosition> for StreamPosition {
    fn from(FeedPosition { feed_transaction, position }: FeedPosition) -> Self {
        StreamPosition(feed_transaction, position)
    }
}

/// The latest step, up to the horizon, of each order under way that meets the condition, in the order of the feed.
async fn latest_steps(app: &App, present: Condition, horizon: FeedPosition) -> Result<Vec<order_events::Model>> {
    let latest = Alias::new("latest");
    let latest_sequence = Query::select()
        .expr(Expr::col((latest.clone(), order_events::Column::Sequence)).max())
        .from_as(order_events::Entity, latest.clone())
        .and_where(
            Expr::col((latest.clone(), order_events::Column::OrderId))
                .equals(order_events::Column::OrderId.as_column_ref()),
        )
        .and_where(
            Expr::tuple([
                Expr::col((latest.clone(), order_events::Column::FeedTransaction)),
                Expr::col((latest, order_events::Column::Position)),
            ])
            .lte(Expr::tuple([Expr::val(horizon.feed_transaction), Expr::val(horizon.position)])),
        )
        .to_owned();
    let mut select = order_events::Entity::find().into_query();
    select
        .inner_join(
            orders::Entity,
            Expr::col(orders::Column::Id.as_column_ref()).equals(order_events::Column::OrderId.as_column_ref()),
        )
        .cond_where(present)
        .and_where(literal::is_in(orders::Column::Status, lifecycle::UNDER_WAY))
        .and_where(
            Expr::col(order_events::Column::Sequence.as_column_ref())
                .eq(SimpleExpr::SubQuery(None, Box::new(latest_sequence.into()))),
        )
        .order_by(order_events::Column::FeedTransaction.as_column_ref(), sea_orm::Order::Asc)
        .order_by(order_events::Column::Position.as_column_ref(), sea_orm::Order::Asc);
    Ok(order_events::Model::find_by_statement(app.db.get_database_backend().build(&select)).all(&app.db).await?)
}

/// The next steps of a feed.
pub(super) struct StepsOfFeed {
    steps: Vec<OrderEvent>,
    next: Next,
}

/// What to do after these steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Read on: there may be more.
    Read,
    /// Pause and read again: a running transaction holds more back.
    HeldBack,
    /// Wait for a signal.
    Wait,
}

async fn feed_steps_after(app: &App, concerned: &Condition, seen: FeedPosition) -> Result<StepsOfFeed> {
    #[derive(FromQueryResult)]
    struct StepRow {
        #[sea_orm(nested)]
        event: order_events::Model,
        horizon: i64,
    }
    let backend = app.db.get_database_backend();
    let place = Expr::tuple([
        Expr::col(order_events::Column::FeedTransaction.as_column_ref()),
        Expr::col(order_events::Column::Position.as_column_ref()),
    ]);
    let mut select = order_events::Entity::find().into_query();
    select
        .expr_as(dialect::feed_horizon(backend), Alias::new("horizon"))
        .inner_join(
            orders::Entity,
            Expr::col(orders::Column::Id.as_column_ref()).equals(order_events::Column::OrderId.as_column_ref()),
        )
        .cond_where(concerned.clone())
        .and_where(place.gt(Expr::tuple([Expr::val(seen.feed_transaction), Expr::val(seen.position)])))
        .order_by(order_events::Column::FeedTransaction.as_column_ref(), sea_orm::Order::Asc)
        .order_by(order_events::Column::Position.as_column_ref(), sea_orm::Order::Asc)
        .limit(BATCH);
    let rows = StepRow::find_by_statement(backend.build(&select)).all(&app.db).await?;
    let found = rows.len();
    let settled = rows.into_iter().take_while(|row| row.event.feed_transaction < row.horizon);
    let steps: Vec<_> = settled.map(|row| OrderEvent(row.event.into())).collect();
    let next = if steps.len() < found {
        Next::HeldBack
    } else if found as u64 == BATCH {
        Next::Read
    } else {
        Next::Wait
    };
    Ok(StepsOfFeed { steps, next })
}

/// How far the feeds can be read.
struct Horizon {
    /// Before this position everything is settled: no transaction that runs can write there.
    settled: FeedPosition,
    /// No step has a place beyond this one.
    end: FeedPosition,
}

async fn horizon(app: &App, backend: DbBackend) -> Result<Horizon> {
    let (last_transaction, last_position) = dialect::feed_end(backend);
    let select = Query::select()
        .expr_as(dialect::feed_horizon(backend), Alias::new("horizon"))
        .expr_as(Expr::cust("coalesce((select max(position) from order_events), 0)"), Alias::new("position"))
        .expr_as(last_transaction, Alias::new("last_transaction"))
        .expr_as(last_position, Alias::new("last_position"))
        .to_owned();
    let row = app.db.query_one_raw(backend.build(&select)).await?;
    let row = row.ok_or_else(|| Error::internal(anyhow::anyhow!("the feed's horizon was not answered")))?;
    let (feed_transaction, position) =
        dialect::feed_start(backend, row.try_get("", "horizon")?, row.try_get("", "position")?);
    let settled = FeedPosition { feed_transaction, position };
    let (feed_transaction, position) = (row.try_get("", "last_transaction")?, row.try_get("", "last_position")?);
    Ok(Horizon { settled, end: FeedPosition { feed_transaction, position } })
}

impl Readings {
    /// The topic's next steps; followers woken by the same signal share one read.
    async fn steps_of_feed(
        &self,
        app: &App,
        topic: Topic,
        concerned: &Condition,
        seen: FeedPosition,
        signal: Option<SignalNumber>,
    ) -> Result<SharedReading<StepsOfFeed>> {
        let read = || feed_steps_after(app, concerned, seen);
        self.of_feeds.join(signal.map(|signal| (signal, topic, seen)), read).await
    }
}
