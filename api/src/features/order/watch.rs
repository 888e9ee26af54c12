//! Following orders: the present first, then every step in order, read from the history. A signal only says "look", and those who
//! look for the same signal read once.

use std::{sync::Arc, time::Duration};

use async_stream::try_stream;
use entity::{order_events, orders};
use futures_util::{FutureExt, Stream};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr},
};

use super::{history::FeedPosition, lifecycle, loader::is_visible, types::OrderEvent};
use crate::{
    app::App,
    dialect,
    events::{Signal, SignalNumber, Topic, measure_lag},
    graphql::{
        error::{Code, Error, Result},
        ids::{DriverId, OrderId, RestaurantId},
        row::Row,
        shared::{Flights, Reading, Shared},
    },
    viewer::{RightsWatch, Viewer},
};

/// How many events are read at a time; more are read in turn.
const BATCH: u64 = 200;

/// How soon a feed looks again for events that a transaction still running holds back: at first, and at the most after waiting
/// for long.
const HELD_BACK: Duration = Duration::from_millis(25);
const HELD_BACK_LONG: Duration = Duration::from_secs(1);

/// A step as those who follow it are told.
pub type Step = Shared<OrderEvent>;

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
) -> Result<impl Stream<Item = Result<Step>>> {
    // The receiver comes first, so that nothing falls between reading the present and following it.
    let mut look = Look::at(&app, Topic::Order(id), &viewer).await;
    orders::Model::find_visible(&app.db, &viewer, id).await.map_err(|error| error.with_field("orderId"))?;
    let latest = order_events::Entity::find()
        .filter(order_events::Column::OrderId.eq(id.0))
        .order_by_desc(order_events::Column::Sequence)
        .one(&app.db)
        .await?;
    let latest_sequence = latest.as_ref().map_or(0, |event| event.sequence);
    let mut seen = after.unwrap_or(latest_sequence - 1);
    if seen > latest_sequence {
        return Err(Error::bad_input("after", format!("The order has taken {latest_sequence} steps so far.")));
    }
    Ok(try_stream! {
        let mut is_over = latest.is_some_and(|event| lifecycle::is_final(event.status) && seen >= event.sequence);
        let mut woken_by = None;
        while !is_over {
            let read = readings.steps_of_order(&app, id, seen, woken_by).await?;
            for step in &read.steps {
                // Held against the order as it was when the step was read, so that none is told that was taken out of the viewer's sight.
                if !read.order.as_ref().is_some_and(|order| is_visible(&viewer, order)) {
                    Err(Error::right_lost())?;
                }
                seen = step.0.sequence;
                is_over = lifecycle::is_final(step.0.status);
                look.measure(step);
                yield step.clone();
            }
            let caught_up = (read.steps.len() as u64) < BATCH;
            drop(read);
            if is_over || !caught_up {
                // What follows is read for oneself: somebody slow may have read it for the same signal long ago.
                woken_by = None;
                continue;
            }
            woken_by = match look.wait().await {
                Woken::ByAnEvent(signal) => Some(signal),
                Woken::ByTheRights if can_be_found(&app, &viewer, id).boxed().await? => None,
                Woken::ByTheRights => Err(Error::right_lost())?,
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
    ) -> Result<Reading<StepsOfOrder>> {
        let read = || order_steps_after(app, id, seen);
        self.of_orders.join(signal.map(|signal| (signal, id, seen)), read).await
    }

    /// The next steps of the topic's feed, as they are read for the signal.
    async fn steps_of_feed(
        &self,
        app: &App,
        topic: Topic,
        concerned: &Condition,
        seen: FeedPosition,
        signal: Option<SignalNumber>,
    ) -> Result<Reading<StepsOfFeed>> {
        let read = || feed_steps_after(app, concerned, seen);
        self.of_feeds.join(signal.map(|signal| (signal, topic, seen)), read).await
    }
}

/// Steps that follow one another, and the order at the same moment; without steps none.
struct StepsOfOrder {
    steps: Vec<Step>,
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
    let steps = events.into_iter().map(|event| Shared::new(OrderEvent(event))).collect();
    Ok(StepsOfOrder { steps, order: orders.pop().flatten() })
}

/// Waits for a reason to look: something happened, or the viewer's rights are not what they were.
struct Look {
    signal: Signal,
    rights: RightsWatch,
    /// Whether what is read from now on has only just happened.
    has_waited: bool,
}

enum Woken {
    ByAnEvent(SignalNumber),
    ByTheRights,
    AtTheEnd,
}

impl Look {
    /// From now on. Take it first and read the present after: then nothing falls between.
    async fn at(app: &App, topic: Topic, viewer: &Viewer) -> Self {
        Look { rights: viewer.watch_rights(), signal: app.events.subscribe(topic).await, has_waited: false }
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
            () = self.rights.changed() => Woken::ByTheRights,
            signal = self.signal.changed() => signal.map_or(Woken::AtTheEnd, Woken::ByAnEvent),
        }
    }
}

async fn can_be_found(app: &App, viewer: &Viewer, id: OrderId) -> Result<bool> {
    match orders::Model::find_visible(&app.db, viewer, id).await {
        Ok(_) => Ok(true),
        Err(error) if error.code == Code::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Every step of every order of a restaurant. Without `after`, the latest step of each order under way first.
pub async fn restaurant_steps(
    app: Arc<App>,
    readings: Readings,
    viewer: Viewer,
    id: RestaurantId,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<Step>>> {
    let topic = Topic::Restaurant(id);
    let look = Look::at(&app, topic, &viewer).await;
    entity::restaurants::Model::find_visible(&app.db, &viewer, id)
        .await
        .map_err(|error| error.with_field("restaurantId"))?;
    viewer.signed_in()?;
    if !viewer.manages(id) {
        return Err(Error::forbidden("Only the restaurant's staff and admins see its orders as the kitchen does."));
    }
    let of_restaurant = Condition::all().add(orders::Column::RestaurantId.eq(id.0));
    let allowed = move || viewer.manages(id);
    let steps = Feed { topic, present: of_restaurant.clone(), concerned: of_restaurant };
    feed(app, readings, look, allowed, steps, after).await
}

/// Every step of every order assigned to the driver, the assignment and the release included. Without `after`, the latest step of
/// the order it carries now first.
pub async fn driver_steps(
    app: Arc<App>,
    readings: Readings,
    viewer: Viewer,
    driver: DriverId,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<Step>>> {
    let topic = Topic::Driver(driver);
    let look = Look::at(&app, topic, &viewer).await;
    // The release carries no driver any more: it belongs to whoever the step before it belonged to.
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
    // An order that was assigned beyond the horizon is told by its assignment, not by the step before.
    let carried =
        Condition::all().add(orders::Column::DriverId.eq(driver.0)).add(order_events::Column::DriverId.eq(driver.0));
    let allowed = move || viewer.is_driver(driver);
    let steps = Feed { topic, present: carried, concerned: concerns };
    feed(app, readings, look, allowed, steps, after).await
}

/// What a feed over several orders tells.
struct Feed {
    topic: Topic,
    /// The orders whose latest steps come first.
    present: Condition,
    /// The steps that come then; the same for all who follow the topic.
    concerned: Condition,
}

/// The latest step of each of the `present` orders under way, then all later steps that are `concerned`, in the order of the feed. The
/// present is that of the horizon, where all is settled: were a step beyond it told already, its cursor would have one behind it that
/// commits later. It ends when it is not `allowed` any more, which is asked before each step.
async fn feed(
    app: Arc<App>,
    readings: Readings,
    mut look: Look,
    allowed: impl Fn() -> bool + Send + Sync + 'static,
    feed: Feed,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<Step>>> {
    let Feed { topic, present, concerned } = feed;
    let backend = app.db.get_database_backend();
    let (first, start) = match after {
        Some(after) => (Vec::new(), after),
        None => {
            let horizon = horizon(&app, backend).await?;
            (latest_steps(&app, present, horizon).await?, horizon)
        }
    };
    Ok(try_stream! {
        let mut seen = start;
        let mut wait = HELD_BACK;
        for event in first {
            if !allowed() {
                Err(Error::right_lost())?;
            }
            yield Shared::new(OrderEvent(event));
        }
        let mut woken_by = None;
        loop {
            if !allowed() {
                Err(Error::right_lost())?;
            }
            let read = readings.steps_of_feed(&app, topic, &concerned, seen, woken_by).await?;
            for step in &read.steps {
                // The step before may have been told long ago, to a slow client.
                if !allowed() {
                    Err(Error::right_lost())?;
                }
                seen = FeedPosition::of(&step.0);
                look.measure(step);
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
                Next::Wait => woken_by = match look.wait().await {
                    Woken::ByAnEvent(signal) => Some(signal),
                    Woken::ByTheRights => None,
                    Woken::AtTheEnd => break,
                },
            }
        }
    })
}

/// The latest step up to the horizon of each order under way that fits the condition, in the order of the feed.
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
        .and_where(orders::Column::Status.is_in(lifecycle::UNDER_WAY))
        .and_where(
            Expr::col(order_events::Column::Sequence.as_column_ref())
                .eq(SimpleExpr::SubQuery(None, Box::new(latest_sequence.into()))),
        )
        .order_by(order_events::Column::FeedTransaction.as_column_ref(), sea_orm::Order::Asc)
        .order_by(order_events::Column::Position.as_column_ref(), sea_orm::Order::Asc);
    Ok(order_events::Model::find_by_statement(app.db.get_database_backend().build(&select)).all(&app.db).await?)
}

/// The next steps of a feed.
struct StepsOfFeed {
    steps: Vec<Step>,
    next: Next,
}

/// What follows the steps that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Perhaps more.
    Read,
    /// More, which a transaction that still runs holds back.
    HeldBack,
    /// Nothing until there is a signal.
    Wait,
}

async fn feed_steps_after(app: &App, concerned: &Condition, seen: FeedPosition) -> Result<StepsOfFeed> {
    #[derive(FromQueryResult)]
    struct Row {
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
    let rows = Row::find_by_statement(backend.build(&select)).all(&app.db).await?;
    let found = rows.len();
    let settled = rows.into_iter().take_while(|row| row.event.feed_transaction < row.horizon);
    let steps: Vec<_> = settled.map(|row| Shared::new(OrderEvent(row.event))).collect();
    let next = if steps.len() < found {
        Next::HeldBack
    } else if found as u64 == BATCH {
        Next::Read
    } else {
        Next::Wait
    };
    Ok(StepsOfFeed { steps, next })
}

/// The place in the feed before which everything is settled now.
async fn horizon(app: &App, backend: DbBackend) -> Result<FeedPosition> {
    let select = Query::select()
        .expr_as(dialect::feed_horizon(backend), Alias::new("horizon"))
        .expr_as(Expr::cust("coalesce((select max(position) from order_events), 0)"), Alias::new("position"))
        .to_owned();
    let row = app.db.query_one_raw(backend.build(&select)).await?;
    let row = row.ok_or_else(|| Error::internal(anyhow::anyhow!("the feed's horizon was not answered")))?;
    let (feed_transaction, position) =
        dialect::feed_start(backend, row.try_get("", "horizon")?, row.try_get("", "position")?);
    Ok(FeedPosition { feed_transaction, position })
}
