//! GraphQL inputs and payloads of the mutations of orders.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{Order, OrderStatus};
use crate::{features::address::AddressInput, graphql::decimal::Decimal};

/// What `placeOrder` is given.
#[derive(Clone, Debug, InputObject)]
pub struct PlaceOrderInput {
    /// Where it is ordered: an active restaurant.
    pub restaurant_id: ID,
    /// 1 to 100 lines. A dish named twice adds up.
    pub items: Vec<OrderItemInput>,
    /// Where it is brought. It is kept with the order as it is written here.
    pub delivery_address: AddressInput,
    /// Any text of at most 255 characters that this client never used before, such as a UUID. Sending the same request with
    /// the same key again gives the same order, so that a client that heard no answer can safely ask again.
    pub idempotency_key: Option<String>,
    /// The `totalAmount` that the customer agreed to, as `orderQuote` told it. If the order costs something else by now, it is CONFLICT
    /// with `extensions.reason` PRICE_CHANGED and the present total as `extensions.totalAmount`, and nothing is placed. Null takes any
    /// price. A quote does not look at it.
    pub expected_total_amount: Option<Decimal>,
}

/// So many of one dish.
#[derive(Clone, Debug, InputObject)]
pub struct OrderItemInput {
    /// A dish of the restaurant's menu that is available.
    pub dish_id: ID,
    /// 1 to 99.
    pub quantity: i32,
}

/// What `updateOrderStatus` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateOrderStatusInput {
    /// The order that takes the step.
    pub order_id: ID,
    /// One of the order's `nextStatuses`.
    pub status: OrderStatus,
    /// Why; everybody who sees the order can read it. At most 500 characters.
    pub note: Option<String>,
}

/// What `cancelOrder` is given.
#[derive(Clone, Debug, InputObject)]
pub struct CancelOrderInput {
    /// An order whose `nextStatuses` have CANCELLED.
    pub order_id: ID,
    /// Why; everybody who sees the order can read it. At most 500 characters.
    pub reason: Option<String>,
}

/// What `assignDriver` is given.
#[derive(Clone, Debug, InputObject)]
pub struct AssignDriverInput {
    /// An order that is accepted, is not on its way yet and has no driver.
    pub order_id: ID,
    /// An AVAILABLE driver.
    pub driver_id: ID,
}

/// What `releaseDriver` is given.
#[derive(Clone, Debug, InputObject)]
pub struct ReleaseDriverInput {
    /// An order that its driver has not picked up yet.
    pub order_id: ID,
    /// Why; everybody who sees the order can read it. At most 500 characters.
    pub reason: Option<String>,
}

/// What `placeOrder` gives back.
#[derive(SimpleObject)]
pub struct PlaceOrderPayload {
    /// As it was placed; with a key that was used before, as it is now.
    pub order: Order,
}

/// What `updateOrderStatus` gives back.
#[derive(SimpleObject)]
pub struct UpdateOrderStatusPayload {
    /// As it is after the step.
    pub order: Order,
}

/// What `cancelOrder` gives back.
#[derive(SimpleObject)]
pub struct CancelOrderPayload {
    /// As it is now: CANCELLED.
    pub order: Order,
}

/// What `assignDriver` gives back.
#[derive(SimpleObject)]
pub struct AssignDriverPayload {
    /// With its driver.
    pub order: Order,
}

/// What `releaseDriver` gives back.
#[derive(SimpleObject)]
pub struct ReleaseDriverPayload {
    /// Without a driver.
    pub order: Order,
}
