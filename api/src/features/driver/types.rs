//! The GraphQL types of drivers.

use std::{ops::Deref, sync::Arc};

use async_graphql::{Enum, ID, InputObject, MaybeUndefined, SimpleObject};
use entity::{driver_locations, drivers, sea_orm_active_enums::DriverStatus as Status};
use rust_decimal::{Decimal as Exact, prelude::ToPrimitive};
use sea_orm::prelude::DateTimeWithTimeZone;

use super::{location, service};
use crate::{
    domain::{
        error::Result,
        ids::{DriverId, GlobalId, OrderId},
        viewer::Viewer,
    },
    events::Position,
    features::{
        driver::finder::{RememberedPosition, RouteRow},
        order::{
            Order,
            finder::{CarriesForViewer, OrdersOfDriver},
            types::{OrderFilter, OrderOrder},
        },
    },
    graphql::{
        date_time::DateTime,
        list::{self, PageOfParent},
        page::PageArguments,
        plan::{Deferred, Load, One, object, output_of_enums},
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

output_of_enums!(DriverStatus);

#[derive(Clone, Debug)]
pub struct Driver(pub Arc<drivers::Model>);

/// Who carries orders to customers, one at a time.
#[object(row = drivers::Model)]
impl Driver {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        DriverId(*id).to_global()
    }

    /// What customers and restaurants see it called.
    fn name(name: &str) -> &str {
        name
    }

    /// Null for anybody but the driver itself, admins, and the customer and restaurant of its order under way.
    fn phone(
        viewer: &Viewer,
        id: &i32,
        phone: &str,
    ) -> Deferred<Option<String>, Load<CarriesForViewer, Option<Result<String>>>> {
        let (driver, phone) = (DriverId(*id), phone.to_owned());
        if service::is_own(viewer, driver) {
            return Deferred::Ready(Some(phone));
        }
        Deferred::Load(Load::new(CarriesForViewer(driver), move |carries| {
            carries.map(|carries| carries.map(|()| phone.clone())).transpose()
        }))
    }

    /// What it drives, such as `Bicycle`.
    fn vehicle_type(vehicle_type: &str) -> &str {
        vehicle_type
    }

    /// Null for anybody but the driver itself and admins.
    fn license_number(viewer: &Viewer, id: &i32, license_number: &str) -> Option<String> {
        service::is_own(viewer, DriverId(*id)).then(|| license_number.to_owned())
    }

    /// Whether it can take an order now.
    fn status(status: &Status) -> DriverStatus {
        (*status).into()
    }

    /// Where it was last; null when not known, and for anybody but the driver itself, admins, and the customer and restaurant of
    /// the order it carries, from assignment until that order is final.
    fn location(
        viewer: &Viewer,
        id: &i32,
        current_lat: &Option<Exact>,
        current_lng: &Option<Exact>,
        location_heading: &Option<f64>,
        location_speed: &Option<f64>,
        location_recorded_at: &Option<DateTimeWithTimeZone>,
    ) -> Deferred<LastLocation, Load<CarriesForViewer, Option<Result<LastLocation>>>> {
        let driver = DriverId(*id);
        let written = location::written_position(
            *current_lat,
            *current_lng,
            *location_heading,
            *location_speed,
            *location_recorded_at,
        );
        let last = Load::new(RememberedPosition(driver), move |remembered| {
            let position = remembered.map(|remembered| location::last_position(written, remembered));
            position.transpose().map(|position| position.map(|position| DriverLocation { driver, position }))
        });
        if service::is_own(viewer, driver) {
            return Deferred::Ready(last);
        }
        Deferred::Load(Load::new(CarriesForViewer(driver), move |carries| {
            carries.map(|carries| carries.map(|()| last.clone())).transpose()
        }))
    }

    /// Its orders that the viewer may see, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    fn orders(
        id: &i32,
        #[page] page: PageArguments,
        #[arg] filter: Option<OrderFilter>,
    ) -> Result<PageOfParent<OrdersOfDriver, Order>> {
        let page = page.in_order(OrderOrder::NewestFirst)?;
        Ok(list::page_of_parent(DriverId(*id), OrdersOfDriver(filter.unwrap_or_default().decode()?), page))
    }
}

/// Where a driver was last, as the database and what is remembered outside of it tell together.
type LastLocation = Load<RememberedPosition, Option<Result<DriverLocation>>>;

#[derive(Clone, Debug)]
pub struct DriverLocation {
    /// Whose place it is.
    pub driver: DriverId,
    pub position: Position,
}

impl Deref for DriverLocation {
    type Target = Position;

    fn deref(&self) -> &Position {
        &self.position
    }
}

/// Where a driver was at a time.
#[object]
impl DriverLocation {
    /// Whose place it is.
    fn driver(driver: &DriverId) -> One<Driver> {
        One(*driver)
    }

    /// Degrees north.
    fn lat(lat: &f64) -> f64 {
        *lat
    }

    /// Degrees east.
    fn lng(lng: &f64) -> f64 {
        *lng
    }

    /// Where it was heading, in degrees from north, clockwise; null when not known.
    fn heading(heading: &Option<f64>) -> Option<f64> {
        *heading
    }

    /// How fast, in metres a second; null when not known.
    fn speed(speed: &Option<f64>) -> Option<f64> {
        *speed
    }

    /// When it was there.
    fn recorded_at(recorded_at: &chrono::DateTime<chrono::Utc>) -> DateTime {
        (*recorded_at).into()
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
        Some(DriverLocation { driver: DriverId(point.driver_id), position })
    }
}

#[derive(Clone, Debug)]
pub struct RoutePoint(pub Arc<RouteRow>);

/// Where a driver was while it carried an order.
#[object(row = RouteRow)]
impl RoutePoint {
    /// The order; null where the driver was released from it, for it may be anybody's now.
    fn order_id(order_id: &i32, driver_id: &i32, carrier: &Option<i32>) -> Option<ID> {
        (*carrier == Some(*driver_id)).then(|| OrderId(*order_id).to_global())
    }

    /// Degrees north.
    fn lat(lat: &Exact) -> f64 {
        lat.to_f64().unwrap_or_default()
    }

    /// Degrees east.
    fn lng(lng: &Exact) -> f64 {
        lng.to_f64().unwrap_or_default()
    }

    /// Where it was heading, in degrees from north, clockwise; null when not known.
    fn heading(heading: &Option<f64>) -> Option<f64> {
        *heading
    }

    /// How fast, in metres a second; null when not known.
    fn speed(speed: &Option<f64>) -> Option<f64> {
        *speed
    }

    /// When it was there.
    fn recorded_at(recorded_at: &DateTimeWithTimeZone) -> DateTime {
        (*recorded_at).into()
    }
}

/// What `createDriver` is given.
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

/// What `updateDriver` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateDriverInput {
    /// Oneself; admins name anybody.
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// At most 20 characters; no other driver may have it. Required, so null is refused.
    pub phone: MaybeUndefined<String>,
    /// At most 50 characters. Required, so null is refused.
    pub vehicle_type: MaybeUndefined<String>,
}

/// What `setDriverStatus` is given.
#[derive(Clone, Debug, InputObject)]
pub struct SetDriverStatusInput {
    /// Oneself; admins name anybody.
    pub driver_id: ID,
    /// OFFLINE or AVAILABLE; BUSY is set by the server.
    pub status: DriverStatus,
}

/// What `updateDriverLocation` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateDriverLocationInput {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lng: f64,
    /// Degrees from north, clockwise, 0 to 360; null, or −1 as iOS has it, when not known.
    pub heading: Option<f64>,
    /// Metres a second, 0 to 150; null, or −1 as iOS has it, when not known.
    pub speed: Option<f64>,
    /// When the driver was there; now when left out. Not more than a day ago, and not in the future: what is ahead by up to a
    /// minute, as clocks are, counts as now.
    pub recorded_at: Option<DateTime>,
}

/// What `updateDriverLocations` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateDriverLocationsInput {
    /// 1 to 1,000, in any order. Of several with one `recordedAt` the first counts.
    pub locations: Vec<RecordedLocationInput>,
}

/// Where a driver was at a time.
#[derive(Clone, Debug, InputObject)]
pub struct RecordedLocationInput {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lng: f64,
    /// Degrees from north, clockwise, 0 to 360; null, or −1 as iOS has it, when not known.
    pub heading: Option<f64>,
    /// Metres a second, 0 to 150; null, or −1 as iOS has it, when not known.
    pub speed: Option<f64>,
    /// When the driver was there. Not more than a day ago, and not in the future: what is ahead by up to a minute, as clocks are,
    /// counts as now.
    pub recorded_at: DateTime,
}

/// What `createDriver` gives back.
#[derive(SimpleObject)]
pub struct CreateDriverPayload {
    /// With the record of a driver, and OFFLINE.
    pub driver: Driver,
}

/// What `updateDriver` gives back.
#[derive(SimpleObject)]
pub struct UpdateDriverPayload {
    /// As it is now.
    pub driver: Driver,
}

/// What `setDriverStatus` gives back.
#[derive(SimpleObject)]
pub struct SetDriverStatusPayload {
    /// As it is now.
    pub driver: Driver,
}

/// What `updateDriverLocation` gives back.
#[derive(SimpleObject)]
pub struct UpdateDriverLocationPayload {
    /// The driver's newest place: a later one that is already known stays.
    pub location: DriverLocation,
}

/// What `updateDriverLocations` gives back.
#[derive(SimpleObject)]
pub struct UpdateDriverLocationsPayload {
    /// The driver's newest place: a later one that is already known stays.
    pub location: DriverLocation,
}
