//! What clients see of drivers.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{driver_locations, drivers};
use rust_decimal::prelude::ToPrimitive;

use super::{
    loader::{RememberedPosition, RouteRow},
    location, service,
};
use crate::{
    events::Position,
    features::order::{
        Order,
        loader::{CarriesForViewer, OrdersOfDriver},
        types::{OrderFilter, OrderOrder},
    },
    graphql::{
        connection::Connection,
        context::OperationContext,
        date_time::DateTime,
        error::{Error, Result},
        ids::{DriverId, GlobalId, OrderId},
        limits, list,
        page::PageArguments,
        row::{ById, Row},
    },
};

/// Whether a driver can take an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "entity::sea_orm_active_enums::DriverStatus")]
pub enum DriverStatus {
    /// Not at work.
    Offline,
    /// Waits for an order.
    Available,
    /// Carries an order. Set by the server, with the assignment.
    Busy,
}

#[derive(Clone, Debug)]
pub struct Driver(pub Arc<drivers::Model>);

/// Who carries orders to customers, one at a time.
#[Object]
impl Driver {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Null with FORBIDDEN for anybody but the driver itself, admins, and the customer and restaurant of its order under way.
    async fn phone(&self, ctx: &Context<'_>) -> Option<Result<&str>> {
        match self.concerns(ctx, "phone").await {
            Ok(()) => Some(Ok(&self.0.phone)),
            Err(error) => Some(Err(error)),
        }
    }

    /// What it drives, such as `Bicycle`.
    async fn vehicle_type(&self) -> &str {
        &self.0.vehicle_type
    }

    /// Null with FORBIDDEN for anybody but the driver itself and admins.
    async fn license_number(&self, ctx: &Context<'_>) -> Option<Result<&str>> {
        if !service::is_own(ctx.viewer(), self.0.id()) {
            return Some(Err(Error::forbidden("Only the driver itself and admins see its license.")));
        }
        Some(Ok(&self.0.license_number))
    }

    async fn status(&self) -> DriverStatus {
        self.0.status.into()
    }

    /// Where it was last; null when not known. Null with FORBIDDEN for anybody but the driver itself, admins, and the customer
    /// and restaurant of the order it carries, from assignment until that order is final.
    async fn location(&self, ctx: &Context<'_>) -> Option<Result<DriverLocation>> {
        match self.concerns(ctx, "location").await {
            Ok(()) => self.last_location(ctx).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Its orders that the viewer may see, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<OrderFilter>,
    ) -> Result<Connection<Order>> {
        let page = PageArguments::new(first, after, last, before).in_order(OrderOrder::NewestFirst)?;
        list::page_of_parent(ctx, self.0.id(), OrdersOfDriver(filter.unwrap_or_default().decode()?), page, Order).await
    }
}

impl Driver {
    async fn last_location(&self, ctx: &Context<'_>) -> Result<Option<DriverLocation>> {
        let remembered = ctx.loaders().load(RememberedPosition(self.0.id())).await?;
        let position = location::last_position(&self.0, remembered);
        Ok(position.map(|position| DriverLocation { driver: self.0.id(), row: Some(self.0.clone()), position }))
    }

    /// FORBIDDEN unless the viewer is concerned by what the driver does now.
    async fn concerns(&self, ctx: &Context<'_>, what: &str) -> Result<()> {
        let id: DriverId = self.0.id();
        if service::is_own(ctx.viewer(), id) {
            return Ok(());
        }
        if ctx.loaders().load(CarriesForViewer(id)).await?.is_some() {
            return Ok(());
        }
        Err(Error::forbidden(format!(
            "Only those whose order it carries now, the driver itself and admins see its {what}."
        )))
    }
}

pub struct DriverLocation {
    pub driver: DriverId,
    /// The driver's row, where it was read already.
    pub row: Option<Arc<drivers::Model>>,
    pub position: Position,
}

/// Where a driver was at a time.
#[Object]
impl DriverLocation {
    async fn driver(&self, ctx: &Context<'_>) -> Result<Driver> {
        match &self.row {
            Some(row) => Ok(Driver(row.clone())),
            None => ctx.loaders().load_existing(ById::<drivers::Model>(self.driver)).await.map(Driver),
        }
    }

    /// Degrees north.
    async fn lat(&self) -> f64 {
        self.position.lat
    }

    /// Degrees east.
    async fn lng(&self) -> f64 {
        self.position.lng
    }

    /// Where it was heading, in degrees from north, clockwise; null when not known.
    async fn heading(&self) -> Option<f64> {
        self.position.heading
    }

    /// How fast, in metres a second; null when not known.
    async fn speed(&self) -> Option<f64> {
        self.position.speed
    }

    /// When it was there.
    async fn recorded_at(&self) -> DateTime {
        self.position.recorded_at.into()
    }
}

impl DriverLocation {
    /// A point of a route; `None` where it is no number, which the database rules out.
    pub fn of_route(point: driver_locations::Model) -> Option<Self> {
        let position = Position {
            lat: point.lat.to_f64()?,
            lng: point.lng.to_f64()?,
            heading: point.heading,
            speed: point.speed,
            recorded_at: point.recorded_at.to_utc(),
        };
        Some(DriverLocation::of_driver(DriverId(point.driver_id), position))
    }

    /// A place of a driver whose row is read only where it is asked for.
    pub fn of_driver(driver: DriverId, position: Position) -> Self {
        DriverLocation { driver, row: None, position }
    }
}

pub struct RoutePoint(pub Arc<RouteRow>);

/// Where a driver was while it carried an order.
#[Object]
impl RoutePoint {
    /// The order; null where the driver was released from it, for it may be anybody's now.
    async fn order_id(&self) -> Option<ID> {
        let RouteRow { point, carrier } = &*self.0;
        (*carrier == Some(point.driver_id)).then(|| OrderId(point.order_id).to_global())
    }

    /// Degrees north.
    async fn lat(&self) -> f64 {
        self.0.point.lat.to_f64().unwrap_or_default()
    }

    /// Degrees east.
    async fn lng(&self) -> f64 {
        self.0.point.lng.to_f64().unwrap_or_default()
    }

    /// Where it was heading, in degrees from north, clockwise; null when not known.
    async fn heading(&self) -> Option<f64> {
        self.0.point.heading
    }

    /// How fast, in metres a second; null when not known.
    async fn speed(&self) -> Option<f64> {
        self.0.point.speed
    }

    /// When it was there.
    async fn recorded_at(&self) -> DateTime {
        self.0.point.recorded_at.into()
    }
}

#[derive(Clone, Debug, InputObject)]
pub struct CreateDriverInput {
    /// What the driver signs in with; no user may have it yet.
    pub email: String,
    /// At most 100 characters.
    pub name: String,
    /// At most 20 characters; no other driver may have it.
    pub phone: String,
    /// At most 50 characters; no other driver may have it.
    pub license_number: String,
    /// At most 50 characters.
    pub vehicle_type: String,
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateDriverInput {
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// At most 20 characters; no other driver may have it. Required, so null is refused.
    pub phone: MaybeUndefined<String>,
    /// At most 50 characters. Required, so null is refused.
    pub vehicle_type: MaybeUndefined<String>,
}

#[derive(Clone, Debug, InputObject)]
pub struct SetDriverStatusInput {
    pub driver_id: ID,
    /// OFFLINE or AVAILABLE; BUSY is set by the server.
    pub status: DriverStatus,
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateDriverLocationInput {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lng: f64,
    /// Degrees from north, clockwise, 0 to 360.
    pub heading: Option<f64>,
    /// Metres a second, 0 to 150.
    pub speed: Option<f64>,
    /// When the driver was there; now when left out. Not more than a day ago, and not in the future: what is ahead by up to a
    /// minute, as clocks are, counts as now.
    pub recorded_at: Option<DateTime>,
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateDriverLocationsInput {
    /// 1 to 1,000, in any order. Of several with one `recordedAt` the first counts.
    pub locations: Vec<RecordedLocationInput>,
}

#[derive(Clone, Debug, InputObject)]
pub struct RecordedLocationInput {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lng: f64,
    /// Degrees from north, clockwise, 0 to 360.
    pub heading: Option<f64>,
    /// Metres a second, 0 to 150.
    pub speed: Option<f64>,
    /// When the driver was there. Not more than a day ago, and not in the future: what is ahead by up to a minute, as clocks are,
    /// counts as now.
    pub recorded_at: DateTime,
}

#[derive(SimpleObject)]
pub struct CreateDriverPayload {
    pub driver: Driver,
}

#[derive(SimpleObject)]
pub struct UpdateDriverPayload {
    pub driver: Driver,
}

#[derive(SimpleObject)]
pub struct SetDriverStatusPayload {
    pub driver: Driver,
}

#[derive(SimpleObject)]
pub struct UpdateDriverLocationPayload {
    /// The driver's newest place: a later one that is already known stays.
    pub location: DriverLocation,
}

#[derive(SimpleObject)]
pub struct UpdateDriverLocationsPayload {
    /// The driver's newest place: a later one that is already known stays.
    pub location: DriverLocation,
}
