//! Takes steps in an order's life by optimistic concurrency: each is one conditional update (compare-and-set) with its history, or nothing,
//! and the loser of a race gets CONFLICT.

use entity::{orders, sea_orm_active_enums::OrderStatus};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, SqlErr,
    sea_query::{Expr, ExprTrait, Func, Query},
};

pub use super::{
    acceptance::AcceptanceTimeout,
    dismissal::{Dismissal, driver_dismiss_in_tx, driver_works_in_tx},
    lifecycle::is_final,
};
use super::{
    dismissal::{driver_free, driver_works},
    history::{self, OrderStep},
    lifecycle::{self, Parties, Party},
    types::{CancelOrderInput, UpdateOrderStatusInput},
};
use crate::{
    app::App,
    database::{Chain, Transaction, Writer, is_there, literal, number_of},
    domain::{
        error::{Error, Result},
        ids::{CustomerId, GlobalId, OrderId, UserId},
        viewer::Viewer,
    },
    features::address::Address,
    graphql::{input, row::Row},
};

/// Whether the viewer is a party of the order: its customer, its restaurant's staff, its driver, or an admin; not a driver who could only
/// claim it.
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

/// Takes one step of the table of transitions.
pub async fn order_step(
    app: &App,
    viewer: &Viewer,
    id: OrderId,
    to: OrderStatus,
    note: Option<String>,
) -> Result<orders::Model> {
    let present = order_visible(&app.db, viewer, id).await?;
    lifecycle::check_step(viewer, present.status, &present, to)?;
    let order = orders::Model { status: to, ..present.clone() };
    let chain = step_chain(app.db.get_database_backend(), viewer, &present, &order, note)?;
    let numbers = app.db.write(chain).await.map_err(|failure| match failure.sql_err() {
        // Another step was committed while this one waited for the lock, and has its number in the history.
        Some(SqlErr::UniqueConstraintViolation(_)) => changed_meanwhile(),
        Some(_) | None => failure.into(),
    })?;
    numbers.of(STEPPED).ok_or_else(changed_meanwhile)?;
    history::announce(app, &order, None).await;
    Ok(order)
}

const WORKS: &str = "works";
const STEPPED: &str = "stepped";

/// The chain that writes a step: the conditional update of the order, its history, the audit entry of staff, and the driver set free where
/// the order ends. `present` is the order as it was read, and `order` the state after the step.
fn step_chain(
    backend: DbBackend,
    viewer: &Viewer,
    present: &orders::Model,
    order: &orders::Model,
    note: Option<String>,
) -> Result<Chain> {
    let mut chain = Chain::new(backend);
    let mut condition = is_as_read(present);
    let freed = order.driver_id.filter(|_| lifecycle::is_final(order.status));
    if let Some(driver) = freed {
        chain = chain.giving(WORKS, driver_works(backend, driver));
        // Always true. It is there for the lock order: it cannot be evaluated before the account's row is locked, so that comes before the
        // order's row.
        condition = condition.add(Expr::expr(Func::coalesce([number_of(WORKS), Expr::val(0)])).gte(0));
    }
    let update = Query::update()
        .table(orders::Entity)
        .value(orders::Column::Status, orders::Column::Status.save_as(Expr::val(order.status)))
        .cond_where(condition)
        .returning_col(orders::Column::Id)
        .to_owned();
    let step = OrderStep::between(present, order, number_of(STEPPED), note);
    chain = history::step_append(chain.giving(STEPPED, update), step, viewer)?;
    if let Some(driver) = freed {
        chain = chain.and("freed", driver_free(driver, is_there(WORKS)).and_where(is_there(STEPPED)).to_owned());
    }
    if let Some(entry) = history::entry_of_staff(viewer, order, present.status) {
        chain = chain.and("recorded", entry.insert(Condition::all().add(is_there(STEPPED)))?);
    }
    Ok(chain)
}

/// The order, if the viewer may know of it.
pub async fn order_visible(db: &impl ConnectionTrait, viewer: &Viewer, id: OrderId) -> Result<orders::Model> {
    if !viewer.is_system() {
        viewer.signed_in()?;
    }
    orders::Model::find_visible(db, viewer, id).await.map_err(|error| error.with_field("orderId"))
}

/// Changes the order unless it was changed since it was read (compare-and-set): CONFLICT when somebody else was faster, or when the new
/// driver carries another order.
pub async fn order_change_in_tx(
    transaction: &Transaction,
    present: &orders::Model,
    change: impl FnOnce(sea_orm::UpdateMany<orders::Entity>) -> sea_orm::UpdateMany<orders::Entity>,
) -> Result<orders::Model> {
    let changed = change(orders::Entity::update_many().filter(is_as_read(present)))
        .exec_with_returning(transaction)
        .await
        .map_err(|failure| {
            Error::or_taken(failure, &[("driver_id", "driverId", "The driver carries an order already.")])
        })?;
    changed.into_iter().next().ok_or_else(changed_meanwhile)
}

/// The order, on condition that what its next step depends on is as it was read.
fn is_as_read(order: &orders::Model) -> Condition {
    let same_driver = match order.driver_id {
        Some(driver) => orders::Column::DriverId.eq(driver),
        None => orders::Column::DriverId.is_null(),
    };
    Condition::all().add(orders::Column::Id.eq(order.id)).add(orders::Column::Status.eq(order.status)).add(same_driver)
}

fn changed_meanwhile() -> Error {
    Error::conflict("Somebody else changed the order at the same moment. Look at it again.")
}

/// The note of a step.
pub fn note(field: &str, note: Option<&str>) -> Result<Option<String>> {
    input::optional_text(field, note, 500)
}

/// Erases names and addresses from a customer's orders; what the books need stays. CONFLICT while one is under way.
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
