//! Write-behind of drivers' places: their last places, and the routes of the orders that they carried. In the background and in batches, so
//! that neither publishing nor following a place waits for the database.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entity::{driver_locations, drivers, users};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Expr, ExprTrait, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    app::App,
    database::dialect,
    domain::{clock, error::Result, ids::DriverId},
    events::{Position, Track},
    features::account::service::deleted,
    jobs::{Claimed, Failure, Job, Outcome},
    tasks::Setbacks,
};

/// Rows that one statement writes.
const BATCH: usize = 1_000;
/// Rows that one statement deletes: it holds no lock for long.
const DELETED_AT_ONCE: u64 = 1_000;

/// Deletes old points of routes, each minute.
#[derive(Serialize, Deserialize)]
pub struct DeleteOldRoutes {}

impl Job for DeleteOldRoutes {
    const KIND: &'static str = "old_routes";
    const AT_ONCE: usize = 1;
    const TIME: Duration = Duration::from_secs(60 * 60);
    const EVERY: Option<Duration> = Some(Duration::from_secs(60));
}

/// The columns of a place in a statement, with PostgreSQL's types.
const PLACE: [(&str, &str); 7] = [
    ("driver_id", "integer"),
    ("slot", "bigint"),
    ("lat", "numeric"),
    ("lng", "numeric"),
    ("heading", "double precision"),
    ("speed", "double precision"),
    ("recorded_at", "timestamptz"),
];

/// Leaves out places of drivers who do not work any more. It locks their accounts (share) until all is written: this write and a deletion
/// wait for one another.
fn of_drivers_who_work(backend: DbBackend) -> String {
    let hold = dialect::hold_in_turn(backend, "users");
    format!(
        "moved as (select told.* from told join drivers on drivers.id = told.driver_id \
         join users on users.id = drivers.user_id where users.is_active and users.role = 'DRIVER' {hold})"
    )
}

/// Drivers whose places could not be written lately, with their back-off.
pub fn setbacks() -> Setbacks<i32> {
    Setbacks::new("driver_places")
}

/// Publishes again what the broker did not take, and writes the places that are not yet written. A place whose write fails is kept for the
/// next round.
pub async fn record(app: &App, setbacks: &Setbacks<i32>) -> Result<()> {
    app.events.tell_again().await;
    let resting = HashSet::<_>::from_iter(setbacks.resting());
    let tracks = app.events.take_tracks().into_iter();
    let (kept, tracks): (Vec<_>, Vec<_>) = tracks.partition(|track| resting.contains(&track.driver.0));
    app.events.return_tracks(kept);
    let unwritten = Mutex::new(HashMap::<_, _>::from_iter(tracks.into_iter().map(|track| (track.driver.0, track))));
    let drivers: Vec<_> = locked(&unwritten).keys().copied().collect();
    let write = |drivers: Vec<i32>| {
        let tracks: Vec<_> = drivers.iter().filter_map(|driver| locked(&unwritten).get(driver).cloned()).collect();
        let unwritten = &unwritten;
        async move {
            tracks_write(app, &tracks).await?;
            let mut unwritten = locked(unwritten);
            tracks.iter().for_each(|track| drop(unwritten.remove(&track.driver.0)));
            Ok(())
        }
    };
    let outcome = setbacks.deal_with(&app.db, BATCH, &drivers, write).await;
    app.events.return_tracks(std::mem::take(&mut *locked(&unwritten)).into_values().collect());
    outcome
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Never poisoned: nothing panics while it holds the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tracks_write(app: &App, tracks: &[Track]) -> Result<()> {
    let newest: Vec<_> = tracks.iter().map(|track| (track.driver, 0, track.newest)).collect();
    let written = last_places_write(&app.db, &newest).await?;
    if written < newest.len() as u64 {
        nobodys_places_forget(app, tracks).await?;
    }
    let points = tracks.iter().flat_map(|track| track.points.iter().map(|(slot, point)| (track.driver, *slot, *point)));
    routes_write(app, &app.db, &points.collect::<Vec<_>>()).await
}

/// Writes places of one driver, oldest first, as they come from an app that was offline.
pub async fn positions_write(
    app: &App,
    db: &impl ConnectionTrait,
    driver: DriverId,
    positions: &[Position],
) -> Result<()> {
    let newest: Vec<_> = positions.last().map(|position| (driver, 0, *position)).into_iter().collect();
    last_places_write(db, &newest).await?;
    // Two places of one slot may belong to two orders: only the statement can tell which is left out.
    let slot = |position: &Position| position.slot(app.config.drivers.route_interval_seconds);
    let points: Vec<_> = positions.iter().map(|position| (driver, slot(position), *position)).collect();
    routes_write(app, db, &points).await
}

/// One driver's place in one slot of time, with the slot's number.
type PlaceInSlot = (DriverId, i64, Position);

/// Forgets, at the broker too, the places of drivers whose accounts were deleted after the places were told.
async fn nobodys_places_forget(app: &App, tracks: &[Track]) -> Result<()> {
    let told =
        dialect::any_of(app.db.get_database_backend(), drivers::Column::Id, tracks.iter().map(|track| track.driver.0));
    let nobodys: Vec<i32> = drivers::Entity::find()
        .select_only()
        .column(drivers::Column::Id)
        .inner_join(users::Entity)
        .filter(told)
        .filter(deleted())
        .into_tuple()
        .all(&app.db)
        .await?;
    for driver in nobodys {
        app.events.forget_position(DriverId(driver)).await;
    }
    Ok(())
}

/// Writes last places, each only over an older one. Gives how many were written.
async fn last_places_write(db: &impl ConnectionTrait, places: &[PlaceInSlot]) -> Result<u64> {
    let backend = db.get_database_backend();
    let (rows, lock) = (dialect::rows_of_json(backend, &PLACE), dialect::lock_in_turn(backend, "drivers"));
    let statement = format!(
        "with told as ({rows}), {}, \
         locked as (select drivers.id from drivers join moved on moved.driver_id = drivers.id order by drivers.id {lock}) \
         update drivers set current_lat = moved.lat, current_lng = moved.lng, location_heading = moved.heading, \
         location_speed = moved.speed, location_recorded_at = moved.recorded_at \
         from moved join locked on locked.id = moved.driver_id \
         where drivers.id = moved.driver_id \
         and (drivers.location_recorded_at is null or drivers.location_recorded_at < moved.recorded_at)",
        of_drivers_who_work(backend)
    );
    Ok(db.execute_raw(with_places(backend, statement, places)).await?.rows_affected())
}

/// Writes each point into the route of the order that the driver carried at the time, by the order's history. A point without an order is
/// left out, and of an order's points in one slot of time all but the oldest.
async fn routes_write(app: &App, db: &impl ConnectionTrait, points: &[PlaceInSlot]) -> Result<()> {
    if app.config.drivers.route_retention_days == 0 {
        return Ok(());
    }
    let backend = db.get_database_backend();
    let rows = dialect::rows_of_json(backend, &PLACE);
    // A driver's latest step at the time is one of the order that it carried, unless that was the last one, or a later step of that
    // order has taken it from the driver.
    let statement = format!(
        "with told as ({rows}), {} \
         insert into driver_locations (order_id, slot, driver_id, recorded_at, lat, lng, heading, speed) \
         select step.order_id, moved.slot, moved.driver_id, moved.recorded_at, moved.lat, moved.lng, moved.heading, moved.speed \
         from moved join order_events as step on step.position = (\
            select latest.position from order_events as latest \
            where latest.driver_id = moved.driver_id and latest.at <= moved.recorded_at \
            order by latest.at desc, latest.position desc limit 1) \
         where step.status not in ('DELIVERED', 'CANCELLED') \
         and not exists (select 1 from order_events as later \
            where later.order_id = step.order_id and later.sequence > step.sequence and later.at <= moved.recorded_at) \
         order by moved.recorded_at \
         on conflict do nothing",
        of_drivers_who_work(backend)
    );
    for points in points.chunks(BATCH) {
        db.execute_raw(with_places(backend, statement.clone(), points)).await?;
    }
    Ok(())
}

fn with_places(backend: DbBackend, statement: String, places: &[PlaceInSlot]) -> Statement {
    let places = places.iter().map(|(driver, slot, position)| {
        json!({
            "driver_id": driver.0,
            "slot": slot,
            "lat": position.lat,
            "lng": position.lng,
            "heading": position.heading,
            "speed": position.speed,
            "recorded_at": dialect::time_text(position.recorded_at),
        })
    });
    let places = serde_json::Value::from_iter(places).to_string();
    Statement::from_sql_and_values(backend, statement, [places.into()])
}

/// Deletes the points that are kept for long enough. A route that cannot be deleted holds up no other.
pub async fn old_routes_delete(app: Arc<App>, _: Claimed<DeleteOldRoutes>) -> Result<Outcome, Failure> {
    let app = &*app;
    let setbacks = Setbacks::<i32>::new(DeleteOldRoutes::KIND);
    let backend = app.db.get_database_backend();
    let deadline = clock::now() - chrono::Duration::days(app.config.drivers.route_retention_days.into());
    let old = driver_locations::Column::RecordedAt.lt(deadline);
    let find = |resting: Vec<i32>| {
        let others = driver_locations::Entity::find()
            .select_only()
            .column(driver_locations::Column::OrderId)
            .filter(old.clone())
            .filter(dialect::any_of(backend, driver_locations::Column::OrderId, resting).not())
            .order_by_asc(driver_locations::Column::RecordedAt)
            .limit(DELETED_AT_ONCE);
        async move { Ok(Vec::from_iter(BTreeSet::from_iter(others.into_tuple::<i32>().all(&app.db).await?))) }
    };
    let delete = |orders: Vec<i32>| {
        let key = || [driver_locations::Column::OrderId, driver_locations::Column::Slot];
        let some = Query::select()
            .columns(key())
            .from(driver_locations::Entity)
            .and_where(old.clone())
            .and_where(dialect::any_of(backend, driver_locations::Column::OrderId, orders))
            .limit(DELETED_AT_ONCE)
            .take();
        let delete =
            driver_locations::Entity::delete_many().filter(Expr::tuple(key().map(Expr::col)).in_subquery(some));
        async move {
            while delete.clone().exec(&app.db).await?.rows_affected == DELETED_AT_ONCE {}
            Ok(())
        }
    };
    setbacks.deal_with_all(&app.db, BATCH, find, delete).await?;
    Ok(Outcome::Done)
}
