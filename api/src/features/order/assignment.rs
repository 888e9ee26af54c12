//! Assigns and releases drivers: a driver carries one order at a time, and of two claims at once one wins (optimistic concurrency).

use entity::{drivers, orders, sea_orm_active_enums::DriverStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    dismissal::{driver_free_in_tx, driver_works_in_tx},
    history, lifecycle,
    service::{note, order_change_in_tx, order_visible},
    types::{AssignDriverInput, ReleaseDriverInput},
};
use crate::{
    app::App,
    database::{self, Transaction, literal},
    domain::{
        error::{Error, Result},
        ids::{DriverId, GlobalId, OrderId, RestaurantId},
        viewer::Viewer,
    },
    graphql::row::Row,
};

/// Gives the order to a driver: by the driver itself, the restaurant's staff, or an admin.
pub async fn driver_assign(app: &App, viewer: &Viewer, wanted: AssignDriverInput) -> Result<orders::Model> {
    let order = OrderId::parse(&wanted.order_id, "orderId")?;
    let driver = DriverId::parse(&wanted.driver_id, "driverId")?;
    let transaction = database::begin(&app.db).await?;
    let order = driver_assign_in_tx(&transaction, viewer, order, driver).await?;
    transaction.commit().await?;
    history::announce(app, &order, None).await;
    Ok(order)
}

async fn driver_assign_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    id: OrderId,
    driver: DriverId,
) -> Result<orders::Model> {
    let present = order_visible(transaction, viewer, id).await?;
    let wanted = drivers::Model::find_visible(transaction, viewer, driver)
        .await
        .map_err(|error| error.with_field("driverId"))?;
    if !viewer.manages(RestaurantId(present.restaurant_id)) && !viewer.is_driver(driver) {
        return Err(Error::forbidden("A driver is assigned by itself, the restaurant's staff or an admin."));
    }
    if present.driver_id.is_some() {
        return Err(Error::conflict("The order has a driver already."));
    }
    check_assignable(&present)?;
    let not_available = || Error::conflict(format!("{} is not available.", wanted.name)).with_field("driverId");
    if !driver_works_in_tx(transaction, driver.0).await? {
        return Err(not_available());
    }
    // Lock order: the order's row before its driver's and its history's. Only then do those agree with it.
    let order = order_change_in_tx(transaction, &present, |update| {
        update.col_expr(orders::Column::DriverId, Expr::val(driver.0))
    })
    .await?;
    let taken = drivers::Entity::update_many()
        .col_expr(drivers::Column::Status, drivers::Column::Status.save_as(Expr::val(DriverStatus::Busy)))
        .filter(drivers::Column::Id.eq(driver.0))
        .filter(literal::eq(drivers::Column::Status, DriverStatus::Available))
        .exec(transaction)
        .await?;
    if taken.rows_affected == 0 {
        return Err(not_available());
    }
    history::event_record_in_tx(transaction, viewer, &present, &order, None).await?;
    Ok(order)
}

/// Takes the order from its driver again, before it is picked up: by the driver itself, the restaurant's staff, or an admin.
pub async fn driver_release(app: &App, viewer: &Viewer, wanted: ReleaseDriverInput) -> Result<orders::Model> {
    let order = OrderId::parse(&wanted.order_id, "orderId")?;
    let reason = note("reason", wanted.reason.as_deref())?;
    let transaction = database::begin(&app.db).await?;
    let (order, driver) = driver_release_in_tx(&transaction, viewer, order, reason).await?;
    transaction.commit().await?;
    history::announce(app, &order, Some(driver)).await;
    Ok(order)
}

/// Gives the order, and the driver who carried it.
async fn driver_release_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    id: OrderId,
    reason: Option<String>,
) -> Result<(orders::Model, DriverId)> {
    let present = order_visible(transaction, viewer, id).await?;
    let own = present.driver_id.is_some_and(|driver| viewer.is_driver(DriverId(driver)));
    if !viewer.manages(RestaurantId(present.restaurant_id)) && !own {
        return Err(Error::forbidden("A driver is released by itself, the restaurant's staff or an admin."));
    }
    let Some(driver) = present.driver_id else {
        return Err(Error::conflict("The order has no driver."));
    };
    check_assignable(&present)?;
    let works = driver_works_in_tx(transaction, driver).await?;
    let order = order_change_in_tx(transaction, &present, |update| {
        update.col_expr(orders::Column::DriverId, Expr::val(None::<i32>))
    })
    .await?;
    driver_free_in_tx(transaction, driver, works).await?;
    history::event_record_in_tx(transaction, viewer, &present, &order, reason).await?;
    Ok((order, DriverId(driver)))
}

fn check_assignable(order: &orders::Model) -> Result<()> {
    if lifecycle::ASSIGNABLE.contains(&order.status) {
        return Ok(());
    }
    let status = lifecycle::name(order.status);
    Err(Error::conflict(format!("The order is {status}: drivers are assigned and released from CONFIRMED to READY.")))
}
