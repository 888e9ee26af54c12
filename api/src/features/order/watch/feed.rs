//! Feeds over many orders: the steps of those of a restaurant, and of those that a driver carries.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{order_events, orders, restaurants};
use futures_util::Stream;
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, FromQueryResult, IdenStatic, Iterable, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement, SimpleExpr},
};

use super::Readings;
use crate::{
    app::App,
    database::literal,
    domain::{
        error::{Error, Result},
        ids::{DriverId, RestaurantId},
        viewer::Viewer,
    },
    events::Topic,
    features::order::{lifecycle, types::OrderEvent},
    graphql::{
        live::{Feed, Progress, WakeUps, follow_feed},
        row::Row,
    },
    journal::{self, Cursor},
};

/// Every step of every order of a restaurant. Without `after`, the latest step of each order under way first.
pub async fn restaurant_steps(
    app: Arc<App>,
    readings: Readings,
    viewer: Viewer,
    id: RestaurantId,
    after: Option<Cursor>,
    progress: Progress,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let topics = vec![Topic::Restaurant(id)];
    let wake_ups = WakeUps::at(&app, &topics).await;
    restaurants::Model::find_visible(&app.db, &viewer, id).await.map_err(|error| error.with_field("restaurantId"))?;
    viewer.signed_in()?;
    if !viewer.manages(id) {
        return Err(Error::forbidden("Only the restaurant's staff and admins see its orders as the kitchen does."));
    }
    let steps = Steps { topics, present: Condition::all().add(orders::Column::RestaurantId.eq(id.0)) };
    follow_feed(app, readings.of_feeds, wake_ups, steps, after, progress).await
}

/// Every step of every order assigned to the driver, the assignment and the release included. Without `after`, the latest step of
/// the order it carries now first.
pub async fn driver_steps(
    app: Arc<App>,
    readings: Readings,
    driver: DriverId,
    after: Option<Cursor>,
    progress: Progress,
) -> Result<impl Stream<Item = Result<OrderEvent>>> {
    let topics = vec![Topic::Driver(driver)];
    let wake_ups = WakeUps::at(&app, &topics).await;
    // An order whose assignment is not numbered yet comes with that, and not with the step before.
    let present =
        Condition::all().add(orders::Column::DriverId.eq(driver.0)).add(order_events::Column::DriverId.eq(driver.0));
    follow_feed(app, readings.of_feeds, wake_ups, Steps { topics, present }, after, progress).await
}

/// The steps of the orders of some topics.
pub(super) struct Steps {
    topics: Vec<Topic>,
    /// The orders under way whose latest steps are the first answer.
    present: Condition,
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
        let latest = Alias::new("latest");
        let latest_sequence = Query::select()
            .expr(Expr::col((latest.clone(), order_events::Column::Sequence)).max())
            .from_as(order_events::Entity, latest.clone())
            .and_where(
                Expr::col((latest, order_events::Column::OrderId))
                    .equals(order_events::Column::OrderId.as_column_ref()),
            )
            .and_where(journal::is_numbered(backend, "latest.position"))
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
