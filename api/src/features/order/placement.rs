//! Placing an order, idempotent by the client's key: the server decides prices and totals, and the order is written as a whole or not at
//! all.
//!
//! One statement reads all facts, and one [`Chain`](crate::database::Chain) writes the order. What has changed between the two is noticed
//! by the conditions of the chain, or refused by a constraint.

mod draft;
mod request;
mod writing;

use entity::{order_items, orders};
use sea_orm::{ActiveValue::Set, EntityTrait, SqlErr, TryIntoModel};

pub use self::request::MAXIMUM_LINES;
use self::{
    draft::{DraftFacts, Placed},
    request::Request,
    writing::{ACCOUNT, COUNTED, PLACED},
};
use super::{
    acceptance,
    types::{OrderQuote, PlaceOrderInput},
};
use crate::{
    app::App,
    database::{self, Writer},
    domain::{
        error::{Error, Result},
        viewer::Viewer,
    },
    features::{account::service::account_closed, customer},
    graphql::loaders::Reader,
};

/// The price that placing the order would have now: the same checks, but for the expected total, and nothing is written.
pub async fn order_quote(Reader { app, viewer, .. }: Reader, wanted: PlaceOrderInput) -> Result<OrderQuote> {
    viewer.signed_in()?;
    let request = Request::decode(wanted)?;
    let known = DraftFacts::read(&app.db, &viewer, &request).await?;
    let draft = known.draft(&app.db, &viewer, &request).await?;
    Ok(OrderQuote { charge: draft.charge, currency: draft.restaurant.currency })
}

/// The order of a request.
pub struct PlacedOrder {
    pub order: orders::Model,
    /// Its items by their dishes, where it was placed just now; none where it was placed before with the same idempotency key.
    pub items: Option<Vec<order_items::Model>>,
}

/// Places an order with the very prices that its expected total was compared with. With an idempotency key that was used before, the same
/// request gives the order it made then, and a different request is CONFLICT.
pub async fn order_place(app: &App, viewer: &Viewer, wanted: PlaceOrderInput) -> Result<PlacedOrder> {
    viewer.signed_in()?;
    let request = Request::decode(wanted)?;
    let placed = match viewer.customer() {
        Some(_) => place(app, &app.db, viewer, &request).await,
        None => place_first(app, viewer, &request).await,
    };
    match placed {
        Ok(placed) => {
            if placed.items.is_some() {
                app.journal.request_run();
            }
            Ok(placed)
        }
        Err(PlaceError::Overtaken(error)) => {
            Ok(PlacedOrder { order: overtaken(app, viewer, &request, error).await?, items: None })
        }
        Err(PlaceError::Other(error)) => Err(error),
    }
}

enum PlaceError {
    /// The facts have changed since they were read: a constraint says so.
    Overtaken(Error),
    Other(Error),
}

impl<E: Into<Error>> From<E> for PlaceError {
    fn from(error: E) -> Self {
        PlaceError::Other(error.into())
    }
}

/// Places the order of a user without a customer record, which is created in the same transaction.
async fn place_first(app: &App, viewer: &Viewer, request: &Request) -> Result<PlacedOrder, PlaceError> {
    let transaction = database::begin(&app.db).await?;
    let customer = customer::service::customer_ensure_in_tx(app, &transaction, viewer).await?;
    let outcome = place(app, &transaction, viewer, request).await?;
    transaction.commit().await?;
    customer::service::customer_is_known(viewer, &customer);
    Ok(outcome)
}

async fn place(app: &App, db: &impl Writer, viewer: &Viewer, request: &Request) -> Result<PlacedOrder, PlaceError> {
    let mut known = DraftFacts::read(db, viewer, request).await?;
    let customer = known.customer.take().ok_or_else(account_closed)?;
    if let Some(placed) = known.placed.take() {
        return Ok(PlacedOrder { order: placed_before(db, placed, request).await?, items: None });
    }
    let draft = known.draft(db, viewer, request).await?;
    request.check_total(draft.charge.total, &draft.restaurant.currency)?;
    let mut order = writing::order(&customer, &draft, request);
    let timeout = acceptance::timeout_of_new(&app.config.orders, PLACED)?;
    let chain = writing::chain(db.get_database_backend(), viewer, &customer, &draft, &order, timeout)?;
    let numbers = db.write(chain).await.map_err(|failure| match failure.sql_err() {
        // The idempotency key is the only unique thing about an order.
        Some(SqlErr::UniqueConstraintViolation(_)) => PlaceError::Overtaken(
            Error::conflict("This was sent twice at the same time. Try again.").with_field("idempotencyKey"),
        ),
        // A dish was deleted meanwhile.
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => PlaceError::Overtaken(failure.into()),
        Some(_) | None => PlaceError::Other(failure.into()),
    })?;
    numbers.of(ACCOUNT).ok_or_else(account_closed)?;
    numbers.of(COUNTED).ok_or_else(|| draft.restaurant.closed())?;
    let Some(id) = numbers.of(PLACED) else {
        return Err(Error::internal(anyhow::anyhow!("the order was not written")).into());
    };
    order.id = Set(i32::try_from(id).map_err(Error::internal)?);
    let order = order.try_into_model()?;
    let items = Some(writing::items(order.id, draft));
    Ok(PlacedOrder { order, items })
}

/// The outcome of a request that lost a race: the order that was placed with its idempotency key, an item that cannot be ordered any more,
/// or the error.
async fn overtaken(app: &App, viewer: &Viewer, request: &Request, error: Error) -> Result<orders::Model> {
    let mut known = DraftFacts::read(&app.db, viewer, request).await?;
    match known.placed.take() {
        Some(placed) => placed_before(&app.db, placed, request).await,
        None => known.draft(&app.db, viewer, request).await.and(Err(error)),
    }
}

/// The order that was placed with the idempotency key, if the request was the same.
async fn placed_before(db: &impl Writer, placed: Placed, request: &Request) -> Result<orders::Model> {
    if placed.request_hash.as_deref() != Some(&request.hash()) {
        let message = "This key was used for another order. Use a new key for each order.";
        return Err(Error::conflict(message).with_field("idempotencyKey"));
    }
    let order = orders::Entity::find_by_id(placed.id).one(db).await?;
    order.ok_or_else(|| Error::internal(anyhow::anyhow!("order {} is gone", placed.id)))
}
