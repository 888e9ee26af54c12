//! The statements behind orders, their lists and their parts.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use entity::{order_events, order_items, orders};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::SelectStatement,
};

use super::{
    lifecycle,
    types::{OrderOrder, OrderStatus},
};
use crate::{
    dialect,
    graphql::{
        error::{Error, Result},
        ids::{CustomerId, DriverId, OrderId, RestaurantId},
        list::{Children, List},
        loaders::{Reader, grouped},
        row::Row,
        sort::{KeyKind, KeyValue, Position, Sort, SortKey},
    },
    viewer::Viewer,
};

impl Row for orders::Model {
    type Id = OrderId;
    type IdColumn = orders::Column;
    const ID_COLUMN: orders::Column = orders::Column::Id;

    fn id(&self) -> OrderId {
        OrderId(self.id)
    }

    fn select() -> SelectStatement {
        orders::Entity::find().into_query()
    }

    /// One's own, and for drivers those that wait for one.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        let own = own(viewer, backend);
        match viewer.driver() {
            Some(_) if !viewer.is_admin() => own.add(claimable()),
            Some(_) | None => own,
        }
    }
}

/// A customer's own, a driver's own, those of the restaurants that the viewer is staff of; all for admins.
pub fn own(viewer: &Viewer, backend: DbBackend) -> Condition {
    if viewer.is_admin() {
        return Condition::all();
    }
    let mut own = Condition::any().add(dialect::any_of(backend, orders::Column::RestaurantId, viewer.restaurants()));
    if let Some(customer) = viewer.customer() {
        own = own.add(orders::Column::CustomerId.eq(customer.0));
    }
    if let Some(driver) = viewer.driver() {
        own = own.add(orders::Column::DriverId.eq(driver.0));
    }
    own
}

/// Accepted, not yet picked up, and without a driver.
pub fn claimable() -> Condition {
    Condition::all().add(orders::Column::Status.is_in(lifecycle::ASSIGNABLE)).add(orders::Column::DriverId.is_null())
}

/// Which orders a list holds, decoded from the client's filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrderConditions {
    pub status: Option<Vec<OrderStatus>>,
    pub placed_since: Option<DateTime<Utc>>,
    pub placed_until: Option<DateTime<Utc>>,
}

impl OrderConditions {
    fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement {
        let mut select = orders::Model::select();
        select.cond_where(own(viewer, backend));
        if let Some(statuses) = &self.status {
            select.and_where(
                orders::Column::Status.is_in(
                    statuses
                        .iter()
                        .map(|status| (*status).into())
                        .collect::<Vec<entity::sea_orm_active_enums::OrderStatus>>(),
                ),
            );
        }
        if let Some(since) = self.placed_since {
            select.and_where(orders::Column::OrderTime.gte(since));
        }
        if let Some(until) = self.placed_until {
            select.and_where(orders::Column::OrderTime.lte(until));
        }
        select
    }
}

/// The orders that are the viewer's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Orders(pub OrderConditions);

/// Orders that wait for a driver, for drivers and admins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimableOrders;

impl List for Orders {
    type Row = orders::Model;
    type Sort = OrderOrder;

    fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement {
        self.0.select(viewer, backend)
    }
}

impl List for ClaimableOrders {
    type Row = orders::Model;
    type Sort = OrderOrder;

    fn select(&self, viewer: &Viewer, _: DbBackend) -> SelectStatement {
        let mut select = orders::Model::select();
        let may_see = viewer.is_admin() || viewer.driver().is_some();
        select.cond_where(if may_see {
            claimable()
        } else {
            Condition::all().add(sea_orm::sea_query::Expr::val(false))
        });
        select
    }
}

macro_rules! orders_of_parents {
    ($($(#[$doc:meta])* $name:ident of $parent:ident by $column:ident = |$row:ident| $number:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub OrderConditions);

        impl List for $name {
            type Row = orders::Model;
            type Sort = OrderOrder;

            fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement {
                self.0.select(viewer, backend)
            }
        }

        impl Children for $name {
            type Parent = $parent;
            type ParentColumn = orders::Column;
            const PARENT_COLUMN: orders::Column = orders::Column::$column;

            fn parent($row: &orders::Model) -> $parent {
                $parent($number)
            }
        }
    )*};
}

orders_of_parents! {
    /// A restaurant's orders, as far as they are the viewer's own.
    OrdersOfRestaurant of RestaurantId by RestaurantId = |order| order.restaurant_id;
    /// A customer's orders, as far as they are the viewer's own.
    OrdersOfCustomer of CustomerId by CustomerId = |order| order.customer_id;
    /// A driver's orders, as far as they are the viewer's own. An order without a driver is in no such list.
    OrdersOfDriver of DriverId by DriverId = |order| order.driver_id.unwrap_or_default();
}

impl Sort<orders::Model> for OrderOrder {
    fn name(self) -> &'static str {
        match self {
            OrderOrder::NewestFirst => "orders, newest first",
            OrderOrder::OldestFirst => "orders, oldest first",
        }
    }

    fn descending(self) -> bool {
        match self {
            OrderOrder::NewestFirst => true,
            OrderOrder::OldestFirst => false,
        }
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(orders::Column::OrderTime, KeyKind::Time), SortKey::new(orders::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &orders::Model) -> Position {
        Position(vec![KeyValue::Time(row.order_time.to_utc()), KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: what an order consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItemsOfOrder(pub OrderId);

impl Loader<ItemsOfOrder> for Reader {
    type Value = Vec<order_items::Model>;
    type Error = Error;

    async fn load(&self, keys: &[ItemsOfOrder]) -> Result<HashMap<ItemsOfOrder, Vec<order_items::Model>>> {
        let db = &self.app.db;
        let of_these =
            dialect::any_of(db.get_database_backend(), order_items::Column::OrderId, keys.iter().map(|key| key.0.0));
        let items =
            order_items::Entity::find().filter(of_these).order_by_asc(order_items::Column::DishId).all(db).await?;
        Ok(grouped(keys, items.into_iter().map(|item| (ItemsOfOrder(OrderId(item.order_id)), item))))
    }
}

/// Loader key: an order's history, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventsOfOrder(pub OrderId);

impl Loader<EventsOfOrder> for Reader {
    type Value = Vec<order_events::Model>;
    type Error = Error;

    async fn load(&self, keys: &[EventsOfOrder]) -> Result<HashMap<EventsOfOrder, Vec<order_events::Model>>> {
        let db = &self.app.db;
        let of_these =
            dialect::any_of(db.get_database_backend(), order_events::Column::OrderId, keys.iter().map(|key| key.0.0));
        let events =
            order_events::Entity::find().filter(of_these).order_by_asc(order_events::Column::Sequence).all(db).await?;
        Ok(grouped(keys, events.into_iter().map(|event| (EventsOfOrder(OrderId(event.order_id)), event))))
    }
}

/// Whom an order under way concerns.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct OrderParties {
    pub customer_id: i32,
    pub restaurant_id: i32,
    pub driver_id: Option<i32>,
}

impl OrderParties {
    /// Whether the viewer is the order's customer, its restaurant's staff, or its driver.
    pub fn is_for(&self, viewer: &Viewer) -> bool {
        viewer.is_customer(CustomerId(self.customer_id))
            || viewer.is_staff_of(RestaurantId(self.restaurant_id))
            || self.driver_id.is_some_and(|driver| viewer.is_driver(DriverId(driver)))
    }
}

/// Loader key: whom the order that a driver carries concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnderWayOfDriver(pub DriverId);

/// Loader key: whom the orders of a customer that are under way concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnderWayOfCustomer(pub CustomerId);

impl Reader {
    async fn parties_under_way(&self, of_these: sea_orm::sea_query::SimpleExpr) -> Result<Vec<OrderParties>> {
        let parties = orders::Entity::find()
            .select_only()
            .columns([orders::Column::CustomerId, orders::Column::RestaurantId, orders::Column::DriverId])
            .filter(of_these)
            .filter(orders::Column::Status.is_in(lifecycle::UNDER_WAY));
        Ok(parties.into_model().all(&self.app.db).await?)
    }
}

impl Loader<UnderWayOfDriver> for Reader {
    type Value = Vec<OrderParties>;
    type Error = Error;

    async fn load(&self, keys: &[UnderWayOfDriver]) -> Result<HashMap<UnderWayOfDriver, Vec<OrderParties>>> {
        let backend = self.app.db.get_database_backend();
        let of_these = dialect::any_of(backend, orders::Column::DriverId, keys.iter().map(|key| key.0.0));
        let parties = self.parties_under_way(of_these).await?;
        Ok(grouped(keys, parties.into_iter().filter_map(|row| Some((UnderWayOfDriver(DriverId(row.driver_id?)), row)))))
    }
}

impl Loader<UnderWayOfCustomer> for Reader {
    type Value = Vec<OrderParties>;
    type Error = Error;

    async fn load(&self, keys: &[UnderWayOfCustomer]) -> Result<HashMap<UnderWayOfCustomer, Vec<OrderParties>>> {
        let backend = self.app.db.get_database_backend();
        let of_these = dialect::any_of(backend, orders::Column::CustomerId, keys.iter().map(|key| key.0.0));
        let parties = self.parties_under_way(of_these).await?;
        Ok(grouped(keys, parties.into_iter().map(|row| (UnderWayOfCustomer(CustomerId(row.customer_id)), row))))
    }
}
