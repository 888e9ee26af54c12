//! The statements behind drivers.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{drivers, orders, sea_orm_active_enums::DriverStatus as StoredDriverStatus};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryOrder, QueryTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use super::types::DriverStatus;
use crate::{
    dialect,
    graphql::{
        error::{Error, Result},
        ids::{DriverId, UserId},
        list::List,
        loaders::Reader,
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
