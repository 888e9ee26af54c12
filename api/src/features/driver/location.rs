//! Drivers' places, on the hot path: a place is checked and published to followers without any statement. `record` writes it to the
//! database later, in batches; only places that were gathered offline are written at once.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use entity::drivers;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sea_orm::{EntityTrait, prelude::DateTimeWithTimeZone};

use super::{
    record,
    types::{DriverLocation, RecordedLocationInput, UpdateDriverLocationInput, UpdateDriverLocationsInput},
};
use crate::{
    app::App,
    database,
    domain::{
        clock,
        error::{Error, Result},
        ids::DriverId,
        viewer::Viewer,
    },
    events::{Position, Whereabouts},
    graphql::input,
};

/// How many places one request can tell.
const MAXIMUM_LOCATIONS: usize = 1000;
/// How far ahead a phone's clock may be.
const CLOCK_SKEW: Duration = Duration::minutes(1);
const MAXIMUM_AGE: Duration = Duration::days(1);

/// Publishes where the viewing driver is, without any statement. Gives the newest place: a place that is older than the known one is
/// dropped.
pub async fn driver_move(app: &App, viewer: &Viewer, wanted: UpdateDriverLocationInput) -> Result<DriverLocation> {
    let driver = moving_driver(viewer)?;
    let now = clock::now();
    let UpdateDriverLocationInput { lat, lng, heading, speed, recorded_at } = wanted;
    let recorded_at = recorded_at.map_or(now, |time| time.0);
    let position = decode_position("", RecordedLocation { lat, lng, heading, speed, recorded_at }, now)?;
    let newest = app.events.tell_position(driver, position).await;
    Ok(DriverLocation { driver, position: newest })
}

/// Writes where the viewing driver was while offline, all places or none, and publishes the newest.
pub async fn driver_move_many(
    app: &App,
    viewer: &Viewer,
    wanted: UpdateDriverLocationsInput,
) -> Result<DriverLocation> {
    let driver = moving_driver(viewer)?;
    input::length("locations", &wanted.locations, 1, MAXIMUM_LOCATIONS)?;
    let now = clock::now();
    let mut positions = BTreeMap::new();
    for (place, location) in wanted.locations.into_iter().enumerate() {
        let RecordedLocationInput { lat, lng, heading, speed, recorded_at } = location;
        let location = RecordedLocation { lat, lng, heading, speed, recorded_at: recorded_at.0 };
        let position = decode_position(&format!("locations.{place}."), location, now)?;
        positions.entry(position.recorded_at).or_insert(position);
    }
    let positions: Vec<_> = positions.into_values().collect();
    let transaction = database::begin(&app.db).await?;
    record::positions_write(app, &transaction, driver, &positions).await?;
    transaction.commit().await?;
    let newest = positions.last().copied().ok_or_else(|| Error::internal(anyhow::anyhow!("no place was told")))?;
    let newest = app.events.tell_position(driver, newest).await;
    Ok(DriverLocation { driver, position: newest })
}

/// A driver's last place as its row's columns have it.
pub fn written_position(
    lat: Option<Decimal>,
    lng: Option<Decimal>,
    heading: Option<f64>,
    speed: Option<f64>,
    recorded_at: Option<DateTimeWithTimeZone>,
) -> Option<Position> {
    Some(Position { lat: lat?.to_f64()?, lng: lng?.to_f64()?, heading, speed, recorded_at: recorded_at?.to_utc() })
}

/// The driver's last place as its row has it.
pub fn position_of_row(driver: &drivers::Model) -> Option<Position> {
    written_position(
        driver.current_lat,
        driver.current_lng,
        driver.location_heading,
        driver.location_speed,
        driver.location_recorded_at,
    )
}

/// The driver's last place: the newer of the published and the written one.
pub fn last_position(written: Option<Position>, remembered: Option<Position>) -> Option<Position> {
    match remembered {
        Some(remembered) => Some(remembered.or_newer(written)),
        None => written,
    }
}

/// Follows the driver, beginning with its last place.
pub async fn driver_follow(app: &App, driver: DriverId) -> Result<Whereabouts> {
    let whereabouts = app.events.follow(driver).await;
    if whereabouts.newest().is_none() {
        let row = drivers::Entity::find_by_id(driver.0).one(&app.db).await?;
        if let Some(position) = row.as_ref().and_then(position_of_row) {
            whereabouts.begin_at(position);
        }
    }
    Ok(whereabouts)
}

fn moving_driver(viewer: &Viewer) -> Result<DriverId> {
    viewer.signed_in()?;
    viewer.driver().ok_or_else(|| Error::forbidden("Only drivers tell where they are."))
}

/// A place as a driver tells it, with its time.
struct RecordedLocation {
    lat: f64,
    lng: f64,
    heading: Option<f64>,
    speed: Option<f64>,
    recorded_at: DateTime<Utc>,
}

fn decode_position(path: &str, told: RecordedLocation, now: DateTime<Utc>) -> Result<Position> {
    let field = |name: &str| format!("{path}{name}");
    let recorded_at = told.recorded_at.trunc_subsecs(6);
    if recorded_at > now + CLOCK_SKEW {
        return Err(Error::bad_input(field("recordedAt"), "This is in the future."));
    }
    if recorded_at < now - MAXIMUM_AGE {
        return Err(Error::bad_input(field("recordedAt"), "This is more than a day ago."));
    }
    // Rounded as the database stores it, so that subscribers and later readers see the same number.
    let degrees = |degrees: f64| (degrees * 1e8).round() / 1e8;
    Ok(Position {
        lat: degrees(input::latitude(&field("lat"), told.lat)?),
        lng: degrees(input::longitude(&field("lng"), told.lng)?),
        heading: known_within(field("heading"), told.heading, 360.0)?,
        speed: known_within(field("speed"), told.speed, 150.0)?,
        // A time within the clock skew counts as now.
        recorded_at: recorded_at.min(now),
    })
}

/// iOS's value for "not known".
const NOT_KNOWN: f64 = -1.0;

fn known_within(field: String, value: Option<f64>, maximum: f64) -> Result<Option<f64>> {
    let known = value.filter(|value| *value != NOT_KNOWN);
    if known.is_some_and(|value| !(0.0..=maximum).contains(&value)) {
        return Err(Error::bad_input(field, format!("This must be from 0 to {maximum}, or −1 when not known.")));
    }
    Ok(known)
}
