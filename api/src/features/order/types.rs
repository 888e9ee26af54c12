//! What clients see of orders.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::{customers, drivers, order_events, order_items, orders, restaurants};

use super::{
    history, lifecycle,
    loader::{EventsOfOrder, ItemsOfOrder, OrderConditions},
    placement::MAXIMUM_LINES,
    service,
};
use crate::{
    features::{
        address::{Address, AddressInput},
        customer::Customer,
        dish::{Dish, loader::DishRow},
        driver::{
            Driver,
            loader::{ROUTE_LENGTH, RouteOfOrder},
            types::DriverLocation,
        },
        restaurant::Restaurant,
    },
    graphql::{
        context::OperationContext,
        date_time::DateTime,
        decimal::Decimal,
        error::{Error, Result},
        ids::{CustomerId, DishId, DriverId, GlobalId, OrderId, RestaurantId},
        input, limits,
        page::page_size,
        row::{ById, Row},
    },
    money::{self, Charge},
};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "entity::sea_orm_active_enums::OrderStatus")]
pub enum OrderStatus {
    /// Placed; the restaurant has not answered yet.
    Pending,
    /// Accepted by the restaurant.
    Confirmed,
    /// Being cooked.
    Preparing,
    /// Cooked and packed; waits for its driver.
    Ready,
    /// On its way.
    PickedUp,
    /// At the customer's door. Final.
    Delivered,
    /// Will not be delivered. Final.
    Cancelled,
}

/// How many steps of an order's history are given at once.
const MAXIMUM_EVENTS: u32 = 100;
/// How many statuses there are.
const STATUSES: usize = 7;

#[derive(Clone, Debug)]
pub struct Order(pub Arc<orders::Model>);

/// What a customer ordered from one restaurant. Names and prices are as they were when it was placed.
#[Object]
impl Order {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    async fn status(&self) -> OrderStatus {
        self.0.status.into()
    }

    /// When it was placed.
    async fn order_time(&self) -> DateTime {
        self.0.order_time.into()
    }

    async fn customer(&self, ctx: &Context<'_>) -> Result<Customer> {
        let key = ById::<customers::Model>(CustomerId(self.0.customer_id));
        ctx.loaders().load_existing(key).await.map(Customer)
    }

    async fn restaurant(&self, ctx: &Context<'_>) -> Result<Restaurant> {
        let key = ById::<restaurants::Model>(RestaurantId(self.0.restaurant_id));
        ctx.loaders().load_existing(key).await.map(Restaurant)
    }

    /// Who carries it, or carried it; null while nobody is assigned.
    async fn driver(&self, ctx: &Context<'_>) -> Option<Result<Driver>> {
        let key = ById::<drivers::Model>(DriverId(self.0.driver_id?));
        Some(ctx.loaders().load_existing(key).await.map(Driver))
    }

    /// The customer's name when the order was placed.
    async fn customer_name(&self, ctx: &Context<'_>) -> Result<String> {
        match &self.0.customer_name {
            Some(name) => Ok(name.clone()),
            None => Ok(ctx
                .loaders()
                .load_existing(ById::<customers::Model>(CustomerId(self.0.customer_id)))
                .await?
                .name
                .clone()),
        }
    }

    /// The restaurant's name when the order was placed.
    async fn restaurant_name(&self, ctx: &Context<'_>) -> Result<String> {
        match &self.0.restaurant_name {
            Some(name) => Ok(name.clone()),
            None => Ok(ctx
                .loaders()
                .load_existing(ById::<restaurants::Model>(RestaurantId(self.0.restaurant_id)))
                .await?
                .name
                .clone()),
        }
    }

    /// What was ordered, one entry for each dish: at most 100.
    #[graphql(complexity = "limits::entries(MAXIMUM_LINES, child_complexity)")]
    async fn items(&self, ctx: &Context<'_>) -> Result<Vec<OrderItem>> {
        let items = ctx.loaders().load(ItemsOfOrder(self.0.id())).await?.unwrap_or_default();
        Ok(items.into_iter().map(|item| OrderItem { item, currency: self.0.currency.clone() }).collect())
    }

    /// The sum of the items, without tax and delivery.
    async fn subtotal(&self) -> Decimal {
        self.amount(self.0.subtotal)
    }

    /// `subtotal` × the restaurant's tax rate when it was placed, rounded half-up once.
    async fn tax(&self) -> Decimal {
        self.amount(self.0.tax)
    }

    async fn delivery_fee(&self) -> Decimal {
        self.amount(self.0.delivery_fee)
    }

    /// Exactly `subtotal` + `tax` + `deliveryFee`.
    async fn total_amount(&self) -> Decimal {
        self.amount(self.0.total_amount)
    }

    /// ISO 4217; every amount of the order is in it.
    async fn currency(&self) -> &str {
        &self.0.currency
    }

    async fn delivery_address(&self) -> Address {
        Address::from_json(&self.0.delivery_address)
    }

    /// Its history, oldest first: at most 100 steps at a time, which is all that most orders ever have. With `after`, those whose
    /// `sequence` is greater.
    #[graphql(complexity = "limits::first_of(MAXIMUM_EVENTS, first, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 100)] first: i32,
        after: Option<i32>,
    ) -> Result<Vec<OrderEvent>> {
        page_size("first", first, MAXIMUM_EVENTS)?;
        let after = input::whole_number("after", after.unwrap_or(0), 0, i32::MAX)?;
        let key = EventsOfOrder { order: self.0.id(), after, first };
        let events = ctx.loaders().load(key).await?.unwrap_or_default();
        Ok(events.into_iter().map(OrderEvent).collect())
    }

    /// Where its driver was while it carried the order, oldest first: a point for every few seconds from the assignment until the
    /// order was final, or until the driver was released; at most 200, evenly thinned out where there are more. The newest ones take some
    /// seconds to appear, and routes are deleted after some weeks. Null with FORBIDDEN for drivers who could only claim the order.
    #[graphql(complexity = "limits::entries(ROUTE_LENGTH, child_complexity)")]
    async fn route(&self, ctx: &Context<'_>) -> Option<Result<Vec<DriverLocation>>> {
        if !service::is_concerned(ctx.viewer(), &self.0) {
            return Some(Err(Error::forbidden("Only those concerned by the order see where its driver was.")));
        }
        let points = ctx.loaders().load(RouteOfOrder(self.0.id())).await.map(Option::unwrap_or_default);
        Some(points.map(|points| points.into_iter().filter_map(DriverLocation::of_route).collect()))
    }

    /// What the viewer may move it to now with `updateOrderStatus`, at most 7; empty when it is somebody else's turn, or its life is
    /// over.
    #[graphql(complexity = "limits::entries(STATUSES, child_complexity)")]
    async fn next_statuses(&self, ctx: &Context<'_>) -> Vec<OrderStatus> {
        lifecycle::next_statuses(ctx.viewer(), &self.0).into_iter().map(Into::into).collect()
    }
}

impl Order {
    fn amount(&self, amount: rust_decimal::Decimal) -> Decimal {
        Decimal::money(amount, &self.0.currency)
    }
}

pub struct OrderItem {
    item: order_items::Model,
    currency: String,
}

/// One dish of an order, as it was when the order was placed.
#[Object]
impl OrderItem {
    async fn id(&self) -> ID {
        ID(format!("OrderItem:{}:{}", self.item.order_id, self.item.dish_id))
    }

    /// The dish as it is now.
    async fn dish(&self, ctx: &Context<'_>) -> Result<Dish> {
        ctx.loaders().load_existing(ById::<DishRow>(DishId(self.item.dish_id))).await.map(Dish)
    }

    /// The dish's name when it was ordered.
    async fn dish_name(&self) -> &str {
        &self.item.dish_name
    }

    async fn quantity(&self) -> i32 {
        self.item.quantity
    }

    /// What one cost when it was ordered.
    async fn unit_price(&self) -> Decimal {
        Decimal::money(self.item.unit_price, &self.currency)
    }

    /// `unitPrice` × `quantity`.
    async fn line_total(&self) -> Decimal {
        Decimal(money::line_total(self.item.unit_price, self.item.quantity, &self.currency))
    }
}

#[derive(Clone, Debug)]
pub struct OrderEvent(pub order_events::Model);

/// One step of an order's life: a new status, or a driver assigned or released (then `status` equals `previousStatus`).
#[Object]
impl OrderEvent {
    async fn id(&self) -> ID {
        ID(format!("OrderEvent:{}:{}", self.0.order_id, self.0.sequence))
    }

    /// Grows by one with each step of that order, starting at 1. A subscriber that lost its connection goes on `after` the
    /// last one it saw.
    async fn sequence(&self) -> i32 {
        self.0.sequence
    }

    /// The step's place in the feeds that carry several orders, for their `after`. Opaque. Good at every server, until the server's
    /// data are restored from a backup or taken over by another database: then it is refused, with the reason CURSOR_EXPIRED.
    async fn cursor(&self, ctx: &Context<'_>) -> String {
        history::FeedPosition::of(&self.0).to_cursor(ctx.app().lives.present())
    }

    /// The order as it is now, which may already be further than this step.
    async fn order(&self, ctx: &Context<'_>) -> Result<Order> {
        ctx.loaders().load_existing(ById::<orders::Model>(OrderId(self.0.order_id))).await.map(Order)
    }

    /// The order's status after the step.
    async fn status(&self) -> OrderStatus {
        self.0.status.into()
    }

    /// The order's status before the step; null for the first one.
    async fn previous_status(&self) -> Option<OrderStatus> {
        self.0.previous_status.map(Into::into)
    }

    /// Who carried the order after the step; null while nobody did.
    async fn driver(&self, ctx: &Context<'_>) -> Option<Result<Driver>> {
        let key = ById::<drivers::Model>(DriverId(self.0.driver_id?));
        Some(ctx.loaders().load_existing(key).await.map(Driver))
    }

    /// Why, in the words of whoever took the step; null when nothing was said.
    #[graphql(complexity = "limits::text(500)")]
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    async fn at(&self) -> DateTime {
        self.0.at.into()
    }
}

pub struct OrderQuote {
    pub charge: Charge,
    pub currency: String,
}

/// What an order would cost now.
#[Object]
impl OrderQuote {
    /// The sum of the items, without tax and delivery.
    async fn subtotal(&self) -> Decimal {
        Decimal(self.charge.subtotal)
    }

    async fn tax(&self) -> Decimal {
        Decimal(self.charge.tax)
    }

    async fn delivery_fee(&self) -> Decimal {
        Decimal(self.charge.delivery_fee)
    }

    /// Exactly `subtotal` + `tax` + `deliveryFee`.
    async fn total_amount(&self) -> Decimal {
        Decimal(self.charge.total)
    }

    /// ISO 4217.
    async fn currency(&self) -> &str {
        &self.currency
    }
}

/// How lists of orders are sorted; ties by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderOrder {
    NewestFirst,
    OldestFirst,
}

/// Which orders a list holds; all conditions together.
#[derive(Clone, Debug, Default, InputObject)]
pub struct OrderFilter {
    /// Any of these, at most 7; an empty list finds none.
    pub status: Option<Vec<OrderStatus>>,
    /// Placed at this time or later.
    pub placed_since: Option<DateTime>,
    /// Placed at this time or earlier.
    pub placed_until: Option<DateTime>,
}

impl OrderFilter {
    pub fn decode(self) -> Result<OrderConditions> {
        if let (Some(since), Some(until)) = (self.placed_since, self.placed_until)
            && since > until
        {
            return Err(Error::bad_input("filter.placedUntil", "This is before `placedSince`."));
        }
        if let Some(status) = &self.status {
            input::length("filter.status", status, 0, STATUSES)?;
        }
        Ok(OrderConditions {
            status: self.status,
            placed_since: self.placed_since.map(|time| time.0),
            placed_until: self.placed_until.map(|time| time.0),
        })
    }
}

#[derive(Clone, Debug, InputObject)]
pub struct PlaceOrderInput {
    pub restaurant_id: ID,
    /// 1 to 100 lines. A dish named twice adds up.
    pub items: Vec<OrderItemInput>,
    pub delivery_address: AddressInput,
    /// Any text of at most 255 characters that this client never used before, such as a UUID. Sending the same request with
    /// the same key again gives the same order, so that a client that heard no answer can safely ask again.
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Debug, InputObject)]
pub struct OrderItemInput {
    /// A dish of the restaurant's menu that is available.
    pub dish_id: ID,
    /// 1 to 99.
    pub quantity: i32,
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateOrderStatusInput {
    pub order_id: ID,
    /// One of the order's `nextStatuses`.
    pub status: OrderStatus,
    /// Why; everybody who sees the order can read it. At most 500 characters.
    pub note: Option<String>,
}

#[derive(Clone, Debug, InputObject)]
pub struct CancelOrderInput {
    pub order_id: ID,
    /// Why; everybody who sees the order can read it. At most 500 characters.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, InputObject)]
pub struct AssignDriverInput {
    pub order_id: ID,
    /// An AVAILABLE driver.
    pub driver_id: ID,
}

#[derive(Clone, Debug, InputObject)]
pub struct ReleaseDriverInput {
    pub order_id: ID,
    /// Why; everybody who sees the order can read it. At most 500 characters.
    pub reason: Option<String>,
}

#[derive(SimpleObject)]
pub struct PlaceOrderPayload {
    pub order: Order,
}

#[derive(SimpleObject)]
pub struct UpdateOrderStatusPayload {
    pub order: Order,
}

#[derive(SimpleObject)]
pub struct CancelOrderPayload {
    pub order: Order,
}

#[derive(SimpleObject)]
pub struct AssignDriverPayload {
    pub order: Order,
}

#[derive(SimpleObject)]
pub struct ReleaseDriverPayload {
    pub order: Order,
}
