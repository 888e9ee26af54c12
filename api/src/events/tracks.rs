//! The write-behind buffer of drivers' places: bounded, one point for each slot of time, written into the database in batches.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Position;
use crate::domain::ids::DriverId;

/// How many points of one driver wait at most while the database is away; older ones are given up for newer ones.
const MAXIMUM_POINTS: usize = 120;

/// Where one driver was since the last write.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    pub driver: DriverId,
    pub newest: Position,
    /// The first point of each slot of time, by the slot's number.
    pub points: BTreeMap<i64, Position>,
}

pub(super) struct Tracks {
    /// Seconds that one point stands for.
    interval: u32,
    waiting: Mutex<HashMap<DriverId, Track>>,
}

impl Tracks {
    pub fn new(interval: u32) -> Self {
        Tracks { interval, waiting: Mutex::default() }
    }

    /// Adds a place of the driver's to what is to be written.
    pub fn add(&self, driver: DriverId, position: Position) {
        let points = BTreeMap::from([(position.slot(self.interval), position)]);
        self.put([Track { driver, newest: position, points }]);
    }

    /// Adds what could not be written, to be tried again.
    pub fn put(&self, tracks: impl IntoIterator<Item = Track>) {
        let mut waiting = self.waiting();
        for track in tracks {
            match waiting.get_mut(&track.driver) {
                None => {
                    waiting.insert(track.driver, track);
                }
                Some(present) => present.take_in(track),
            }
        }
    }

    /// All that waits, which waits no more.
    pub fn take(&self) -> Vec<Track> {
        std::mem::take(&mut *self.waiting()).into_values().collect()
    }

    /// Gives up what waits of this driver.
    pub fn forget(&self, driver: DriverId) {
        self.waiting().remove(&driver);
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<DriverId, Track>> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Track {
    fn take_in(&mut self, other: Track) {
        self.newest = self.newest.or_newer(Some(other.newest));
        // The first point of a slot stays, so that writing it again changes nothing (idempotent).
        for (slot, point) in other.points {
            self.points.entry(slot).or_insert(point);
        }
        while self.points.len() > MAXIMUM_POINTS {
            self.points.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    const DRIVER: DriverId = DriverId(1);

    fn at(seconds: i64) -> Position {
        let recorded_at = DateTime::from_timestamp(seconds, 0).expect("a time");
        Position { lat: 0.0, lng: 0.0, heading: None, speed: None, recorded_at }
    }

    #[test]
    fn a_stretch_of_time_has_one_point_and_a_driver_one_newest_place() {
        let tracks = Tracks::new(5);
        for seconds in [10, 12, 14, 21, 16] {
            tracks.add(DRIVER, at(seconds));
        }
        let taken = tracks.take();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].newest, at(21));
        assert_eq!(taken[0].points, BTreeMap::from([(2, at(10)), (3, at(16)), (4, at(21))]));
        assert!(tracks.take().is_empty());

        tracks.add(DRIVER, at(22));
        tracks.put(taken);
        let again = tracks.take();
        assert_eq!((again[0].newest, again[0].points.len()), (at(22), 3));
    }

    #[test]
    fn no_more_than_so_many_wait_and_the_newest_do() {
        let tracks = Tracks::new(1);
        for seconds in 0..1000 {
            tracks.add(DRIVER, at(seconds));
        }
        let points = tracks.take().remove(0).points;
        assert_eq!((points.len(), points.keys().next_back()), (MAXIMUM_POINTS, Some(&999)));
    }
}
