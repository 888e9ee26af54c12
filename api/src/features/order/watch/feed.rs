//! Feeds over many orders: the steps of those of a customer, of some restaurants or of all, and of those that a driver carries; and which of them
//! drivers can claim.

use std::{collections::HashSet, future::ready};

use chrono::{DateTime, Utc};
use entity::{order_events, orders, restaurants};
use futures_util::{Stream, TryStreamExt};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, FromQueryResult, IdenStatic, Iterable, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement, SimpleExpr},
};

use crate::{
    app::App,
    database::{
        columns::{column_of, read},
        dialect, literal,
    },
    domain::{
        error::{Error, Result},
        ids::{CustomerId, DriverId, RestaurantId},
    },
    events::Topic,
    features::{
        customer::service::customer_of,
        order::{
            finder, lifecycle,
            types::{ClaimableOrderChange, OrderEvent, OrdersFollowed},
        },
    },
    graphql::{
        live::{Feed, FeedRequest, WakeUps, follow_feed},
        row::Row,
    },
    journal,
};

/// Every step of every order of a restaurant. Without `after`, the latest step of each order under way first.
pub async fn restaurant_steps(
    request: FeedRequest<Steps>,
    id: RestaurantId,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let steps = Steps::of_restaurants(&request.app, &[id]);
    let wake_ups = WakeUps::at(&request.app, &steps.topics).await;
    restaurants_managed(&request, &[id], |_| "restaurantId".to_owned()).await?;
    follow_feed(request, wake_ups, steps).await
}

/// Every step of every order of some restaurants, or of all, after which the order has one of the statuses that are followed. Without `after`,
/// the latest step of each order under way first.
pub async fn orders_steps(
    request: FeedRequest<Steps>,
    OrdersFollowed { restaurants, status }: OrdersFollowed,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let steps = match &restaurants {
        Some(restaurants) => Steps::of_restaurants(&request.app, restaurants),
        None => Steps::new(vec![Topic::Orders], Condition::all()),
    };
    let wake_ups = WakeUps::at(&request.app, &steps.topics).await;
    match &restaurants {
        Some(restaurants) => {
            let field = |place| format!("filter.restaurantIds.{place}");
            restaurants_managed(&request, restaurants, field).await?;
        }
        None => {
            request.viewer.signed_in()?;
            if !request.viewer.is_admin() {
                let message = "Only admins follow the orders of all restaurants: name yours in `filter.restaurantIds`.";
                return Err(Error::forbidden(message));
            }
        }
    }
    let steps = follow_feed(request, wake_ups, steps).await?;
    Ok(steps.try_filter(move |step| ready(status.as_ref().is_none_or(|status| status.contains(&step.0.status)))))
}

/// NOT_FOUND where the viewer may not know of one of the restaurants, in the input's `field` of its place; FORBIDDEN where it does not
/// manage them all.
async fn restaurants_managed(
    FeedRequest { app, viewer, .. }: &FeedRequest<Steps>,
    ids: &[RestaurantId],
    field: impl Fn(usize) -> String,
) -> Result<()> {
    let id = restaurants::Column::Id;
    let columns = column_of::<restaurants::Model>(&id);
    let backend = app.db.get_database_backend();
    let mut select = restaurants::Model::visible(viewer, backend, columns);
    select.and_where(dialect::any_of(backend, id, ids.iter().map(|id| id.0)));
    let visible: Vec<restaurants::Model> = read(&app.db, select, columns).await?;
    let visible: HashSet<_> = visible.iter().map(Row::id).collect();
    if let Some(place) = ids.iter().position(|id| !visible.contains(id)) {
        return Err(restaurants::Model::not_found().with_field(field(place)));
    }
    viewer.signed_in()?;
    if !ids.iter().all(|id| viewer.manages(*id)) {
        return Err(Error::forbidden("Only the restaurant's staff and admins see its orders as the kitchen does."));
    }
    Ok(())
}

/// Every step of every order of the viewer as a customer. Without `after`, the latest step of each order under way first.
pub async fn customer_steps(request: FeedRequest<Steps>) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let user = request.viewer.signed_in()?.id;
    let steps = match customer_or_position(&request).await? {
        Some(customer) => {
            let own = Condition::all().add(orders::Column::CustomerId.eq(customer.0));
            Steps::new(vec![Topic::Customer(customer)], own)
        }
        // The first order makes the viewer a customer. That is a change of rights, after which the feed begins anew where it waits.
        None => Steps::new(vec![Topic::User(user)], Condition::all().add(literal::never())),
    };
    let wake_ups = WakeUps::at(&request.app, &steps.topics).await;
    follow_feed(request, wake_ups, steps).await
}

/// The viewer as a customer. Where it is none yet, the feed begins at a position before its first order.
async fn customer_or_position(
    FeedRequest { app, viewer, after, progress, .. }: &FeedRequest<Steps>,
) -> Result<Option<CustomerId>> {
    if let Some(customer) = viewer.customer() {
        return Ok(Some(customer));
    }
    // Read first: what is ordered after we have looked has a later position.
    let position = journal::last_position(&app.db).await?;
    let customer = customer_of(&app.db, viewer).await?;
    if customer.is_none() && after.is_none() && progress.place().is_none() {
        progress.reach(position.into());
    }
    Ok(customer.map(|customer| CustomerId(customer.id)))
}

/// Every step of every order assigned to the driver, the assignment and the release included. Without `after`, the latest step of
/// the order it carries now first.
pub async fn driver_steps(
    request: FeedRequest<Steps>,
    driver: DriverId,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    // An order whose assignment is not numbered yet comes with that, and not with the step before.
    let present =
        Condition::all().add(orders::Column::DriverId.eq(driver.0)).add(order_events::Column::DriverId.eq(driver.0));
    let steps = Steps::new(vec![Topic::Driver(driver)], present);
    let wake_ups = WakeUps::at(&request.app, &steps.topics).await;
    follow_feed(request, wake_ups, steps).await
}

/// Each order that comes to be claimable by drivers, and each that is so no more. Without `after`, those that can be claimed now first.
pub async fn claimable_changes(
    request: FeedRequest<Steps>,
) -> Result<impl Stream<Item = Result<ClaimableOrderChange>>> {
    let steps = Steps { made_so: made_claimable(), ..Steps::new(vec![Topic::Claimable], finder::claimable()) };
    let wake_ups = WakeUps::at(&request.app, &steps.topics).await;
    request.viewer.signed_in()?;
    if !finder::may_claim(&request.viewer) {
        return Err(Error::forbidden("Only drivers and admins see which orders can be claimed."));
    }
    let steps = follow_feed(request, wake_ups, steps).await?;
    Ok(steps.map_ok(|OrderEvent(step)| ClaimableOrderChange(step)))
}

/// The steps of the orders of some topics.
pub struct Steps {
    topics: Vec<Topic>,
    /// The orders under way that the first answer is about.
    present: Condition,
    /// Which steps of an order the first answer tells the latest of, as a condition on [`LATEST`]; any where it is empty.
    made_so: Condition,
}

/// An order's steps, of which the latest is looked for.
const LATEST: &str = "latest";

impl Steps {
    fn new(topics: Vec<Topic>, present: Condition) -> Self {
        Steps { topics, present, made_so: Condition::all() }
    }

    /// In the order of their ids, for feeds of the same restaurants share reads.
    fn of_restaurants(app: &App, ids: &[RestaurantId]) -> Self {
        let mut ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let topics = ids.iter().map(|id| Topic::Restaurant(RestaurantId(*id))).collect();
        let own = dialect::any_of(app.db.get_database_backend(), orders::Column::RestaurantId, ids);
        Steps::new(topics, Condition::all().add(own))
    }
}

/// The steps that made an order claimable: it was accepted, or its driver was released, which leaves the status as it is.
fn made_claimable() -> Condition {
    use order_events::Column::{DriverId, PreviousStatus, Status};
    let column = |column: order_events::Column| Expr::col((LATEST, column));
    let is_assignable = |status| column(status).is_in(lifecycle::ASSIGNABLE.map(|value| Expr::Constant(value.into())));
    let was_released = column(PreviousStatus).eq(column(Status));
    Condition::all()
        .add(column(DriverId).is_null())
        .add(is_assignable(Status))
        .add(Condition::any().add(is_assignable(PreviousStatus).not()).add(was_released))
}

impl Feed for Steps {
    type Event = OrderEvent;

    fn topics(&self) -> Vec<Topic> {
        self.topics.clone()
    }

    fn select(&self, entries: &mut SelectStatement) {
        select_step(entries).join(
            JoinType::LeftJoin,
            order_events::Entity,
            Expr::col(order_events::Column::Position.as_column_ref()).equals((journal::ENTRY, journal::EVENT_ID)),
        );
    }

    fn present(&self, backend: DbBackend) -> Option<SelectStatement> {
        let latest_sequence = Query::select()
            .expr(Expr::col((LATEST, order_events::Column::Sequence)).max())
            .from_as(order_events::Entity, LATEST)
            .and_where(
                Expr::col((LATEST, order_events::Column::OrderId))
                    .equals(order_events::Column::OrderId.as_column_ref()),
            )
            .and_where(journal::is_numbered(backend, "latest.position"))
            .cond_where(self.made_so.clone())
            .to_owned();
        let mut select = Query::select();
        select_step(&mut select)
            .expr_as(Expr::col(order_events::Column::Position.as_column_ref()), Alias::new(journal::EVENT_ID))
            .from(order_events::Entity)
            .inner_join(
                orders::Entity,
                Expr::col(orders::Column::Id.as_column_ref()).equals(order_events::Column::OrderId.as_column_ref()),
            )
            .cond_where(self.present.clone())
            .and_where(literal::is_in(orders::Column::Status, lifecycle::UNDER_WAY))
            .and_where(
                Expr::col(order_events::Column::Sequence.as_column_ref())
                    .eq(SimpleExpr::SubQuery(None, Box::new(latest_sequence.into()))),
            );
        Some(select)
    }

    fn read(row: &QueryResult) -> Result<Option<OrderEvent>, DbErr> {
        if row.try_get::<Option<i32>>("", order_events::Column::OrderId.as_str())?.is_none() {
            return Ok(None);
        }
        Ok(Some(OrderEvent(order_events::Model::from_query_result(row, "")?.into())))
    }

    fn at(event: &OrderEvent) -> DateTime<Utc> {
        event.0.at.to_utc()
    }
}

/// Selects the columns of a step.
fn select_step(select: &mut SelectStatement) -> &mut SelectStatement {
    order_events::Column::iter().fold(select, |select, column| {
        select.expr_as(column.select_as(Expr::col(column.as_column_ref())), Alias::new(column.as_str()))
    })
}
