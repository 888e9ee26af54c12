//! The history of orders, an append-only event log: each step is a row that is written with the change, and live updates are replayed from
//! it.

use entity::{order_events, orders, sea_orm_active_enums::OrderStatus};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, InsertStatement, Query, SimpleExpr},
};
use serde_json::json;

use super::lifecycle::{self, Parties, is_claimable};
use crate::{
    app::App,
    database::{Chain, Transaction, Writer, dialect, number_of},
    domain::{
        clock,
        error::Result,
        ids::{CustomerId, DriverId, GlobalId, OrderId, RestaurantId, UserId},
        viewer::Viewer,
    },
    events::Topic,
    features::audit::service::{Action, Entry, record_in_tx},
    journal::{self, EventKind},
};

/// A step of an order's life, to be appended to its history and to the journal.
pub struct OrderStep {
    /// The order's id, as an expression.
    pub order: SimpleExpr,
    /// Whose order it is after the step, with the driver who carries it from then on.
    pub parties: Parties,
    pub status: OrderStatus,
    /// None for the first step.
    pub previous_status: Option<OrderStatus>,
    /// The driver before the step. The history of a release names none.
    pub previous_driver: Option<DriverId>,
    pub note: Option<String>,
}

impl OrderStep {
    /// The step from one state of the order to another. `number` is the order's id in the statement that writes the step.
    pub fn between(before: &orders::Model, after: &orders::Model, number: SimpleExpr, note: Option<String>) -> Self {
        OrderStep {
            order: number,
            parties: after.into(),
            status: after.status,
            previous_status: Some(before.status),
            previous_driver: before.driver_id.map(DriverId),
            note,
        }
    }

    /// The topics of the feeds that tell the step.
    fn topics(&self) -> Vec<Topic> {
        let Parties { customer, restaurant, driver } = self.parties;
        let previous_driver = self.previous_driver.filter(|previous| driver != Some(*previous));
        let was_claimable = self.previous_status.is_some_and(|status| is_claimable(status, self.previous_driver));
        let claimable = (is_claimable(self.status, driver) != was_claimable).then_some(Topic::Claimable);
        let drivers = driver.into_iter().chain(previous_driver).map(Topic::Driver);
        let topics = [Topic::Restaurant(restaurant), Topic::Customer(customer), Topic::Orders];
        topics.into_iter().chain(drivers).chain(claimable).collect()
    }
}

/// Asks for a run of the journal, which lets everybody look whom the step concerns. Call it after the commit.
///
/// Those who follow where its driver is do not wait for the run: of a driver who moves when the step was answered, they are told no more.
/// Where this is lost, the run lets them look as well.
pub async fn announce(app: &App, order: &orders::Model, previous_driver: Option<DriverId>) {
    let drivers = order.driver_id.map(DriverId).into_iter().chain(previous_driver);
    app.events.publish(&drivers.map(Topic::DriverLocation).collect::<Vec<_>>()).await;
    app.journal.request_run();
}

/// The link that gives the position of a step.
pub const EVENT: &str = "event";

/// Appends the next step to the order's history. The caller's transaction has changed the order's row and so holds its lock: that makes the
/// sequence grow by one without gaps. After the commit, [`Journal::request_run`](crate::journal::Journal::request_run).
pub async fn event_record_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    before: &orders::Model,
    after: &orders::Model,
    note: Option<String>,
) -> Result<()> {
    let step = OrderStep::between(before, after, Expr::val(after.id), note);
    transaction.write(step_append(Chain::new(transaction.get_database_backend()), step, viewer)?).await?;
    if let Some(entry) = entry_of_staff(viewer, after, before.status) {
        record_in_tx(transaction, entry).await?;
    }
    Ok(())
}

/// Adds the links that append a step to the history of its order and to the journal, if there is such an order. [`EVENT`] gives the position.
///
/// Inside one statement with the change of the order, its MVCC snapshot is older than a step that was committed while the change waited for
/// the lock: both steps then take the same number, and the unique key refuses the second.
pub fn step_append(chain: Chain, step: OrderStep, viewer: &Viewer) -> Result<Chain> {
    let (subject, topics) = (step.order.clone(), step.topics());
    let event = event_insert(chain.backend(), step, viewer)?;
    let journalled = journal::append(number_of(EVENT), EventKind::OrderStep, subject, &topics)?;
    Ok(chain.giving(EVENT, event).and("journalled", journalled))
}

fn event_insert(backend: DbBackend, step: OrderStep, viewer: &Viewer) -> Result<InsertStatement> {
    use order_events::Column;
    let now = clock::now();
    let next_sequence = Expr::expr(Func::coalesce([Expr::col(Column::Sequence).max(), Expr::val(0)])).add(1);
    let mut event = Query::select();
    event
        .expr(step.order.clone())
        .expr(next_sequence)
        .expr(Column::Status.save_as(Expr::val(step.status)))
        .expr(Column::PreviousStatus.save_as(Expr::val(step.previous_status)))
        .expr(Expr::val(step.parties.driver.map(|driver| driver.0)))
        .expr(Expr::val(viewer.actor()))
        .expr(Expr::val(step.note))
        .expr(Expr::val(now))
        // Servers from before the journal leave it to us then to tell of the step.
        .expr(Expr::val(now))
        .expr(dialect::next_event(backend))
        .from(order_events::Entity)
        .and_where(Expr::col(Column::OrderId).eq(step.order.clone()))
        .and_having(step.order.is_not_null());
    let mut insert = Query::insert();
    insert
        .into_table(order_events::Entity)
        .columns([
            Column::OrderId,
            Column::Sequence,
            Column::Status,
            Column::PreviousStatus,
            Column::DriverId,
            Column::Actor,
            Column::Note,
            Column::At,
            Column::PublishedAt,
            Column::Position,
        ])
        .select_from(event)?
        .returning_col(Column::Position);
    Ok(insert)
}

/// The entry for the audit record, where staff or an admin takes the step.
pub fn entry_of_staff(viewer: &Viewer, order: &orders::Model, previous_status: OrderStatus) -> Option<Entry> {
    let has_session = viewer.user().is_some_and(|user| user.session.is_some());
    if !has_session || !viewer.manages(RestaurantId(order.restaurant_id)) {
        return None;
    }
    let action = match order.driver_id {
        _ if order.status != previous_status => Action::OrderStatusUpdated,
        Some(_) => Action::DriverAssigned,
        None => Action::DriverReleased,
    };
    let status = lifecycle::name(order.status);
    Some(Entry::of(viewer, action).on(OrderId(order.id)).with(json!({ "status": status })))
}

/// Erases the notes that the user wrote into the histories of its own orders as a customer.
pub async fn notes_forget_in_tx(transaction: &Transaction, user: UserId, customer: CustomerId) -> Result<()> {
    let own = orders::Entity::find().select_only().column(orders::Column::Id);
    let own = own.filter(orders::Column::CustomerId.eq(customer.0)).into_query();
    order_events::Entity::update_many()
        .col_expr(order_events::Column::Note, Expr::val(None::<String>))
        .filter(order_events::Column::OrderId.in_subquery(own))
        .filter(order_events::Column::Actor.eq(user.to_global().0))
        .exec(transaction)
        .await?;
    Ok(())
}
