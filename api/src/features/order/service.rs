//! The steps of an order's life. Each is one conditional update with its history, or nothing: the loser of a race gets CONFLICT.

use entity::{order_events, orders, sea_orm_active_enums::OrderStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    dismissal::driver_free_in_tx,
    history,
    lifecycle::{self, Parties, Party},
    types::{CancelOrderInput, UpdateOrderStatusInput},
};
pub use super::{
    dismissal::{Dismissal, driver_dismiss_in_tx, driver_works_in_tx},
    lifecycle::is_final,
};
use crate::{
    app::App,
    database::{self, Transaction},
    features::address::Address,
    graphql::{
        error::{Error, Result},
        ids::{CustomerId, GlobalId, OrderId, UserId},
        input,
        row::Row,
    },
    literal,
    viewer::Viewer,
};

/// Whether the viewer has to do with the order: its customer, its restaurant's staff, its driver and admins, but no driver who
/// could only claim it.
pub fn is_concerned(viewer: &Viewer, order: impl Into<Parties>) -> bool {
    let order = order.into();
    let parties = [Party::Customer, Party::Staff, Party::Driver, Party::Admin];
    parties.into_iter().any(|party| lifecycle::is_party(viewer, order, party))
}

/// Moves the order to the status that the client names.
pub async fn order_update_status(app: &App, viewer: &Viewer, wanted: UpdateOrderStatusInput) -> Result<orders::Model> {
    let id = OrderId::parse(&wanted.order_id, "orderId")?;
    let note = note("note", wanted.note.as_deref())?;
    order_step(app, viewer, id, wanted.status.into(), note).await
}

/// Cancels the order: the same rule as a step to CANCELLED.
pub async fn order_cancel(app: &App, viewer: &Viewer, wanted: CancelOrderInput) -> Result<orders::Model> {
    let id = OrderId::parse(&wanted.order_id, "orderId")?;
    let note = note("reason", wanted.reason.as_deref())?;
    order_step(app, viewer, id, OrderStatus::Cancelled, note).await
}

/// Takes one step of the table of steps.
pub async fn order_step(
    app: &App,
    viewer: &Viewer,
    id: OrderId,
    to: OrderStatus,
    note: Option<String>,
) -> Result<orders::Model> {
    let transaction = database::begin(&app.db).await?;
    let (order, event) = order_step_in_tx(&transaction, viewer, id, to, note).await?;
    transaction.commit().await?;
    history::announce(app, &order, &event, None).await;
    Ok(order)
}

async fn order_step_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    id: OrderId,
    to: OrderStatus,
    note: Option<String>,
) -> Result<(orders::Model, order_events::Model)> {
    let present = order_visible_in_tx(transaction, viewer, id).await?;
    lifecycle::check_step(viewer, present.status, &present, to)?;
    // The account's row is locked before the order's.
    let freed = match present.driver_id.filter(|_| lifecycle::is_final(to)) {
        Some(driver) => Some((driver, driver_works_in_tx(transaction, driver).await?)),
        None => None,
    };
    let order = order_change_in_tx(transaction, &present, |update| {
        update.col_expr(orders::Column::Status, orders::Column::Status.save_as(Expr::val(to)))
    })
    .await?;
    if let Some((driver, works)) = freed {
        driver_free_in_tx(transaction, driver, works).await?;
    }
    let event = history::event_record_in_tx(transaction, &order, Some(present.status), viewer, note).await?;
    Ok((order, event))
}

/// The order, if the viewer may know of it.
pub async fn order_visible_in_tx(transaction: &Transaction, viewer: &Viewer, id: OrderId) -> Result<orders::Model> {
    if !viewer.is_system() {
        viewer.signed_in()?;
    }
    orders::Model::find_visible(transaction, viewer, id).await.map_err(|error| error.with_field("orderId"))
}

/// Changes the order if it still is as it was read: CONFLICT when somebody else was faster, or when its new driver carries another
/// order.
pub async fn order_change_in_tx(
    transaction: &Transaction,
    present: &orders::Model,
    change: impl FnOnce(sea_orm::UpdateMany<orders::Entity>) -> sea_orm::UpdateMany<orders::Entity>,
) -> Result<orders::Model> {
    let unchanged_driver = match present.driver_id {
        Some(driver) => orders::Column::DriverId.eq(driver),
        None => orders::Column::DriverId.is_null(),
    };
    let update = orders::Entity::update_many()
        .filter(orders::Column::Id.eq(present.id))
        .filter(orders::Column::Status.eq(present.status))
        .filter(unchanged_driver);
    let changed = change(update).exec_with_returning(transaction).await.map_err(|failure| {
        Error::or_taken(failure, &[("driver_id", "driverId", "The driver carries an order already.")])
    })?;
    changed
        .into_iter()
        .next()
        .ok_or_else(|| Error::conflict("Somebody else changed the order at the same moment. Look at it again."))
}

/// What somebody has to say about a step.
pub fn note(field: &str, note: Option<&str>) -> Result<Option<String>> {
    input::optional_text(field, note, 500)
}

/// Removes who a customer's orders were for and where they went; what the books need stays. CONFLICT while one is under way.
pub async fn orders_forget_in_tx(
    transaction: &Transaction,
    user: UserId,
    customer: CustomerId,
    name: &str,
) -> Result<()> {
    let own = || orders::Column::CustomerId.eq(customer.0);
    let under_way =
        orders::Entity::find().filter(own()).filter(literal::is_in(orders::Column::Status, lifecycle::UNDER_WAY));
    if under_way.one(transaction).await?.is_some() {
        return Err(Error::conflict("An order is under way: wait for its end, or cancel it."));
    }
    let nowhere = Address { line1: "Deleted".to_owned(), ..Address::default() };
    orders::Entity::update_many()
        .col_expr(orders::Column::CustomerName, Expr::val(name))
        .col_expr(orders::Column::DeliveryAddress, Expr::val(nowhere.to_json()))
        .filter(own())
        .exec(transaction)
        .await?;
    history::notes_forget_in_tx(transaction, user, customer).await
}
