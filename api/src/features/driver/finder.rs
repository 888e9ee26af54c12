//! The SQL behind drivers, their distances and their routes.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use entity::{
    columns::{Cells, Columns, Partial, joined},
    driver_locations, drivers, orders, restaurants,
    sea_orm_active_enums::DriverStatus as StoredDriverStatus,
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr,
    sea_query::{Alias, Expr, ExprTrait, Func, Order, Query, SelectStatement, SimpleExpr},
};

use crate::{
    database::{
        columns::{read_selected, select_columns},
        dialect, literal,
    },
    domain::{
        error::Result,
        ids::{DriverId, OrderId, RestaurantId, UserId},
        viewer::Viewer,
    },
    events,
    features::driver::types::DriverStatus,
    graphql::{
        list::{Children, List},
        loaders::{Reader, grouped},
        plan::Batch,
        row::Row,
        sort::{IdOrder, KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

impl Row for drivers::Model {
    type Id = DriverId;
    type IdColumn = drivers::Column;
    const ID_COLUMN: drivers::Column = drivers::Column::Id;

    fn id(&self) -> DriverId {
        DriverId(self.id)
    }

    fn source() -> SelectStatement {
        Query::select().from(drivers::Entity).to_owned()
    }

    /// One's own record; drivers who carry or carried one of the viewer's orders; for merchants also AVAILABLE drivers; all for admins.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        let mut visible = Condition::any().add(carries_for(viewer, backend));
        if let Some(driver) = viewer.driver() {
            visible = visible.add(drivers::Column::Id.eq(driver.0));
        }
        if !viewer.restaurants().is_empty() {
            visible = visible.add(literal::eq(drivers::Column::Status, StoredDriverStatus::Available));
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

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        let mut select = drivers::Model::source();
        select.cond_where(drivers::Model::visible_to(viewer, backend));
        if let Some(status) = self.status {
            select.and_where(literal::eq(drivers::Column::Status, StoredDriverStatus::from(status)));
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

    fn position(self, row: &drivers::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Integer(row.id.into())])
    }
}

/// How many AVAILABLE drivers a restaurant is shown at once.
pub const MAXIMUM_AVAILABLE: u32 = 500;

/// Loader key: so many AVAILABLE drivers, those nearest to the restaurant, those whose place is not known last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AvailableNearby {
    pub restaurant: RestaurantId,
    pub first: u32,
}

struct Nearby {
    driver: drivers::Model,
    restaurant: i32,
}

/// The driver's columns first.
impl Partial for Nearby {
    const NAMES: &'static [&'static str] = drivers::Model::NAMES;

    fn expression(place: usize) -> SimpleExpr {
        drivers::Model::expression(place)
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(Nearby { driver: drivers::Model::read(cells)?, restaurant: cells.besides()? })
    }
}

/// More than any [`squared_distance`].
const FARTHEST: f64 = 1e6;

/// The square of the distance between driver and restaurant, in degrees of latitude; null where one of the two places is not known. An
/// equirectangular approximation, good enough to rank drivers nearby; the cosine is Bhaskara's formula, for SQLite has none.
fn squared_distance() -> String {
    let north = "(drivers.current_lat - restaurants.lat)";
    let meridians = "abs(drivers.current_lng - restaurants.lng)";
    let cosine = "(32400 - 4 * restaurants.lat * restaurants.lat) / (32400 + restaurants.lat * restaurants.lat)";
    let east = format!("(case when {meridians} > 180 then 360 - {meridians} else {meridians} end * {cosine})");
    format!("{north} * {north} + {east} * {east}")
}

impl Batch for AvailableNearby {
    type Value = Vec<drivers::Model>;

    /// One lateral statement for all restaurants that ask for as many: no more drivers leave the database than are shown.
    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Vec<drivers::Model>>> {
        let db = &reader.app.db;
        let backend = db.get_database_backend();
        // The sort key needs the place, whatever columns are asked for.
        let place_known = Columns::named(drivers::Model::NAMES, &["current_lat", "current_lng"]);
        let columns = columns.and(place_known);
        let restaurant = restaurants::Column::Id;
        let mut loaded = HashMap::with_capacity(keys.len());
        for (first, these) in grouped(&[], keys.iter().map(|key| (key.first, *key))) {
            let asking: Vec<i32> = these.iter().map(|key| key.restaurant.0).collect();
            let mut select = drivers::Model::source();
            select_columns::<drivers::Model>(&mut select, columns);
            select
                .inner_join(restaurants::Entity, Expr::Constant(true.into()))
                .and_where(literal::eq(drivers::Column::Status, StoredDriverStatus::Available))
                .expr_as(Expr::col(restaurant.as_column_ref()), Alias::new("nearby_id"));
            let distance = Func::coalesce([Expr::cust(squared_distance()), Expr::val(FARTHEST)]);
            let nearest = [distance.into(), Expr::col(drivers::Column::Id.as_column_ref())];
            let keys = nearest.map(|key| (key, Order::Asc));
            let statement = dialect::first_of_each(backend, select, restaurant, &asking, keys, first.into());
            let rows: Vec<Nearby> = read_selected(db, statement, columns).await?;
            let key = |row: &Nearby| AvailableNearby { restaurant: RestaurantId(row.restaurant), first };
            loaded.extend(grouped(&these, rows.into_iter().map(|row| (key(&row), row.driver))));
        }
        Ok(loaded)
    }
}

/// Loader key: the driver's last place, as far as it is held outside of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RememberedPosition(pub DriverId);

impl Batch for RememberedPosition {
    type Value = events::Position;

    async fn load(reader: &Reader, keys: &[Self], _: Columns) -> Result<HashMap<Self, events::Position>> {
        let drivers: Vec<_> = keys.iter().map(|key| key.0).collect();
        let positions = reader.app.events.last_positions(&drivers).await;
        Ok(positions.into_iter().map(|(driver, position)| (RememberedPosition(driver), position)).collect())
    }
}

/// How many points of an order's route are given at most.
pub const ROUTE_LENGTH: usize = 200;

/// Loader key: where an order's drivers were while they carried it, oldest first, and of more than [`ROUTE_LENGTH`] points so many
/// that lie evenly among them, the first and the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteOfOrder(pub OrderId);

impl Batch for RouteOfOrder {
    type Value = Vec<driver_locations::Model>;

    async fn load(
        reader: &Reader,
        keys: &[Self],
        columns: Columns,
    ) -> Result<HashMap<Self, Vec<driver_locations::Model>>> {
        let backend = reader.app.db.get_database_backend();
        let of_these = dialect::any_of(backend, driver_locations::Column::OrderId, keys.iter().map(|key| key.0.0));
        let needed = Columns::named(driver_locations::Model::NAMES, &["order_id", "recorded_at"]);
        let columns = columns.and(needed);
        let mut numbered = Query::select().from(driver_locations::Entity).and_where(of_these).to_owned();
        select_columns::<driver_locations::Model>(&mut numbered, columns);
        numbered
            .expr_as(
                Expr::cust("row_number() over (partition by order_id order by recorded_at) - 1"),
                Alias::new("number"),
            )
            .expr_as(Expr::cust("count(*) over (partition by order_id) - 1"), Alias::new("last"));
        // Thins the route out evenly: a point is kept where the count of kept points, over its row number, goes up by one.
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
            .order_by(Alias::new("recorded_at"), Order::Asc);
        let rows: Vec<driver_locations::Model> = read_selected(&reader.app.db, backend.build(&points), columns).await?;
        Ok(grouped(keys, rows.into_iter().map(|row| (RouteOfOrder(OrderId(row.order_id)), row))))
    }
}

/// How many points of a driver's routes are given at once.
pub const ROUTE_PAGE: u32 = 1_000;

/// All points of a driver's routes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutesOfDriver;

/// A point of a route, and whose the order is now.
#[derive(Clone, Debug)]
pub struct RouteRow {
    pub point: driver_locations::Model,
    pub carrier: Option<i32>,
}

impl Deref for RouteRow {
    type Target = driver_locations::Model;

    fn deref(&self) -> &driver_locations::Model {
        &self.point
    }
}

/// How many columns a point has of its own.
const OWN: usize = driver_locations::Model::NAMES.len();

/// The point's columns first.
impl Partial for RouteRow {
    const NAMES: &'static [&'static str] = &joined::<{ OWN + 1 }>(driver_locations::Model::NAMES, &["carrier"]);

    fn expression(place: usize) -> SimpleExpr {
        if place < OWN {
            driver_locations::Model::expression(place)
        } else {
            Expr::col(orders::Column::DriverId.as_column_ref())
        }
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(RouteRow { point: driver_locations::Model::read(cells)?, carrier: cells.cell()? })
    }
}

impl List for RoutesOfDriver {
    type Row = RouteRow;
    type Sort = OrderRecorded;

    fn select(&self, _: &Viewer, _: DbBackend, _: Columns) -> SelectStatement {
        let order = |column: orders::Column| Expr::col(column.as_column_ref());
        let mut select = Query::select().from(driver_locations::Entity).to_owned();
        select.inner_join(
            orders::Entity,
            order(orders::Column::Id).equals(driver_locations::Column::OrderId.as_column_ref()),
        );
        select
    }
}

impl Children for RoutesOfDriver {
    type Parent = DriverId;
    type ParentColumn = driver_locations::Column;
    const PARENT_COLUMN: driver_locations::Column = driver_locations::Column::DriverId;

    fn parent(row: &RouteRow) -> DriverId {
        DriverId(row.point.driver_id)
    }
}

/// The order in which a driver was at places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderRecorded;

impl Sort<RouteRow> for OrderRecorded {
    fn name(self) -> &'static str {
        "routes"
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        vec![
            SortKey::new(driver_locations::Column::RecordedAt, KeyKind::Time),
            SortKey::new(driver_locations::Column::OrderId, KeyKind::Integer),
            SortKey::new(driver_locations::Column::Slot, KeyKind::Long),
        ]
    }

    fn position(self, row: &RouteRow) -> SortPosition {
        SortPosition(vec![
            KeyValue::Time(row.point.recorded_at.to_utc()),
            KeyValue::Integer(row.point.order_id.into()),
            KeyValue::Integer(row.point.slot),
        ])
    }
}

/// Loader key: the user as a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DriverOfUser(pub UserId);

impl Batch for DriverOfUser {
    type Value = Arc<drivers::Model>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Arc<drivers::Model>>> {
        let users = keys.iter().map(|key| key.0.0);
        let rows: Vec<drivers::Model> =
            reader.rows_by(drivers::Model::source(), drivers::Column::UserId, users, columns).await?;
        Ok(rows.into_iter().filter_map(|row| Some((DriverOfUser(UserId(row.user_id?)), Arc::new(row)))).collect())
    }
}
