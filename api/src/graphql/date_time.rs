//! The `DateTime` scalar, in UTC and within the years that every database keeps.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};

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
        time.map(|time| DateTime(time.to_utc()))
            .ok_or_else(|| InputValueError::custom("This is not a time such as \"2026-11-20T18:30:00Z\"."))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl<T: chrono::TimeZone> From<chrono::DateTime<T>> for DateTime {
    fn from(time: chrono::DateTime<T>) -> Self {
        DateTime(time.to_utc())
    }
}
