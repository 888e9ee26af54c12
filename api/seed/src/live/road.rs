//! Simulates how drivers move: in a straight line, at the speed of a bicycle.

use tiffin::features::driver::service::metres;

/// Metres a second.
const SPEED: f64 = 7.0;
/// A ride takes at most this many seconds, at a higher speed where it is long: an address can be anywhere.
const PATIENCE: f64 = 600.0;

const METRES_A_DEGREE: f64 = 111_320.0;

/// Degrees north and east.
pub type Degrees = (f64, f64);

/// One stretch of the way.
pub struct Stretch {
    pub place: Degrees,
    /// Degrees from north, clockwise.
    pub heading: f64,
    /// Metres a second.
    pub speed: f64,
    pub arrived: bool,
}

/// Where somebody is after so many seconds on the way from here to there.
pub fn drive(here: Degrees, there: Degrees, seconds: f64) -> Stretch {
    let distance = metres(here, there);
    let speed = SPEED.max(distance / PATIENCE);
    let reach = speed * seconds;
    if distance <= reach {
        return Stretch { place: there, heading: heading(here, there), speed: 0.0, arrived: true };
    }
    let part = reach / distance;
    let between = |from: f64, to: f64| from + (to - from) * part;
    let place = (between(here.0, there.0), between(here.1, there.1));
    Stretch { place, heading: heading(here, there), speed, arrived: false }
}

/// Radius in metres of the circle that a driver goes round a door.
pub const BLOCK: f64 = 70.0;

/// Where somebody is after so many seconds of going round that place, from wherever it is.
pub fn round(here: Degrees, middle: Degrees, seconds: f64) -> Stretch {
    let bearing = (heading(middle, here) + (SPEED * seconds / BLOCK).to_degrees()).rem_euclid(360.0).to_radians();
    let (north, east) = (0.9 * BLOCK * bearing.cos() / METRES_A_DEGREE, 0.9 * BLOCK * bearing.sin() / METRES_A_DEGREE);
    let place = (middle.0 + north, middle.1 + east / middle.0.to_radians().cos().max(0.01));
    let speed = if seconds > 0.0 { (metres(here, place) / seconds).min(SPEED) } else { SPEED };
    Stretch { place, heading: heading(here, place), speed, arrived: false }
}

/// The initial bearing.
fn heading((lat, lng): Degrees, (other_lat, other_lng): Degrees) -> f64 {
    let (from, to, east) = (lat.to_radians(), other_lat.to_radians(), (other_lng - lng).to_radians());
    let y = east.sin() * to.cos();
    let x = from.cos() * to.sin() - from.sin() * to.cos() * east.cos();
    y.atan2(x).to_degrees().rem_euclid(360.0).round().rem_euclid(360.0)
}

/// A place a short ride from here, for a door whose place nobody told: always the same for the same number.
pub fn somewhere_near((lat, lng): Degrees, number: i32) -> Degrees {
    let angle = f64::from(number) * 2.399_963; // the golden angle: neighbours go different ways
    let (north, east) = (900.0 * angle.cos() / METRES_A_DEGREE, 900.0 * angle.sin() / METRES_A_DEGREE);
    ((lat + north).clamp(-90.0, 90.0), (lng + east / lat.to_radians().cos().max(0.01)).clamp(-180.0, 180.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_goes_straight_and_arrives() {
        let (mut here, there) = ((41.10, -83.18), (41.11, -83.17));
        assert_eq!(heading((0.0, 0.0), (0.0, 1.0)), 90.0);
        assert_eq!(heading((0.0, 0.0), (-1.0, 0.0)), 180.0);
        let mut seconds = 0;
        loop {
            let stretch = drive(here, there, 1.0);
            assert!(metres(here, stretch.place) <= stretch.speed.max(SPEED) + 0.1);
            here = stretch.place;
            seconds += 1;
            if stretch.arrived {
                break;
            }
        }
        assert_eq!(here, there);
        assert!((170..220).contains(&seconds), "{seconds} s for 1.4 km");
    }

    #[test]
    fn going_round_a_place_goes_on_and_stays_near() {
        let middle = (41.1, -83.2);
        for start in [middle, somewhere_near(middle, 1)] {
            let mut here = round(start, middle, 1.0).place;
            for _ in 0..200 {
                let stretch = round(here, middle, 1.0);
                assert!((4.0..=SPEED).contains(&metres(here, stretch.place)), "{}", metres(here, stretch.place));
                assert!((60.0..BLOCK).contains(&metres(middle, stretch.place)) && !stretch.arrived);
                here = stretch.place;
            }
        }
    }

    #[test]
    fn a_place_nearby_is_nearby() {
        for number in 0..50 {
            let distance = metres((41.1, -83.2), somewhere_near((41.1, -83.2), number));
            assert!((850.0..950.0).contains(&distance), "{distance}");
        }
    }
}
