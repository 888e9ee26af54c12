//! The statements behind drivers.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{driver_locations, drivers, orders, sea_orm_active_enums::DriverStatus as StoredDriverStatus};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use super::types::DriverStatus;
use crate::{
    dialect, events,
    graphql::{
        error::{Error, Result},
        ids::{DriverId, OrderId, UserId},
        list::List,
        loaders::{Reader, grouped},
        row::Row,
        sort::{IdOrder, KeyKind, KeyValue, Position, Sort, SortKey},
    },
    viewer::Viewer,
};

impl Row for drivers::Model {
    type Id = DriverId;
    type IdColumn = drivers::Column;
    const ID_COLUMN: drivers::Column = drivers::Column::Id;

    fn id(&self) -> DriverId {
        DriverId(self.id)
    }

    fn select() -> SelectStatement {
        drivers::Entity::find().into_query()
    }

    /// Oneself; those who carry or carried an order that is the viewer's own; for merchants also those who are AVAILABLE; all
    /// for admins.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        let mut visible = Condition::any().add(carries_for(viewer, backend));
        if let Some(driver) = viewer.driver() {
            visible = visible.add(drivers::Column::Id.eq(driver.0));
        }
        if !viewer.restaurants().is_empty() {
            visible = visible.add(drivers::Column::Status.eq(StoredDriverStatus::Available));
        }
        visible
    }
}

/// The driver is that of an order of the viewer's, as customer or staff.
fn carries_for(viewer: &Viewer, backend: DbBackend) -> SimpleExpr {
    let mut parties =
        Condition::any().add(dialect::any_of(backend, orders::Column::RestaurantId, viewer.restaurants()));
    if let Some(customer) = viewer.customer() {
        parties = parties.add(orders::Column::CustomerId.eq(customer.0));
    }
    let carried = Query::select()
        .expr(Expr::val(1))
        .from(orders::Entity)
        .and_where(Expr::col(orders::Column::DriverId.as_column_ref()).equals(drivers::Column::Id.as_column_ref()))
        .cond_where(parties)
        .to_owned();
    Expr::exists(carried)
}

/// The drivers that the viewer may know of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Drivers {
    pub status: Option<DriverStatus>,
}

impl List for Drivers {
    type Row = drivers::Model;
    type Sort = IdOrder;

    fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement {
        let mut select = drivers::Model::select();
        select.cond_where(drivers::Model::visible_to(viewer, backend));
        if let Some(status) = self.status {
            select.and_where(drivers::Column::Status.eq(StoredDriverStatus::from(status)));
        }
        select
    }
}

impl Sort<drivers::Model> for IdOrder {
    fn name(self) -> &'static str {
        "drivers"
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(drivers::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &drivers::Model) -> Position {
        Position(vec![KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: the AVAILABLE drivers, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AvailableDrivers;

impl Loader<AvailableDrivers> for Reader {
    type Value = Vec<drivers::Model>;
    type Error = Error;

    /// The same drivers whichever restaurants ask; each sorts them by its own place.
    async fn load(&self, _: &[AvailableDrivers]) -> Result<HashMap<AvailableDrivers, Vec<drivers::Model>>> {
        let available = drivers::Column::Status.eq(StoredDriverStatus::Available);
        let drivers =
            drivers::Entity::find().filter(available).order_by_asc(drivers::Column::Id).all(&self.app.db).await?;
        Ok(HashMap::from([(AvailableDrivers, drivers)]))
    }
}

/// Loader key: the driver's last place, as far as it is remembered outside of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RememberedPosition(pub DriverId);

impl Loader<RememberedPosition> for Reader {
    type Value = events::Position;
    type Error = Error;

    async fn load(&self, keys: &[RememberedPosition]) -> Result<HashMap<RememberedPosition, events::Position>> {
        let drivers: Vec<_> = keys.iter().map(|key| key.0).collect();
        let positions = self.app.events.last_positions(&drivers).await;
        Ok(positions.into_iter().map(|(driver, position)| (RememberedPosition(driver), position)).collect())
    }
}

/// How many points of an order's route are given at most.
pub const ROUTE_LENGTH: usize = 200;

/// Loader key: where an order's drivers were while they carried it, oldest first, and of more than [`ROUTE_LENGTH`] points so many
/// that lie evenly among them, the first and the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteOfOrder(pub OrderId);

impl Loader<RouteOfOrder> for Reader {
    type Value = Vec<driver_locations::Model>;
    type Error = Error;

    async fn load(&self, keys: &[RouteOfOrder]) -> Result<HashMap<RouteOfOrder, Vec<driver_locations::Model>>> {
        let backend = self.app.db.get_database_backend();
        let of_these = dialect::any_of(backend, driver_locations::Column::OrderId, keys.iter().map(|key| key.0.0));
        let mut numbered = driver_locations::Entity::find().filter(of_these).into_query();
        numbered
            .expr_as(
                Expr::cust("row_number() over (partition by order_id order by recorded_at) - 1"),
                Alias::new("number"),
            )
            .expr_as(Expr::cust("count(*) over (partition by order_id) - 1"), Alias::new("last"));
        // A point is given where the counting of those that are given goes on by one.
        let steps = ROUTE_LENGTH - 1;
        let is_given = format!(
            "last <= {steps} or number = 0 \
             or number * {steps} / nullif(last, 0) > (number - 1) * {steps} / nullif(last, 0)"
        );
        let mut points = Query::select();
        points
            .expr(Expr::cust("*"))
            .from_subquery(numbered, Alias::new("points"))
            .and_where(Expr::cust(is_given))
            .order_by(Alias::new("recorded_at"), sea_orm::Order::Asc);
        let rows = driver_locations::Model::find_by_statement(backend.build(&points)).all(&self.app.db).await?;
        Ok(grouped(keys, rows.into_iter().map(|row| (RouteOfOrder(OrderId(row.order_id)), row))))
    }
}

/// Loader key: the user as a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DriverOfUser(pub UserId);

impl Loader<DriverOfUser> for Reader {
    type Value = drivers::Model;
    type Error = Error;

    async fn load(&self, keys: &[DriverOfUser]) -> Result<HashMap<DriverOfUser, drivers::Model>> {
        let db = &self.app.db;
        let of_these =
            dialect::any_of(db.get_database_backend(), drivers::Column::UserId, keys.iter().map(|key| key.0.0));
        let rows = drivers::Entity::find().filter(of_these).all(db).await?;
        Ok(rows.into_iter().filter_map(|row| Some((DriverOfUser(UserId(row.user_id?)), row))).collect())
    }
}
