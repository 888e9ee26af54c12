//! The SQL behind orders, their lists and their parts.

mod parts;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::columns::Columns;
use entity::orders;
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Query, SelectStatement},
};

pub use crate::features::order::finder::parts::{EventsOfOrder, ItemsOfOrder, VisibleEvent, VisibleItem};
use crate::{
    database::{dialect, literal},
    domain::{
        error::Result,
        ids::{CustomerId, DriverId, OrderId, RestaurantId},
        viewer::Viewer,
    },
    features::order::{
        lifecycle, service,
        types::{OrderOrder, OrderStatus},
    },
    graphql::{
        list::{Children, List},
        loaders::Reader,
        plan::Batch,
        row::Row,
        sort::{KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

impl Row for orders::Model {
    type Id = OrderId;
    type IdColumn = orders::Column;
    const ID_COLUMN: orders::Column = orders::Column::Id;

    fn id(&self) -> OrderId {
        OrderId(self.id)
    }

    fn source() -> SelectStatement {
        Query::select().from(orders::Entity).to_owned()
    }

    /// The viewer's own orders, and for drivers those that wait for one.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        let own = own(viewer, backend);
        match viewer.driver() {
            Some(_) if !viewer.is_admin() => own.add(claimable()),
            Some(_) | None => own,
        }
    }
}

/// The same rule as [`orders::Model::visible_to`], in Rust, for an order that has been read.
pub fn is_visible(viewer: &Viewer, order: &orders::Model) -> bool {
    let can_claim = viewer.driver().is_some() && lifecycle::is_claimable(order.status, order.driver_id.map(DriverId));
    viewer.is_admin() || service::is_concerned(viewer, order) || can_claim
}

/// The viewer's orders as customer and as driver, and those of restaurants whose staff the viewer is; all for admins.
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

/// [`lifecycle::is_claimable`], in SQL.
pub fn claimable() -> Condition {
    Condition::all()
        .add(literal::is_in(orders::Column::Status, lifecycle::ASSIGNABLE))
        .add(orders::Column::DriverId.is_null())
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
        let mut select = orders::Model::source();
        select.cond_where(own(viewer, backend));
        if let Some(statuses) = &self.status {
            let statuses = statuses.iter().map(|status| entity::sea_orm_active_enums::OrderStatus::from(*status));
            select.and_where(literal::is_in(orders::Column::Status, statuses));
        }
        if let Some(since) = self.placed_since {
            select.and_where(orders::Column::OrderTime.gte(since));
        }
        if let Some(until) = self.placed_until {
            select.and_where(orders::Column::OrderTime.lt(until));
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

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        self.0.select(viewer, backend)
    }
}

impl List for ClaimableOrders {
    type Row = orders::Model;
    type Sort = OrderOrder;

    fn select(&self, viewer: &Viewer, _: DbBackend, _: Columns) -> SelectStatement {
        let mut select = orders::Model::source();
        select.cond_where(if may_claim(viewer) { claimable() } else { Condition::all().add(literal::never()) });
        select
    }
}

/// Whether the viewer may look for orders to claim: drivers, and admins.
pub fn may_claim(viewer: &Viewer) -> bool {
    viewer.is_admin() || viewer.driver().is_some()
}

/// Loader key: the order, for viewers who may look for one, as long as it can be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimableOrder(pub OrderId);

impl Batch for ClaimableOrder {
    type Value = Arc<orders::Model>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Arc<orders::Model>>> {
        let select = ClaimableOrders.select(&reader.viewer, reader.app.db.get_database_backend(), columns);
        let ids = keys.iter().map(|key| key.0.0);
        let rows: Vec<orders::Model> = reader.rows_by(select, orders::Column::Id, ids, columns).await?;
        Ok(rows.into_iter().map(|row| (ClaimableOrder(row.id()), Arc::new(row))).collect())
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

            fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
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

    fn position(self, row: &orders::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Time(row.order_time.to_utc()), KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: present where the order that the driver carries is the viewer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CarriesForViewer(pub DriverId);

/// Loader key: present where an order of the customer's that is under way is the viewer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServedByViewer(pub CustomerId);

impl Reader {
    /// Which of these parents have an order under way that is the viewer's own, each once, however many orders there are.
    async fn with_own_under_way(&self, parent: orders::Column, these: impl Iterator<Item = i32>) -> Result<Vec<i32>> {
        let db = &self.app.db;
        let parents = orders::Entity::find()
            .select_only()
            .column(parent)
            .distinct()
            .filter(dialect::any_of(db.get_database_backend(), parent, these))
            .filter(literal::is_in(orders::Column::Status, lifecycle::UNDER_WAY))
            .filter(own(&self.viewer, db.get_database_backend()));
        Ok(parents.into_tuple().all(db).await?)
    }
}

impl Batch for CarriesForViewer {
    type Value = ();
    const IS_SHARED: bool = true;

    async fn load(reader: &Reader, keys: &[Self], _: Columns) -> Result<HashMap<Self, ()>> {
        let drivers = reader.with_own_under_way(orders::Column::DriverId, keys.iter().map(|key| key.0.0)).await?;
        Ok(drivers.into_iter().map(|driver| (CarriesForViewer(DriverId(driver)), ())).collect())
    }
}

impl Batch for ServedByViewer {
    type Value = ();
    const IS_SHARED: bool = true;

    async fn load(reader: &Reader, keys: &[Self], _: Columns) -> Result<HashMap<Self, ()>> {
        let customers = reader.with_own_under_way(orders::Column::CustomerId, keys.iter().map(|key| key.0.0)).await?;
        Ok(customers.into_iter().map(|customer| (ServedByViewer(CustomerId(customer)), ())).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use entity::sea_orm_active_enums::{OrderStatus, UserRole};
    use sea_orm::{ActiveModelTrait, ConnectionTrait, Database, Iterable, Schema};

    use super::*;
    use crate::{
        database::columns::read,
        domain::{
            ids::UserId,
            viewer::{Rights, SignedIn},
        },
    };

    fn order(id: i32, status: OrderStatus, driver_id: Option<i32>) -> orders::Model {
        orders::Model {
            id,
            customer_id: 1,
            restaurant_id: 1,
            driver_id,
            order_time: DateTime::UNIX_EPOCH.into(),
            total_amount: 0.into(),
            delivery_fee: 0.into(),
            status,
            delivery_address: serde_json::json!({}),
            customer_name: None,
            restaurant_name: None,
            subtotal: 0.into(),
            tax: 0.into(),
            currency: "USD".to_owned(),
            idempotency_key: None,
            request_hash: None,
        }
    }

    fn viewers() -> Vec<Viewer> {
        let mut viewers = vec![Viewer::Anonymous, Viewer::System];
        let ids = [None, Some(1), Some(2)];
        for role in UserRole::iter() {
            for customer in ids {
                for driver in ids {
                    for restaurant in ids {
                        let rights = Rights {
                            role,
                            customer: customer.map(CustomerId),
                            driver: driver.map(DriverId),
                            restaurants: restaurant.map(RestaurantId).into_iter().collect(),
                        };
                        viewers.push(Viewer::User(SignedIn::new(UserId(1), None, None, rights).into()));
                    }
                }
            }
        }
        viewers
    }

    /// The rule is written twice, in SQL and in Rust: both must agree.
    #[tokio::test]
    async fn what_is_visible_in_sql_is_visible_when_it_was_read() {
        let db = Database::connect("sqlite::memory:").await.expect("a database in memory");
        let backend = db.get_database_backend();
        db.execute_unprepared("pragma foreign_keys = off").await.expect("rows may stand alone");
        db.execute(&Schema::new(backend).create_table_from_entity(orders::Entity)).await.expect("a table");
        let cases = OrderStatus::iter().flat_map(|status| [None, Some(1), Some(2)].map(|driver| (status, driver)));
        let orders: Vec<_> = (1..).zip(cases).map(|(id, (status, driver))| order(id, status, driver)).collect();
        for order in &orders {
            orders::ActiveModel::from(order.clone()).reset_all().insert(&db).await.expect("an order");
        }
        let mut visible = 0;
        for viewer in viewers() {
            let mut select = orders::Model::source();
            select.cond_where(orders::Model::visible_to(&viewer, backend));
            let found: Vec<orders::Model> = read(&db, select, Columns::ALL).await.expect("a list");
            let found: HashSet<i32> = found.into_iter().map(|order| order.id).collect();
            let read = orders.iter().filter(|order| is_visible(&viewer, order)).map(|order| order.id).collect();
            assert_eq!(found, read, "{viewer:?}");
            visible += found.len();
        }
        assert!(visible > 0, "some viewers see something");
    }
}
