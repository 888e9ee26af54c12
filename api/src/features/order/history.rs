//! The history of orders, an append-only event log: each step is a row that is written with the change, and live updates are replayed from
//! it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entity::{order_events, orders, sea_orm_active_enums::OrderStatus};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, InsertStatement, Query, SimpleExpr},
};
use serde_json::json;

use super::lifecycle;
use crate::{
    app::App,
    database::{Life, Transaction, dialect},
    domain::{
        clock,
        error::{Error, Result},
        ids::{CustomerId, DriverId, GlobalId, OrderId, RestaurantId, UserId},
        viewer::Viewer,
    },
    events::Topic,
    features::audit::service::{Action, Entry, record_in_tx},
};

/// A step of an order's life, to be appended to its history.
pub struct OrderStep {
    /// The order's id, as an expression.
    pub order: SimpleExpr,
    pub status: OrderStatus,
    /// None for the first one.
    pub previous_status: Option<OrderStatus>,
    /// The driver who carries the order from then on.
    pub driver: Option<i32>,
    pub note: Option<String>,
}

impl OrderStep {
    /// The step that has led to this state of the order. `number` is the order's id in the statement that writes the step.
    pub fn to(order: &orders::Model, number: SimpleExpr, previous_status: OrderStatus, note: Option<String>) -> Self {
        OrderStep {
            order: number,
            status: order.status,
            previous_status: Some(previous_status),
            driver: order.driver_id,
            note,
        }
    }
}

/// Appends the next step to the order's history, and gives its position. The caller's transaction has changed the order's row and so holds
/// its lock: that makes the sequence grow by one without gaps.
pub async fn event_record_in_tx(
    transaction: &Transaction,
    order: &orders::Model,
    previous_status: OrderStatus,
    viewer: &Viewer,
    note: Option<String>,
) -> Result<i64> {
    let step = OrderStep::to(order, Expr::val(order.id), previous_status, note);
    let insert = event_insert(transaction.get_database_backend(), step, viewer)?;
    let row = transaction.query_one(&insert).await?;
    let row = row.ok_or_else(|| Error::internal(anyhow::anyhow!("the event of order {} was not written", order.id)))?;
    if let Some(entry) = entry_of_staff(viewer, order, previous_status) {
        record_in_tx(transaction, entry).await?;
    }
    Ok(row.try_get_by_index(0)?)
}

/// The statement that appends a step to the history of its order, if there is such an order, and returns the step's position.
///
/// Inside one statement with the change of the order, its MVCC snapshot is older than a step that was committed while the change waited for
/// the lock: both steps then take the same number, and the unique key refuses the second.
pub fn event_insert(backend: DbBackend, step: OrderStep, viewer: &Viewer) -> Result<InsertStatement> {
    use order_events::Column;
    let next_sequence = Expr::expr(Func::coalesce([Expr::col(Column::Sequence).max(), Expr::val(0)])).add(1);
    let mut event = Query::select();
    event
        .expr(step.order.clone())
        .expr(next_sequence)
        .expr(Column::Status.save_as(Expr::val(step.status)))
        .expr(Column::PreviousStatus.save_as(Expr::val(step.previous_status)))
        .expr(Expr::val(step.driver))
        .expr(Expr::val(viewer.actor()))
        .expr(Expr::val(step.note))
        .expr(Expr::val(clock::now()))
        .expr(dialect::next_event_position(backend))
        .expr(dialect::feed_transaction(backend))
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
            Column::Position,
            Column::FeedTransaction,
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

/// Signals the step at this position to the order's followers. Call it after the commit. A failure does not fail the step: the sweep
/// signals it again.
pub async fn announce(app: &App, order: &orders::Model, position: i64, previous_driver: Option<i32>) {
    if app.events.publish(&topics(order, previous_driver)).await {
        app.events.note_published(position);
    }
}

/// The topics to signal when an order takes a step: the order itself, its restaurant's feed, the drivers concerned, and their places.
pub fn topics(order: &orders::Model, previous_driver: Option<i32>) -> Vec<Topic> {
    let mut topics = vec![Topic::Order(OrderId(order.id)), Topic::Restaurant(RestaurantId(order.restaurant_id))];
    let previous_driver = previous_driver.filter(|driver| order.driver_id != Some(*driver));
    for driver in order.driver_id.into_iter().chain(previous_driver).map(DriverId) {
        topics.extend([Topic::Driver(driver), Topic::DriverLocation(driver)]);
    }
    topics
}

/// A position in the feeds over several orders, in the order that they are read in. Feeds are read only up to the oldest transaction that
/// is still running (the horizon), so that a late commit cannot appear behind a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FeedPosition {
    pub feed_transaction: i64,
    pub position: i64,
}

impl FeedPosition {
    pub fn of(event: &order_events::Model) -> Self {
        FeedPosition { feed_transaction: event.feed_transaction, position: event.position }
    }

    /// The cursor of this position. In the database's first life it names no life, as before, so that older servers can read it.
    pub fn to_cursor(self, life: Life) -> String {
        let FeedPosition { feed_transaction, position } = self;
        BASE64_URL_SAFE_NO_PAD.encode(match life.name() {
            None => format!("{feed_transaction}:{position}"),
            Some(life) => format!("{feed_transaction}:{position}:{life}"),
        })
    }

    /// BAD_USER_INPUT for a text that is not a cursor of a feed; with the reason CURSOR_EXPIRED for a cursor of another life of the
    /// database.
    pub fn parse(cursor: &str, field: &str, life: Life) -> Result<Self> {
        let text = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let numbers: Option<Vec<i64>> = text
            .and_then(|text| text.split(':').map(|number| number.parse().ok().filter(|number| *number >= 0)).collect());
        let (feed_transaction, position, name) = match numbers.as_deref() {
            Some([feed_transaction, position]) => (*feed_transaction, *position, None),
            Some([feed_transaction, position, life]) => (*feed_transaction, *position, Some(*life)),
            _ => return Err(Error::bad_input(field, "This is not a cursor that this server gave out.")),
        };
        if name != life.name() {
            return Err(Error::cursor_expired());
        }
        Ok(FeedPosition { feed_transaction, position })
    }
}
