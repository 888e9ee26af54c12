//! Positions of drivers, and the text in which they travel between processes.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};

/// Where somebody was at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Degrees north, with at most eight digits after the point.
    pub lat: f64,
    /// Degrees east, with at most eight digits after the point.
    pub lng: f64,
    /// Degrees from north, clockwise.
    pub heading: Option<f64>,
    /// Metres a second.
    pub speed: Option<f64>,
    /// To the microsecond.
    pub recorded_at: DateTime<Utc>,
}

impl Position {
    /// The number of the time slot, of so many seconds, that it was taken in.
    pub fn slot(self, seconds: u32) -> i64 {
        self.recorded_at.timestamp().div_euclid(seconds.max(1).into())
    }

    /// The newer of the two. Of two that were taken at the same moment it is this one.
    pub fn or_newer(self, other: Option<Self>) -> Self {
        other.filter(|other| other.recorded_at > self.recorded_at).unwrap_or(self)
    }
}

/// Microseconds since 1970, latitude, longitude, heading and speed: short, and every number comes back as it was, which JSON does not
/// promise. The time comes first, for Redis compares it.
impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.recorded_at.timestamp_micros(), self.lat, self.lng)?;
        for value in [self.heading, self.speed] {
            match value {
                Some(value) => write!(formatter, " {value}")?,
                None => formatter.write_str(" -")?,
            }
        }
        Ok(())
    }
}

/// The text is not a position.
#[derive(Debug, PartialEq)]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let parts: Vec<_> = text.split(' ').collect();
        let [recorded_at, lat, lng, heading, speed] = parts[..] else { return Err(NoPosition) };
        let number = |text: &str| text.parse::<f64>().map_err(|_| NoPosition);
        let optional = |text: &str| if text == "-" { Ok(None) } else { number(text).map(Some) };
        let recorded_at = recorded_at.parse().ok().and_then(DateTime::from_timestamp_micros);
        Ok(Position {
            lat: number(lat)?,
            lng: number(lng)?,
            heading: optional(heading)?,
            speed: optional(speed)?,
            recorded_at: recorded_at.ok_or(NoPosition)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_as_it_was() {
        let recorded_at = "2026-11-26T09:30:00.123456Z".parse().expect("a time");
        let position = Position {
            lat: 21.02851234,
            lng: -105.85421234,
            heading: Some(359.5),
            speed: Some(0.1 + 0.2),
            recorded_at,
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        let bare = Position { heading: None, speed: None, lat: 1e-8, ..position };
        assert_eq!(bare.to_string(), "1795685400123456 0.00000001 -105.85421234 - -");
        assert_eq!(bare.to_string().parse(), Ok(bare));
        for text in ["", "look", "1 2 3", "1 2 3 4 5 6", "x 2 3 - -", "1 2 north - -"] {
            assert_eq!(text.parse::<Position>(), Err(NoPosition), "{text}");
        }
    }

    #[test]
    fn the_newer_one_wins() {
        let at = |seconds| Position {
            lat: 0.0,
            lng: 0.0,
            heading: None,
            speed: None,
            recorded_at: DateTime::from_timestamp(seconds, 0).expect("a time"),
        };
        assert_eq!(at(1).or_newer(Some(at(2))), at(2));
        assert_eq!(at(2).or_newer(Some(at(1))), at(2));
        assert_eq!(at(1).or_newer(None), at(1));
    }
}
