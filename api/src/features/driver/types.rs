//! What clients see of drivers.

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::Utc;
use entity::drivers;
use rust_decimal::prelude::ToPrimitive;

use super::service;
use crate::{
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
        ids::{DriverId, GlobalId},
        limits, list,
        page::PageArguments,
        row::Row,
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
pub struct Driver(pub drivers::Model);

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
            Ok(()) => DriverLocation::last_known(self.0.clone()).map(Ok),
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

/// Where somebody was at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    pub lat: f64,
    pub lng: f64,
    /// Degrees from north.
    pub heading: Option<f64>,
    /// Metres a second.
    pub speed: Option<f64>,
    pub recorded_at: chrono::DateTime<Utc>,
}

pub struct DriverLocation {
    pub driver: drivers::Model,
    pub position: Position,
}

/// Where a driver was at a time.
#[Object]
impl DriverLocation {
    async fn driver(&self) -> Driver {
        Driver(self.driver.clone())
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
    /// The driver's last place, if any was ever recorded.
    pub fn last_known(driver: drivers::Model) -> Option<Self> {
        let position = Position {
            lat: driver.current_lat?.to_f64()?,
            lng: driver.current_lng?.to_f64()?,
            heading: driver.location_heading,
            speed: driver.location_speed,
            recorded_at: driver.location_recorded_at?.to_utc(),
        };
        Some(DriverLocation { driver, position })
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
    /// When the driver was there; now when left out. Not in the future, and not more than a day ago.
    pub recorded_at: Option<DateTime>,
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
