//! The business rules of drivers.

use entity::{
    driver_locations, drivers,
    sea_orm_active_enums::{DriverStatus as StoredDriverStatus, UserRole},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr,
};

pub use super::location::position_of_row;
use super::types::{CreateDriverInput, DriverStatus, SetDriverStatusInput, UpdateDriverInput};
use crate::{
    app::App,
    database::{self, Transaction, literal},
    domain::{
        error::{Error, Result},
        ids::{DriverId, GlobalId, UserId},
        viewer::Viewer,
    },
    features::{
        account::service::{user_hold_in_tx, user_invite_in_tx},
        audit::service::{Action, Entry, record_in_tx},
        order::service::driver_works_in_tx,
    },
    graphql::{input, row::Row},
};

/// Whether the viewer may see and change everything of the driver.
pub fn is_own(viewer: &Viewer, driver: DriverId) -> bool {
    viewer.is_admin() || viewer.is_driver(driver)
}

/// Makes a driver and its user, or neither.
pub async fn driver_create(app: &App, viewer: &Viewer, wanted: CreateDriverInput) -> Result<drivers::Model> {
    viewer.signed_in()?;
    if !viewer.is_admin() {
        return Err(Error::forbidden("Only admins make drivers."));
    }
    let email = input::email("email", &wanted.email)?;
    let name = input::text("name", &wanted.name, 100)?;
    let phone = input::text("phone", &wanted.phone, 20)?;
    let license_number = input::text("licenseNumber", &wanted.license_number, 50)?;
    let vehicle_type = input::text("vehicleType", &wanted.vehicle_type, 50)?;

    app.mail.check()?;

    let transaction = database::begin(&app.db).await?;
    let user = user_invite_in_tx(app, &transaction, &email, Some(name.clone()), UserRole::Driver).await?;
    let driver = drivers::ActiveModel {
        name: Set(name),
        phone: Set(phone),
        license_number: Set(license_number),
        vehicle_type: Set(vehicle_type),
        status: Set(StoredDriverStatus::Offline),
        user_id: Set(Some(user.id)),
        ..Default::default()
    };
    let driver = driver.insert(&transaction).await.map_err(taken)?;
    record_in_tx(&transaction, Entry::of(viewer, Action::DriverCreated).on(driver.id())).await?;
    transaction.commit().await?;
    Ok(driver)
}

/// Changes the fields of the profile that the input names.
pub async fn driver_update(app: &App, viewer: &Viewer, wanted: UpdateDriverInput) -> Result<drivers::Model> {
    let id = DriverId::parse(&wanted.id, "id")?;
    let user = viewer.signed_in()?.id;
    let mut row = driver_own(app, viewer, id, "id").await?.into_active_model();
    if let Some(name) = input::required("name", wanted.name)? {
        row.name = Set(input::text("name", &name, 100)?);
    }
    if let Some(phone) = input::required("phone", wanted.phone)? {
        row.phone = Set(input::text("phone", &phone, 20)?);
    }
    if let Some(vehicle_type) = input::required("vehicleType", wanted.vehicle_type)? {
        row.vehicle_type = Set(input::text("vehicleType", &vehicle_type, 50)?);
    }
    let transaction = database::begin(&app.db).await?;
    user_hold_in_tx(&transaction, user).await?;
    let driver = row.update(&transaction).await.map_err(taken)?;
    administration_record_in_tx(&transaction, viewer, id, Action::DriverUpdated).await?;
    transaction.commit().await?;
    Ok(driver)
}

/// Writes a change that an admin makes to another user's driver record into the audit record.
async fn administration_record_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    driver: DriverId,
    action: Action,
) -> Result<()> {
    if viewer.is_driver(driver) {
        return Ok(());
    }
    record_in_tx(transaction, Entry::of(viewer, action).on(driver)).await
}

/// Sets a driver AVAILABLE or OFFLINE, unless the driver carries an order. CONFLICT where no active user has this driver's record and role
/// any more.
pub async fn driver_set_status(app: &App, viewer: &Viewer, wanted: SetDriverStatusInput) -> Result<drivers::Model> {
    let id = DriverId::parse(&wanted.driver_id, "driverId")?;
    let status = match wanted.status {
        DriverStatus::Offline => StoredDriverStatus::Offline,
        DriverStatus::Available => StoredDriverStatus::Available,
        DriverStatus::Busy => return Err(Error::bad_input("status", "BUSY is set by the server, with an assignment.")),
    };
    driver_own(app, viewer, id, "driverId").await?;
    let transaction = database::begin(&app.db).await?;
    if status == StoredDriverStatus::Available && !driver_works_in_tx(&transaction, id.0).await? {
        return Err(Error::conflict("Nobody works as this driver any more."));
    }
    let changed = drivers::Entity::update_many()
        .col_expr(drivers::Column::Status, drivers::Column::Status.save_as(Expr::val(status)))
        .filter(drivers::Column::Id.eq(id.0))
        .filter(literal::ne(drivers::Column::Status, StoredDriverStatus::Busy))
        .exec_with_returning(&transaction)
        .await?;
    let driver = changed
        .into_iter()
        .next()
        .ok_or_else(|| Error::conflict("The driver carries an order: deliver or release it first."))?;
    administration_record_in_tx(&transaction, viewer, id, Action::DriverStatusSet).await?;
    transaction.commit().await?;
    Ok(driver)
}

/// Erases the personal data of the user's driver record, and its places; the row stays, for its orders. Gives the driver whose live place
/// is to be forgotten after the commit. The caller has ended the driver's work.
pub async fn driver_forget_in_tx(transaction: &Transaction, user: UserId) -> Result<Option<DriverId>> {
    let Some(driver) = drivers::Entity::find().filter(drivers::Column::UserId.eq(user.0)).one(transaction).await?
    else {
        return Ok(None);
    };
    let forgotten = format!("deleted-{}", driver.id);
    drivers::Entity::update_many()
        .col_expr(drivers::Column::Name, Expr::val("Deleted driver"))
        .col_expr(drivers::Column::Phone, Expr::val(&forgotten))
        .col_expr(drivers::Column::LicenseNumber, Expr::val(&forgotten))
        .col_expr(drivers::Column::CurrentLat, Expr::val(None::<Decimal>))
        .col_expr(drivers::Column::CurrentLng, Expr::val(None::<Decimal>))
        .col_expr(drivers::Column::LocationHeading, Expr::val(None::<f64>))
        .col_expr(drivers::Column::LocationSpeed, Expr::val(None::<f64>))
        .col_expr(drivers::Column::LocationRecordedAt, Expr::val(None::<chrono::DateTime<chrono::Utc>>))
        .filter(drivers::Column::Id.eq(driver.id))
        .exec(transaction)
        .await?;
    driver_locations::Entity::delete_many()
        .filter(driver_locations::Column::DriverId.eq(driver.id))
        .exec(transaction)
        .await?;
    Ok(Some(DriverId(driver.id)))
}

/// The driver, if the viewer may change it: NOT_FOUND where it is hidden, FORBIDDEN where it is only seen.
async fn driver_own(app: &App, viewer: &Viewer, id: DriverId, field: &str) -> Result<drivers::Model> {
    viewer.signed_in()?;
    let driver = drivers::Model::find_visible(&app.db, viewer, id).await.map_err(|error| error.with_field(field))?;
    if !is_own(viewer, id) {
        return Err(Error::forbidden("Only the driver itself and admins may do this."));
    }
    Ok(driver)
}

fn taken(failure: DbErr) -> Error {
    Error::or_taken(
        failure,
        &[
            ("phone", "phone", "Another driver has this phone number."),
            ("license_number", "licenseNumber", "Another driver has this license."),
        ],
    )
}

/// Sorts drivers by their distance from a place (latitude, longitude); those whose place is not known come last.
pub fn nearest_first(mut drivers: Vec<drivers::Model>, place: Option<(f64, f64)>) -> Vec<drivers::Model> {
    let distance = |driver: &drivers::Model| {
        let there =
            driver.current_lat.and_then(|lat| lat.to_f64()).zip(driver.current_lng.and_then(|lng| lng.to_f64()));
        place.zip(there).map_or(f64::INFINITY, |(here, there)| metres(here, there))
    };
    drivers.sort_by(|one, other| distance(one).total_cmp(&distance(other)).then(one.id.cmp(&other.id)));
    drivers
}

/// The great-circle distance by the haversine formula.
pub fn metres((lat, lng): (f64, f64), (other_lat, other_lng): (f64, f64)) -> f64 {
    const EARTH_RADIUS: f64 = 6_371_000.0;
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let chord = half(lat, other_lat) + lat.to_radians().cos() * other_lat.to_radians().cos() * half(lng, other_lng);
    2.0 * EARTH_RADIUS * chord.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_on_the_globe() {
        let (hanoi, saigon) = ((21.0285, 105.8542), (10.7769, 106.7009));
        assert!((metres(hanoi, saigon) - 1_143_000.0).abs() < 5_000.0, "{}", metres(hanoi, saigon));
        assert_eq!(metres(hanoi, hanoi), 0.0);
    }
}
