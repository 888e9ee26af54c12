//! The GraphQL types of orders.

mod changes;
mod feeds;

use std::{ops::Deref, sync::Arc};

use async_graphql::{Enum, ID, InputObject};
use entity::{
    columns::{Columns, Partial},
    customers, order_events, order_items, orders, restaurants,
    sea_orm_active_enums::OrderStatus as Status,
};
use rust_decimal::Decimal as Exact;
use sea_orm::prelude::{DateTimeWithTimeZone, Json};

pub use self::changes::{
    AssignDriverInput, AssignDriverPayload, CancelOrderInput, CancelOrderPayload, OrderItemInput, PlaceOrderInput,
    PlaceOrderPayload, ReleaseDriverInput, ReleaseDriverPayload, UpdateOrderStatusInput, UpdateOrderStatusPayload,
};
pub use self::feeds::{ClaimableOrderChange, OrdersChangedFilter, OrdersFollowed};
use super::{
    lifecycle::{self, Parties},
    placement::MAXIMUM_LINES,
    service,
};
use crate::{
    domain::{
        error::{Error, Result},
        ids::{CustomerId, DishId, DriverId, GlobalId, OrderId, PartId, RestaurantId},
        money::{self, Charge},
        viewer::Viewer,
    },
    features::{
        address::Address,
        customer::Customer,
        dish::Dish,
        driver::{
            Driver,
            finder::{ROUTE_LENGTH, RouteOfOrder},
            types::DriverLocation,
        },
        order::finder::{EventsOfOrder, ItemsOfOrder, OrderConditions},
        restaurant::Restaurant,
    },
    graphql::{
        date_time::DateTime,
        decimal::Decimal,
        input, limits,
        loaders::Reader,
        page::page_size,
        plan::{Deferred, Load, One, Planned, existing, object, output_of_enums},
        row::{ById, Row},
    },
    journal::Cursor,
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

output_of_enums!(OrderStatus);

#[derive(Clone, Debug)]
pub struct Order(pub Arc<orders::Model>);

/// What a customer ordered from one restaurant. Names and prices are as they were when it was placed.
#[object(row = orders::Model)]
impl Order {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        OrderId(*id).to_global()
    }

    /// Where it is in its life.
    fn status(status: &Status) -> OrderStatus {
        (*status).into()
    }

    /// When it was placed.
    fn order_time(order_time: &DateTimeWithTimeZone) -> DateTime {
        (*order_time).into()
    }

    /// Who ordered.
    fn customer(customer_id: &i32) -> One<Customer> {
        One(CustomerId(*customer_id))
    }

    /// Where it was ordered, as it is now.
    fn restaurant(restaurant_id: &i32) -> One<Restaurant> {
        One(RestaurantId(*restaurant_id))
    }

    /// Who carries it, or carried it; null while nobody is assigned.
    fn driver(driver_id: &Option<i32>) -> Option<One<Driver>> {
        driver_id.map(DriverId).map(One)
    }

    /// The customer's name when the order was placed.
    fn customer_name(customer_id: &i32, customer_name: &Option<String>) -> NameOf<customers::Model> {
        name_of(customer_name.as_ref(), CustomerId(*customer_id), CUSTOMER_NAME, |customer| &customer.name)
    }

    /// The restaurant's name when the order was placed.
    fn restaurant_name(restaurant_id: &i32, restaurant_name: &Option<String>) -> NameOf<restaurants::Model> {
        name_of(restaurant_name.as_ref(), RestaurantId(*restaurant_id), RESTAURANT_NAME, |restaurant| &restaurant.name)
    }

    /// What was ordered, one entry for each dish: at most 100.
    #[graphql(complexity = "limits::entries(MAXIMUM_LINES, child_complexity)")]
    fn items(id: &i32, currency: &str) -> Load<ItemsOfOrder, Result<Vec<OrderItem>>> {
        let currency: Arc<str> = currency.into();
        Load::new(ItemsOfOrder(OrderId(*id)), move |items| {
            let items = items?.unwrap_or_default();
            Ok(items.into_iter().map(|item| OrderItem::new(item, currency.clone())).collect())
        })
        .reading(Columns::NONE)
    }

    /// The sum of the items, without tax and delivery.
    fn subtotal(subtotal: &Exact, currency: &str) -> Decimal {
        Decimal::money(*subtotal, currency)
    }

    /// `subtotal` × the restaurant's tax rate when it was placed, rounded half-up once.
    fn tax(tax: &Exact, currency: &str) -> Decimal {
        Decimal::money(*tax, currency)
    }

    /// The restaurant's fee when it was placed.
    fn delivery_fee(delivery_fee: &Exact, currency: &str) -> Decimal {
        Decimal::money(*delivery_fee, currency)
    }

    /// Exactly `subtotal` + `tax` + `deliveryFee`.
    fn total_amount(total_amount: &Exact, currency: &str) -> Decimal {
        Decimal::money(*total_amount, currency)
    }

    /// ISO 4217; every amount of the order is in it.
    fn currency(currency: &str) -> &str {
        currency
    }

    /// Where it is brought, as it was written when it was placed.
    fn delivery_address(delivery_address: &Json) -> Address {
        Address::from_json(delivery_address)
    }

    /// Its history, oldest first: at most 100 steps at a time, which is all that most orders ever have. With `after`, those whose
    /// `sequence` is greater.
    #[graphql(complexity = "limits::first_of(MAXIMUM_EVENTS, first, child_complexity)")]
    fn events(
        id: &i32,
        #[arg(default = 100)] first: i32,
        /// Only steps whose `sequence` is greater; null is from the first one on.
        #[arg]
        after: Option<i32>,
    ) -> Result<Load<EventsOfOrder, Result<Vec<OrderEvent>>>> {
        page_size("first", first, MAXIMUM_EVENTS)?;
        let after = input::whole_number("after", after.unwrap_or(0), 0, i32::MAX)?;
        let key = EventsOfOrder { order: OrderId(*id), after, first };
        let events = Load::new(key, |events: Result<Option<Vec<_>>>| {
            Ok(events?.unwrap_or_default().into_iter().map(Arc::new).map(OrderEvent).collect())
        });
        Ok(events.reading(Columns::NONE))
    }

    /// Where its driver was while it carried the order, oldest first: a point for every few seconds from the assignment until the
    /// order was final, or until the driver was released; at most 200, evenly thinned out where there are more. The newest ones take some
    /// seconds to appear, and routes are deleted after some weeks. Null for drivers who could only claim the order.
    #[graphql(complexity = "limits::entries(ROUTE_LENGTH, child_complexity)")]
    fn route(
        viewer: &Viewer,
        id: &i32,
        customer_id: &i32,
        restaurant_id: &i32,
        driver_id: &Option<i32>,
    ) -> Option<Load<RouteOfOrder, Result<Vec<DriverLocation>>>> {
        let parties = Parties::new(*customer_id, *restaurant_id, *driver_id);
        if !service::is_concerned(viewer, parties) {
            return None;
        }
        Some(Load::new(RouteOfOrder(OrderId(*id)), |points| {
            Ok(points?.unwrap_or_default().into_iter().filter_map(DriverLocation::of_route).collect())
        }))
    }

    /// What the viewer may move it to now with `updateOrderStatus`, at most 7; empty when it is somebody else's turn, or its life is
    /// over.
    #[graphql(complexity = "limits::entries(STATUSES, child_complexity)")]
    fn next_statuses(
        viewer: &Viewer,
        status: &Status,
        customer_id: &i32,
        restaurant_id: &i32,
        driver_id: &Option<i32>,
    ) -> Vec<OrderStatus> {
        let parties = Parties::new(*customer_id, *restaurant_id, *driver_id);
        lifecycle::next_statuses(viewer, *status, parties).into_iter().map(Into::into).collect()
    }
}

/// Somebody's name as it was written down with the order; of orders from before names were, what it is now.
type NameOf<R> = Deferred<String, Load<ById<R>, Result<String>>>;

const CUSTOMER_NAME: Columns = Columns::named(customers::Model::NAMES, &["name"]);
const RESTAURANT_NAME: Columns = Columns::named(restaurants::Model::NAMES, &["name"]);

fn name_of<R: Row>(recorded: Option<&String>, id: R::Id, columns: Columns, name: fn(&R) -> &String) -> NameOf<R> {
    match recorded {
        Some(recorded) => Deferred::Ready(recorded.clone()),
        None => {
            let load = Load::new(ById(id), move |row: Result<Option<Arc<R>>>| Ok(name(&*existing(id, row)?).clone()));
            Deferred::Load(load.reading(columns))
        }
    }
}

#[derive(Clone, Debug)]
pub struct OrderItem {
    item: order_items::Model,
    currency: Arc<str>,
}

impl OrderItem {
    pub fn new(item: order_items::Model, currency: Arc<str>) -> Self {
        OrderItem { item, currency }
    }

    pub fn part_id(&self) -> PartId {
        PartId { order: OrderId(self.item.order_id), number: self.item.dish_id }
    }
}

impl Deref for OrderItem {
    type Target = order_items::Model;

    fn deref(&self) -> &order_items::Model {
        &self.item
    }
}

/// One dish of an order, as it was when the order was placed.
#[object(columns = order_items::Model)]
impl OrderItem {
    /// Opaque, and unique over all types.
    fn id(order_id: &i32, dish_id: &i32) -> ID {
        PartId { order: OrderId(*order_id), number: *dish_id }.to_global(Self::NAME)
    }

    /// The dish as it is now.
    fn dish(dish_id: &i32) -> One<Dish> {
        One(DishId(*dish_id))
    }

    /// The dish's name when it was ordered.
    fn dish_name(dish_name: &str) -> &str {
        dish_name
    }

    /// How many of it.
    fn quantity(quantity: &i32) -> i32 {
        *quantity
    }

    /// What one cost when it was ordered.
    fn unit_price(unit_price: &Exact, currency: &str) -> Decimal {
        Decimal::money(*unit_price, currency)
    }

    /// `unitPrice` × `quantity`.
    fn line_total(unit_price: &Exact, quantity: &i32, currency: &str) -> Decimal {
        Decimal(money::line_total(*unit_price, *quantity, currency))
    }
}

#[derive(Clone, Debug)]
pub struct OrderEvent(pub Arc<order_events::Model>);

impl OrderEvent {
    pub fn part_id(&self) -> PartId {
        PartId { order: OrderId(self.0.order_id), number: self.0.sequence }
    }
}

/// One step of an order's life: a new status, or a driver assigned or released (then `status` equals `previousStatus`).
#[object(row = order_events::Model)]
impl OrderEvent {
    /// Opaque, and unique over all types.
    fn id(order_id: &i32, sequence: &i32) -> ID {
        PartId { order: OrderId(*order_id), number: *sequence }.to_global(Self::NAME)
    }

    /// Grows by one with each step of that order, starting at 1. A subscriber that lost its connection goes on `after` the
    /// last one it saw.
    fn sequence(sequence: &i32) -> i32 {
        *sequence
    }

    /// The step's place in all feeds that carry several orders, for their `after`. Opaque. Good at every server, for as long as the journal
    /// keeps the step (30 days, unless the server is set to others), and until the server's data are restored from a backup or taken over by
    /// another database: then it is refused, with the reason CURSOR_EXPIRED.
    fn cursor(reader: &Reader, feed_transaction: &i64, position: &i64) -> String {
        Cursor::of(*position).to_text(*feed_transaction, reader.app.lives.present())
    }

    /// The order as it is now, which may already be further than this step.
    fn order(order_id: &i32) -> One<Order> {
        One(OrderId(*order_id))
    }

    /// The order's status after the step.
    fn status(status: &Status) -> OrderStatus {
        (*status).into()
    }

    /// The order's status before the step; null for the first one.
    fn previous_status(previous_status: &Option<Status>) -> Option<OrderStatus> {
        previous_status.map(Into::into)
    }

    /// Who carried the order after the step; null while nobody did.
    fn driver(driver_id: &Option<i32>) -> Option<One<Driver>> {
        driver_id.map(DriverId).map(One)
    }

    /// Why, in the words of whoever took the step; null when nothing was said.
    #[graphql(complexity = "limits::text(500)")]
    fn note(note: &Option<String>) -> Option<&str> {
        note.as_deref()
    }

    /// When it was taken.
    fn at(at: &DateTimeWithTimeZone) -> DateTime {
        (*at).into()
    }
}

#[derive(Clone)]
pub struct OrderQuote {
    pub charge: Charge,
    pub currency: String,
}

/// What an order would cost now.
#[object]
impl OrderQuote {
    /// The sum of the items, without tax and delivery.
    fn subtotal(charge: &Charge) -> Decimal {
        Decimal(charge.subtotal)
    }

    /// `subtotal` × the tax rate, rounded half-up once.
    fn tax(charge: &Charge) -> Decimal {
        Decimal(charge.tax)
    }

    /// The restaurant's fee.
    fn delivery_fee(charge: &Charge) -> Decimal {
        Decimal(charge.delivery_fee)
    }

    /// Exactly `subtotal` + `tax` + `deliveryFee`.
    fn total_amount(charge: &Charge) -> Decimal {
        Decimal(charge.total)
    }

    /// ISO 4217.
    fn currency(currency: &str) -> &str {
        currency
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
    /// Placed before this time, which two lists that follow each other share.
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
