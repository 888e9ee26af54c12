//! Following orders: the present first, then every step in order, read from the history. A signal only says "look".

use std::{sync::Arc, time::Duration};

use async_stream::try_stream;
use entity::{order_events, orders};
use futures_util::Stream;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr},
};

use super::{history::FeedPosition, lifecycle};
use crate::{
    app::App,
    dialect,
    events::{Signal, Topic, measure_lag},
    graphql::{
        error::{Code, Error, Result},
        ids::{DriverId, OrderId, RestaurantId},
        row::Row,
    },
    viewer::{RightsWatch, Viewer},
};

/// How many events are read at a time; more are read in turn.
const BATCH: u64 = 200;

/// How soon a feed looks again for events that a transaction still running holds back: at first, and at the most after waiting
/// for long.
const HELD_BACK: Duration = Duration::from_millis(25);
const HELD_BACK_LONG: Duration = Duration::from_secs(1);

/// The steps of one order. Without `after`, the latest step first; with it, every step whose sequence is greater. Ends after the
/// order's last step, or when the viewer may not know of the order any more: a driver who could have claimed it.
pub async fn order_steps(
    app: Arc<App>,
    viewer: Viewer,
    id: OrderId,
    after: Option<i32>,
) -> Result<impl Stream<Item = Result<order_events::Model>>> {
    // The receiver comes first, so that nothing falls between reading the present and following it.
    let mut signal = Look::at(&app, Topic::Order(id), &viewer).await;
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
        while !is_over {
            let events = order_events::Entity::find()
                .filter(order_events::Column::OrderId.eq(id.0))
                .filter(order_events::Column::Sequence.gt(seen))
                .order_by_asc(order_events::Column::Sequence)
                .limit(BATCH)
                .all(&app.db)
                .await?;
            let caught_up = events.is_empty();
            // Asked after the steps were read, so that none is told that was taken out of the viewer's sight.
            if !caught_up && !is_visible(&app, &viewer, id).await? {
                break;
            }
            for event in events {
                seen = event.sequence;
                is_over = lifecycle::is_final(event.status);
                signal.measure(&event);
                yield event;
            }
            if !caught_up {
                continue;
            }
            match signal.wait().await {
                Woken::ByAnEvent => {}
                Woken::ByTheRights if is_visible(&app, &viewer, id).await? => {}
                Woken::ByTheRights | Woken::AtTheEnd => break,
            }
        }
    })
}

/// Waits for a reason to look: something happened, or the viewer's rights are not what they were.
struct Look {
    signal: Signal,
    rights: RightsWatch,
    /// Whether what is read from now on has only just happened.
    has_waited: bool,
}

enum Woken {
    ByAnEvent,
    ByTheRights,
    AtTheEnd,
}

impl Look {
    /// From now on. Take it first and read the present after: then nothing falls between.
    async fn at(app: &App, topic: Topic, viewer: &Viewer) -> Self {
        Look { rights: viewer.watch_rights(), signal: app.events.subscribe(topic).await, has_waited: false }
    }

    /// Notes how late a step is told that was waited for.
    fn measure(&self, event: &order_events::Model) {
        if self.has_waited {
            measure_lag(event.at.to_utc());
        }
    }

    async fn wait(&mut self) -> Woken {
        self.has_waited = true;
        tokio::select! {
            biased;
            () = self.rights.changed() => Woken::ByTheRights,
            open = self.signal.changed() => if open { Woken::ByAnEvent } else { Woken::AtTheEnd },
        }
    }
}

async fn is_visible(app: &App, viewer: &Viewer, id: OrderId) -> Result<bool> {
    match orders::Model::find_visible(&app.db, viewer, id).await {
        Ok(_) => Ok(true),
        Err(error) if error.code == Code::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Every step of every order of a restaurant. Without `after`, the latest step of each order under way first.
pub async fn restaurant_steps(
    app: Arc<App>,
    viewer: Viewer,
    id: RestaurantId,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<order_events::Model>>> {
    let look = Look::at(&app, Topic::Restaurant(id), &viewer).await;
    entity::restaurants::Model::find_visible(&app.db, &viewer, id)
        .await
        .map_err(|error| error.with_field("restaurantId"))?;
    viewer.signed_in()?;
    if !viewer.manages(id) {
        return Err(Error::forbidden("Only the restaurant's staff and admins see its orders as the kitchen does."));
    }
    let of_restaurant = Condition::all().add(orders::Column::RestaurantId.eq(id.0));
    let allowed = move || viewer.manages(id);
    feed(app, look, allowed, of_restaurant.clone(), of_restaurant, after).await
}

/// Every step of every order assigned to the driver, the assignment and the release included. Without `after`, the latest step of
/// the order it carries now first.
pub async fn driver_steps(
    app: Arc<App>,
    viewer: Viewer,
    driver: DriverId,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<order_events::Model>>> {
    let look = Look::at(&app, Topic::Driver(driver), &viewer).await;
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
    feed(app, look, allowed, carried, concerns, after).await
}

/// A feed over several orders: the latest step of each of the `present` orders under way, then all later steps that are
/// `concerned`, in the order of the feed. The present is that of the horizon, where all is settled: were a step beyond it told
/// already, its cursor would have one behind it that commits later. It ends when it is not `allowed` any more, which is asked before
/// each step.
async fn feed(
    app: Arc<App>,
    mut look: Look,
    allowed: impl Fn() -> bool + Send + Sync + 'static,
    present: Condition,
    concerned: Condition,
    after: Option<FeedPosition>,
) -> Result<impl Stream<Item = Result<order_events::Model>>> {
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
            yield event;
        }
        while allowed() {
            let (events, held_back) = steps_after(&app, &concerned, seen).await?;
            let caught_up = events.is_empty();
            for event in events {
                // The step before may have been told long ago, to a slow client.
                if !allowed() {
                    return;
                }
                seen = FeedPosition::of(&event);
                look.measure(&event);
                yield event;
            }
            if !caught_up {
                wait = HELD_BACK;
                continue;
            }
            if held_back {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(HELD_BACK_LONG);
            } else if let Woken::AtTheEnd = look.wait().await {
                break;
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

/// The next steps of the feed, and whether there are more that a transaction still running holds back.
async fn steps_after(app: &App, concerned: &Condition, seen: FeedPosition) -> Result<(Vec<order_events::Model>, bool)> {
    #[derive(FromQueryResult)]
    struct Step {
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
    let steps = Step::find_by_statement(backend.build(&select)).all(&app.db).await?;
    let found = steps.len();
    let events: Vec<_> = steps
        .into_iter()
        .take_while(|step| step.event.feed_transaction < step.horizon)
        .map(|step| step.event)
        .collect();
    let held_back = events.len() < found;
    Ok((events, held_back))
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
