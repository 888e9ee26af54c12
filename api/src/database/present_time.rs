//! Sets the clock ([`clock`]) by the database's.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::{Pool, dialect};
use crate::domain::clock::{self, ClockReading};

/// An answer that took longer says too little of when the database read its clock.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);
/// Of so many first readings the one with the shortest round trip is taken.
const FIRST_READINGS: usize = 3;

/// Sets the clock by that of the database, for the first time.
///
/// # Errors
/// The database cannot be asked.
pub async fn set_clock(db: &Pool) -> Result<(), DbErr> {
    let mut best: Option<ClockReading> = None;
    for _ in 0..FIRST_READINGS {
        let Some(reading) = read(db).await? else { return Ok(()) };
        if best.as_ref().is_none_or(|best| reading.round_trip < best.round_trip) {
            best = Some(reading);
        }
    }
    if let Some(reading) = best {
        clock::set(&reading);
    }
    Ok(())
}

/// Corrects the clock by that of the database.
///
/// # Errors
/// The database cannot be asked; the clock goes on as it was set.
pub(super) async fn correct_clock(db: &Pool) -> Result<(), DbErr> {
    if let Some(reading) = read(db).await?
        && reading.round_trip <= LONGEST_ROUND_TRIP
    {
        clock::correct(&reading);
    }
    Ok(())
}

/// None where the database's clock is the machine's.
async fn read(db: &Pool) -> Result<Option<ClockReading>, DbErr> {
    let backend = db.get_database_backend();
    let Some(sql) = dialect::present_time(backend) else { return Ok(None) };
    let asked = Instant::now();
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    let round_trip = asked.elapsed();
    let row = row.ok_or_else(|| DbErr::Custom("the database did not say what time it is".to_owned()))?;
    Ok(Some(ClockReading { time: row.try_get_by_index(0)?, at: asked + round_trip / 2, round_trip }))
}
