//! Writes down where drivers were: their last places, and the routes of the orders that they carried. In the background and in
//! batches, so that neither whoever tells a place nor whoever hears of it waits for the database.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use crate::{
    app::App,
    clock, dialect,
    events::{Position, Track},
    graphql::{error::Result, ids::DriverId},
    shutdown::Shutdown,
};

/// Rows that one statement writes.
const BATCH: usize = 1_000;
/// Rows that one statement deletes: it holds no lock for long.
const DELETED_AT_ONCE: u64 = 1_000;
const BETWEEN_DELETIONS: Duration = Duration::from_secs(60);

/// A place in a statement: its columns, with PostgreSQL's types.
const PLACE: [(&str, &str); 7] = [
    ("driver_id", "integer"),
    ("slot", "bigint"),
    ("lat", "numeric"),
    ("lng", "numeric"),
    ("heading", "double precision"),
    ("speed", "double precision"),
    ("recorded_at", "timestamptz"),
];

/// What is told of drivers whose account is no more is not written.
const OF_USERS: &str = "moved as (select told.* from told join drivers on drivers.id = told.driver_id \
                        join users on users.id = drivers.user_id where users.is_active)";

/// Records for as long as the server runs, and does not stop half-way. What is told after that is recorded by whoever calls
/// [`record`] at the end.
pub async fn record_until_shutdown(app: Arc<App>, shutdown: Shutdown) {
    let interval = Duration::from_secs(app.config.drivers.location_write_seconds.into());
    let mut next_deletion = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = shutdown.requested() => return,
        }
        app.events.tell_again().await;
        record(&app).await;
        if Instant::now() >= next_deletion {
            next_deletion = Instant::now() + BETWEEN_DELETIONS;
            if let Err(error) = old_routes_delete(&app).await {
                tracing::warn!(code = error.code.as_str(), "old routes could not be deleted; trying again later");
            }
        }
    }
}

/// Writes what was told and is not yet written. What cannot be written is kept for the next time.
pub async fn record(app: &App) {
    let mut tracks = app.events.take_tracks();
    while !tracks.is_empty() {
        let batch = tracks.split_off(tracks.len().saturating_sub(BATCH));
        if let Err(error) = tracks_write(app, &batch).await {
            tracing::warn!(code = error.code.as_str(), "where drivers are could not be written; trying again later");
            app.events.return_tracks(batch);
            app.events.return_tracks(tracks);
            return;
        }
    }
}

async fn tracks_write(app: &App, tracks: &[Track]) -> Result<()> {
    let newest: Vec<_> = tracks.iter().map(|track| (track.driver, 0, track.newest)).collect();
    last_places_write(&app.db, &newest).await?;
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
    // Two places of one stretch may belong to two orders: which is left out, only the statement knows.
    let slot = |position: &Position| position.slot(app.config.drivers.route_interval_seconds);
    let points: Vec<_> = positions.iter().map(|position| (driver, slot(position), *position)).collect();
    routes_write(app, db, &points).await
}

/// One driver's place in one stretch of time, by the number of the stretch.
type Place = (DriverId, i64, Position);

/// An older place never replaces a newer one.
async fn last_places_write(db: &impl ConnectionTrait, places: &[Place]) -> Result<()> {
    let backend = db.get_database_backend();
    let (rows, lock) = (dialect::rows_of_json(backend, &PLACE), dialect::lock_in_turn(backend, "drivers"));
    let statement = format!(
        "with told as ({rows}), {OF_USERS}, \
         locked as (select drivers.id from drivers join moved on moved.driver_id = drivers.id order by drivers.id {lock}) \
         update drivers set current_lat = moved.lat, current_lng = moved.lng, location_heading = moved.heading, \
         location_speed = moved.speed, location_recorded_at = moved.recorded_at \
         from moved join locked on locked.id = moved.driver_id \
         where drivers.id = moved.driver_id \
         and (drivers.location_recorded_at is null or drivers.location_recorded_at < moved.recorded_at)"
    );
    db.execute_raw(with_places(backend, statement, places)).await?;
    Ok(())
}

/// Writes each point into the route of the order that the driver carried at the time, by the order's history; a point of a time
/// without one is left out, and so are all but the oldest of an order's points in one stretch of time.
async fn routes_write(app: &App, db: &impl ConnectionTrait, points: &[Place]) -> Result<()> {
    if app.config.drivers.route_retention_days == 0 {
        return Ok(());
    }
    let backend = db.get_database_backend();
    let rows = dialect::rows_of_json(backend, &PLACE);
    // A driver's latest step at the time is one of the order that it carried, unless that was the last one, or a later step of that
    // order has taken it from the driver.
    let statement = format!(
        "with told as ({rows}), {OF_USERS} \
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
         on conflict do nothing"
    );
    for points in points.chunks(BATCH) {
        db.execute_raw(with_places(backend, statement.clone(), points)).await?;
    }
    Ok(())
}

fn with_places(backend: DbBackend, statement: String, places: &[Place]) -> Statement {
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

/// Deletes the points that are kept for long enough.
async fn old_routes_delete(app: &App) -> Result<()> {
    let backend = app.db.get_database_backend();
    let deadline = clock::now() - chrono::Duration::days(app.config.drivers.route_retention_days.into());
    let statement = format!(
        "delete from driver_locations where (order_id, slot) in (\
         select order_id, slot from driver_locations where recorded_at < $1 order by recorded_at limit {DELETED_AT_ONCE})"
    );
    let delete = Statement::from_sql_and_values(backend, statement, [deadline.into()]);
    while app.db.execute_raw(delete.clone()).await?.rows_affected() == DELETED_AT_ONCE {}
    Ok(())
}
