//! Builds orders in any state, with the history that leads there.

use chrono::{DateTime, Duration, FixedOffset};
use entity::{
    driver_locations, drivers, order_events, order_items, orders, restaurants,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    SqliteTransactionMode, TransactionOptions, TransactionTrait, sea_query::Expr,
};
use serde_json::json;

use super::{Restaurant, now};
use crate::{
    City, Database, Person, global_id,
    journal::{append_step, next_event_id},
};

/// An order as it was written.
#[derive(Clone, Debug)]
pub struct Order {
    pub row: orders::Model,
    /// Oldest first.
    pub events: Vec<order_events::Model>,
}

impl Order {
    /// `Order:…`
    pub fn id(&self) -> String {
        global_id("Order", self.row.id)
    }
}

impl City {
    /// A PENDING order of one portion of the restaurant's first dish, unless it is described further.
    pub fn order(&self, customer: &Person, restaurant: &Restaurant) -> OrderBuilder<'_> {
        OrderBuilder {
            city: self,
            customer: customer.clone(),
            restaurant: restaurant.clone(),
            status: OrderStatus::Pending,
            cancelled_from: OrderStatus::Pending,
            driver: None,
            placed_at: None,
            items: vec![(0, 1)],
            route: 0,
        }
    }
}

/// An order on the way into the database.
pub struct OrderBuilder<'a> {
    city: &'a City,
    customer: Person,
    restaurant: Restaurant,
    status: OrderStatus,
    cancelled_from: OrderStatus,
    driver: Option<Person>,
    placed_at: Option<DateTime<FixedOffset>>,
    items: Vec<(usize, i32)>,
    route: u32,
}

impl OrderBuilder<'_> {
    /// Where the order has come to. PICKED_UP and DELIVERED need a driver: one is made unless it is given.
    pub fn status(self, status: OrderStatus) -> Self {
        OrderBuilder { status, ..self }
    }

    /// CANCELLED, from this status.
    pub fn cancelled_from(self, status: OrderStatus) -> Self {
        OrderBuilder { status: OrderStatus::Cancelled, cancelled_from: status, ..self }
    }

    /// Assigned to this driver as soon as it was CONFIRMED. The driver is BUSY afterwards, or AVAILABLE when the order is final.
    pub fn driver(self, driver: &Person) -> Self {
        OrderBuilder { driver: Some(driver.clone()), ..self }
    }

    /// Its steps followed a minute apart. Unless said otherwise, the last one was just now.
    pub fn placed_at(self, time: DateTime<FixedOffset>) -> Self {
        OrderBuilder { placed_at: Some(time.to_utc().fixed_offset()), ..self }
    }

    /// What was ordered: the index of a dish of the restaurant, and how many of it.
    pub fn items(self, items: &[(usize, i32)]) -> Self {
        OrderBuilder { items: items.to_vec(), ..self }
    }

    /// So many points of its route: a second and a thousandth of a degree apart, the last one was just now at 21° north.
    pub fn route(self, points: u32) -> Self {
        OrderBuilder { route: points, ..self }
    }

    pub async fn create(mut self) -> Order {
        let (last, cancelled) = match self.status {
            OrderStatus::Cancelled => (self.cancelled_from, true),
            OrderStatus::Pending
            | OrderStatus::Confirmed
            | OrderStatus::Preparing
            | OrderStatus::Ready
            | OrderStatus::PickedUp
            | OrderStatus::Delivered => (self.status, false),
        };
        if self.driver.is_none() && matches!(last, OrderStatus::PickedUp | OrderStatus::Delivered) {
            self.driver = Some(self.city.driver("Duy").await);
        }
        let steps = steps(last, cancelled, self.driver.is_some());
        let placed_at = self.placed_at.unwrap_or_else(|| now() - minutes_after_first(steps.len()));
        // A position in the feed is read and then written, which on SQLite needs the lock from the beginning.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let tx = self.city.db().begin_with_options(options).await.expect("a transaction can begin");
        let row = self.insert_order(&tx, placed_at).await;
        self.insert_items(&tx, row.id).await;
        let events = self.insert_events(&tx, &row, &steps).await;
        self.insert_route(&tx, &row).await;
        self.update_driver(&tx).await;
        restaurants::Entity::update_many()
            .col_expr(restaurants::Column::TotalOrders, Expr::col(restaurants::Column::TotalOrders).add(1))
            .filter(restaurants::Column::Id.eq(row.restaurant_id))
            .exec(&tx)
            .await
            .expect("a restaurant can be updated");
        tx.commit().await.expect("an order can be written");
        Order { row, events }
    }

    fn driver_number(&self) -> Option<i32> {
        self.driver.as_ref().map(|driver| driver.driver().id)
    }

    async fn insert_order(&self, tx: &DatabaseTransaction, placed_at: DateTime<FixedOffset>) -> orders::Model {
        let restaurant = &self.restaurant.row;
        let digits = if restaurant.currency == "VND" { 0 } else { 2 };
        let price = |&(dish, quantity): &(usize, i32)| self.restaurant.dishes[dish].price * Decimal::from(quantity);
        let subtotal: Decimal = self.items.iter().map(price).sum();
        let half_up = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
        let tax = (subtotal * restaurant.tax_rate).round_dp_with_strategy(digits, half_up);
        let order = orders::ActiveModel {
            customer_id: Set(self.customer.customer().id),
            restaurant_id: Set(restaurant.id),
            driver_id: Set(self.driver_number()),
            order_time: Set(placed_at),
            total_amount: Set(subtotal + tax + restaurant.delivery_fee),
            delivery_fee: Set(restaurant.delivery_fee),
            status: Set(self.status),
            delivery_address: Set(json!({"line1": "1 Lake Road", "city": "Hà Nội"})),
            customer_name: Set(Some(self.customer.customer().name.clone())),
            restaurant_name: Set(Some(restaurant.name.clone())),
            subtotal: Set(subtotal),
            tax: Set(tax),
            currency: Set(restaurant.currency.clone()),
            ..Default::default()
        };
        order.insert(tx).await.expect("an order can be written")
    }

    async fn insert_items(&self, tx: &DatabaseTransaction, order: i32) {
        let items = self.items.iter().map(|&(dish, quantity)| order_items::ActiveModel {
            order_id: Set(order),
            dish_id: Set(self.restaurant.dishes[dish].id),
            quantity: Set(quantity),
            unit_price: Set(self.restaurant.dishes[dish].price),
            dish_name: Set(self.restaurant.dishes[dish].name.clone()),
        });
        order_items::Entity::insert_many(items).exec_without_returning(tx).await.expect("items can be written");
    }

    /// A minute apart, and in the journal.
    async fn insert_events(
        &self,
        tx: &DatabaseTransaction,
        order: &orders::Model,
        steps: &[HistoryStep],
    ) -> Vec<order_events::Model> {
        let mut events = Vec::with_capacity(steps.len());
        for (number, step) in steps.iter().enumerate() {
            let at = order.order_time + minutes_after_first(number + 1);
            let mut event = order_events::ActiveModel {
                order_id: Set(order.id),
                sequence: Set(i32::try_from(number).expect("a history is short") + 1),
                status: Set(step.to),
                previous_status: Set(step.from),
                driver_id: Set(self.driver_number().filter(|_| step.with_driver)),
                actor: Set("SYSTEM".to_owned()),
                at: Set(at),
                published_at: Set(Some(at)),
                feed_transaction: Set(0),
                ..Default::default()
            };
            match self.city.database() {
                Database::Postgres => {}
                Database::Sqlite => event.position = Set(next_event_id(tx).await),
            }
            let event = event.insert(tx).await.expect("an event can be written");
            let driver_before = events.last().and_then(|before: &order_events::Model| before.driver_id);
            append_step(tx, order, &event, driver_before).await;
            events.push(event);
        }
        events
    }

    async fn insert_route(&self, tx: &DatabaseTransaction, order: &orders::Model) {
        if self.route == 0 {
            return;
        }
        let last = now();
        let points = (0..self.route).map(|before| driver_locations::ActiveModel {
            order_id: Set(order.id),
            slot: Set(last.timestamp() - i64::from(before)),
            driver_id: Set(self.driver_number().expect("an order with a route has a driver")),
            recorded_at: Set(last - Duration::seconds(before.into())),
            lat: Set(Decimal::from(21) - Decimal::new(before.into(), 3)),
            lng: Set(Decimal::from(105)),
            heading: Set(None),
            speed: Set(None),
        });
        driver_locations::Entity::insert_many(points).exec_without_returning(tx).await.expect("a route can be written");
    }

    async fn update_driver(&self, tx: &DatabaseTransaction) {
        let Some(driver) = self.driver_number() else {
            return;
        };
        let status = match self.status {
            OrderStatus::Delivered | OrderStatus::Cancelled => DriverStatus::Available,
            OrderStatus::Pending
            | OrderStatus::Confirmed
            | OrderStatus::Preparing
            | OrderStatus::Ready
            | OrderStatus::PickedUp => DriverStatus::Busy,
        };
        let driver = drivers::ActiveModel { id: Set(driver), status: Set(status), ..Default::default() };
        driver.update(tx).await.expect("a driver can be updated");
    }
}

/// How long after the first step the one with this number, from 1 on, was made.
fn minutes_after_first(number: usize) -> Duration {
    Duration::minutes(i64::try_from(number).expect("a history is short") - 1)
}

/// PostgreSQL numbers events itself.
/// One row of an order's history.
#[derive(Debug, PartialEq, Eq)]
struct HistoryStep {
    from: Option<OrderStatus>,
    to: OrderStatus,
    /// Whether the order has its driver then.
    with_driver: bool,
}

/// The way to `last`, and from there to CANCELLED if wanted. A driver is assigned right after the order is CONFIRMED.
fn steps(last: OrderStatus, cancelled: bool, has_driver: bool) -> Vec<HistoryStep> {
    use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};
    let way = [Pending, Confirmed, Preparing, Ready, PickedUp, Delivered];
    let end = way.iter().position(|&status| status == last).expect("an order is cancelled from another status");
    let mut steps = Vec::new();
    let mut from = None;
    for &to in way[..=end].iter().chain(cancelled.then_some(&Cancelled)) {
        let with_driver = has_driver && !matches!(to, Pending | Confirmed) && from != Some(Pending);
        steps.push(HistoryStep { from, to, with_driver });
        if to == Confirmed && has_driver {
            steps.push(HistoryStep { from: Some(to), to, with_driver: true });
        }
        from = Some(to);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{OrderStatus::*, *};

    #[test]
    fn the_history_leads_to_the_status() {
        let way: Vec<_> = steps(Delivered, false, true).iter().map(|step| (step.to, step.with_driver)).collect();
        let expected = [
            (Pending, false),
            (Confirmed, false),
            (Confirmed, true),
            (Preparing, true),
            (Ready, true),
            (PickedUp, true),
            (Delivered, true),
        ];
        assert_eq!(way, expected);
        let cancelled = steps(Confirmed, true, false);
        assert_eq!(cancelled.last(), Some(&HistoryStep { from: Some(Confirmed), to: Cancelled, with_driver: false }));
        assert_eq!(cancelled.len(), 3);
    }
}
