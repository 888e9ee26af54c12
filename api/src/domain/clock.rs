//! The present time by the database's clock, so that all processes on it mean the same moment, whatever the clock skew between their
//! machines.
//!
//! The database is asked every few seconds (`database::set_clock`), and in between the machine's monotonic clock carries on, which nobody sets. On SQLite the
//! machine's own clock is used: there is one machine. The clock is global: a process serves one database, and times are needed in places
//! that know of nothing but a transaction.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
/// The name of the metric that says how far the machine's clock is ahead of the database's.
pub const OFFSET: &str = "tiffin_clock_offset_seconds";

static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::new);

/// Now, to the microsecond: what both databases keep, so that a time reads back as it was written.
pub fn now() -> DateTime<Utc> {
    CLOCK.now().unwrap_or_else(|| Utc::now().trunc_subsecs(6))
}

/// How far the machine's own clock is ahead of the database's; negative where it is behind.
pub fn offset() -> TimeDelta {
    Utc::now() - now()
}

/// Sets the clock by what the database said, for the first time.
pub fn set(reading: &ClockReading) {
    CLOCK.set(reading);
}

/// Corrects the clock by what the database said.
pub fn correct(reading: &ClockReading) {
    CLOCK.correct(reading);
}

/// The monotonic clock, with what is to be added to it.
struct Clock {
    start: Instant,
    /// Microseconds since 1970 at the start; none before it is set.
    epoch: AtomicI64,
}

/// What `epoch` is before it is set.
const NOT_SET: i64 = i64::MIN;

/// What the database said of the time.
pub struct ClockReading {
    /// Microseconds since 1970.
    pub time: i64,
    /// The middle of the time that the answer took.
    pub at: Instant,
    pub round_trip: Duration,
}

impl Clock {
    fn new() -> Self {
        Clock { start: Instant::now(), epoch: AtomicI64::new(NOT_SET) }
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        match self.epoch.load(Ordering::Relaxed) {
            NOT_SET => None,
            epoch => DateTime::from_timestamp_micros(epoch + microseconds(self.start.elapsed())),
        }
    }

    fn set(&self, reading: &ClockReading) {
        self.epoch.store(self.epoch_of(reading), Ordering::Relaxed);
    }

    /// Corrects a difference only where it exceeds half the round trip, which is how uncertain a reading is: so times do not jump to and
    /// fro.
    fn correct(&self, reading: &ClockReading) {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let difference = self.epoch_of(reading).abs_diff(epoch);
        if difference > microseconds(reading.round_trip / 2).unsigned_abs() {
            self.set(reading);
        }
    }

    fn epoch_of(&self, reading: &ClockReading) -> i64 {
        reading.time - microseconds(reading.at.saturating_duration_since(self.start))
    }
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// How the machine's clock agrees with the database's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    Agrees,
    /// By more than 5 seconds apart: somebody should look.
    Apart,
    /// By more than a minute: whatever else goes by the machine's clock is not to be trusted.
    FarApart,
}

impl Agreement {
    /// By how far they are apart.
    pub fn of(offset: TimeDelta) -> Self {
        match offset.abs() {
            offset if offset > TimeDelta::seconds(60) => Agreement::FarApart,
            offset if offset > TimeDelta::seconds(5) => Agreement::Apart,
            _ => Agreement::Agrees,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(clock: &Clock, seconds_after_start: f64, time: i64, round_trip: Duration) -> ClockReading {
        ClockReading { time, at: clock.start + Duration::from_secs_f64(seconds_after_start), round_trip }
    }

    fn epoch(clock: &Clock) -> i64 {
        clock.epoch.load(Ordering::Relaxed)
    }

    #[test]
    fn a_clock_goes_on_from_what_it_was_set_by() {
        let clock = Clock::new();
        assert_eq!(clock.now(), None);
        clock.set(&reading(&clock, 2.0, 1_000_000_000, Duration::ZERO));
        assert_eq!(epoch(&clock), 998_000_000);
        let now = clock.now().expect("set");
        assert!(now >= DateTime::from_timestamp_micros(998_000_000).expect("a time"));
        assert!(clock.now().expect("set") >= now);
    }

    #[test]
    fn a_reading_that_agrees_as_far_as_it_can_tell_changes_nothing() {
        let clock = Clock::new();
        clock.set(&reading(&clock, 0.0, 1_000_000_000, Duration::ZERO));
        clock.correct(&reading(&clock, 3.0, 1_003_040_000, Duration::from_millis(80)));
        assert_eq!(epoch(&clock), 1_000_000_000);
        clock.correct(&reading(&clock, 6.0, 1_006_041_000, Duration::from_millis(80)));
        assert_eq!(epoch(&clock), 1_000_041_000);
        clock.correct(&reading(&clock, 9.0, 409_000_000, Duration::from_millis(80)));
        assert_eq!(epoch(&clock), 400_000_000, "another machine has another time");
    }

    #[test]
    fn clocks_agree_up_to_five_seconds() {
        let agreement = |seconds| Agreement::of(TimeDelta::seconds(seconds));
        for seconds in [0, 5, -5] {
            assert_eq!(agreement(seconds), Agreement::Agrees);
        }
        for seconds in [6, -6, 60, -60] {
            assert_eq!(agreement(seconds), Agreement::Apart);
        }
        for seconds in [61, -61, 960] {
            assert_eq!(agreement(seconds), Agreement::FarApart);
        }
    }
}
