//! Values without fields, written as the scalars and enums of the schema.

use async_graphql::{ID, Json, ServerResult};
use chrono::SecondsFormat;
use serde::Serialize;

use super::{Answer, Output, Scope, Selected, Violation};
use crate::graphql::{date::Date, date_time::DateTime, decimal::Decimal};

/// Writes a JSON string.
pub fn write_text(text: &str, bytes: &mut Vec<u8>) {
    // What is already a string is written to memory: neither can fail.
    _ = serde_json::to_writer(bytes, text);
}

/// Writes a text that has nothing in it that JSON escapes.
fn write_plain(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'"');
}

/// Writes a decimal in quotes, with the digits after the point that it has: its digits, and then the point among them.
fn write_decimal(decimal: rust_decimal::Decimal, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    if decimal.is_sign_negative() {
        bytes.push(b'-');
    }
    let start = bytes.len();
    _ = serde_json::to_writer(&mut *bytes, &decimal.mantissa().unsigned_abs());
    let fraction = usize::try_from(decimal.scale()).unwrap_or_default();
    let missing = (fraction + 1).saturating_sub(bytes.len() - start);
    bytes.splice(start..start, std::iter::repeat_n(b'0', missing));
    if fraction > 0 {
        bytes.insert(bytes.len() - fraction, b'.');
    }
    bytes.push(b'"');
}

macro_rules! leaves {
    ($($ty:ty: |$value:ident, $bytes:ident| $write:expr;)*) => {$(
        impl Output for $ty {
            type Plan = ();

            fn plan(_: &Selected<'_>) -> ServerResult<()> {
                Ok(())
            }

            fn write(&self, (): &(), _: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
                let ($value, $bytes) = (self, &mut answer.bytes);
                $write;
                Ok(())
            }
        }
    )*};
}

leaves! {
    &str: |text, bytes| write_text(text, bytes);
    String: |text, bytes| write_text(text, bytes);
    bool: |value, bytes| bytes.extend_from_slice(if *value { b"true" } else { b"false" });
    i32: |number, bytes| _ = serde_json::to_writer(bytes, number);
    // What is no number is null, as async-graphql has it.
    f64: |number, bytes| _ = serde_json::to_writer(bytes, number);
    ID: |id, bytes| write_text(id, bytes);
    Decimal: |decimal, bytes| write_decimal(decimal.0, bytes);
    DateTime: |time, bytes| write_plain(&time.0.to_rfc3339_opts(SecondsFormat::AutoSi, true), bytes);
    Date: |date, bytes| write_plain(&date.0.to_string(), bytes);
}

impl<T: Serialize + Send + Sync> Output for Json<T> {
    type Plan = ();

    fn plan(_: &Selected<'_>) -> ServerResult<()> {
        Ok(())
    }

    fn write(&self, (): &(), _: Scope<'_>, answer: &mut Answer) -> Result<(), Violation> {
        // What cannot be written as JSON is null, as async-graphql has it.
        answer.nullable(|answer| serde_json::to_writer(&mut answer.bytes, &self.0).map_err(|_| Violation));
        Ok(())
    }
}

/// Enums are written as their values' names.
macro_rules! output_of_enums {
    ($($ty:ty),* $(,)?) => {$(
        impl crate::graphql::plan::Output for $ty {
            type Plan = ();

            fn plan(_: &crate::graphql::plan::Selected<'_>) -> ::async_graphql::ServerResult<()> {
                Ok(())
            }

            fn write(
                &self,
                (): &(),
                _: crate::graphql::plan::Scope<'_>,
                answer: &mut crate::graphql::plan::Answer,
            ) -> Result<(), crate::graphql::plan::Violation> {
                crate::graphql::plan::write_text(crate::graphql::enumeration::name(*self), &mut answer.bytes);
                Ok(())
            }
        }
    )*};
}
pub(crate) use output_of_enums;

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::write_decimal;

    #[test]
    fn decimals_are_written_as_they_are_displayed() {
        let texts = ["0", "0.00", "-0.00", "0.05", "-0.5", "12.50", "50000", "-1234567.89", "0.0000001"];
        let numbers = texts.map(|text| Decimal::from_str_exact(text).expect(text));
        for number in numbers.into_iter().chain([Decimal::MAX, Decimal::MIN, Decimal::new(1, 28)]) {
            let mut bytes = b"[".to_vec();
            write_decimal(number, &mut bytes);
            assert_eq!(String::from_utf8_lossy(&bytes), format!("[\"{number}\""));
        }
    }
}
