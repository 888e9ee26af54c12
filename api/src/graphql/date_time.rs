//! The `DateTime` scalar, in UTC and within the years that every database keeps.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, SecondsFormat, TimeDelta, Timelike, Utc};

/// A moment, by RFC 3339: `2026-11-20T18:30:00Z`. What the server says is in UTC; what it is told may have any offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A moment, by RFC 3339: `2026-11-20T18:30:00Z`. What the server says is in UTC; what it is told may have any offset.
#[Scalar(specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        // Its years have four digits: what chrono's own format takes beyond that, databases cannot all keep.
        let time = chrono::DateTime::parse_from_rfc3339(text).ok();
        time.and_then(|time| without_leap_second(time.to_utc()))
            .map(DateTime)
            .ok_or_else(|| InputValueError::custom("This is not a time such as \"2026-11-20T18:30:00Z\"."))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// A leap second ends June or December (RFC 3339, appendix D), and is the first moment of the next second to every database; chrono takes a
/// second 60 in any minute, and gives it back.
fn without_leap_second(time: chrono::DateTime<Utc>) -> Option<chrono::DateTime<Utc>> {
    const SECOND: u32 = 1_000_000_000;
    if time.nanosecond() < SECOND {
        return Some(time);
    }
    let may_be = matches!((time.month(), time.day(), time.hour(), time.minute()), (6, 30, 23, 59) | (12, 31, 23, 59));
    let next = || time.with_nanosecond(0)?.checked_add_signed(TimeDelta::seconds(1));
    if may_be { next() } else { None }
}

impl<T: chrono::TimeZone> From<chrono::DateTime<T>> for DateTime {
    fn from(time: chrono::DateTime<T>) -> Self {
        DateTime(time.to_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_60_is_one_where_there_was_a_leap_second() {
        let said = |text: &str| DateTime::parse(text.into()).ok().map(|time| time.to_value());
        for text in ["2016-12-31T23:59:60Z", "2016-12-31T15:59:60.5-08:00"] {
            assert_eq!(said(text), Some("2017-01-01T00:00:00Z".into()), "{text}");
        }
        assert_eq!(said("2015-06-30T23:59:60Z"), Some("2015-07-01T00:00:00Z".into()));
        for text in
            ["2026-11-20T18:30:60Z", "2026-12-31T23:58:60Z", "2016-12-31T23:59:60+01:00", "2026-11-20T18:30:61Z"]
        {
            assert_eq!(said(text), None, "{text}");
        }
        assert_eq!(said("2026-11-20T18:30:59.999Z"), Some("2026-11-20T18:30:59.999Z".into()));
    }
}
