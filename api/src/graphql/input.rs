//! Decoding of input values that are the same in every feature: what can be wrong with them is refused here, with the field's path.

use async_graphql::MaybeUndefined;
use migration::email::{Email, NoEmail};
use rust_decimal::Decimal;

use super::error::{Error, Result};
use crate::mail;

/// Required text of at most `maximum` characters, trimmed. Blank is refused.
pub fn text(field: &str, value: &str, maximum: usize) -> Result<String> {
    let value = value.trim();
    if value.is_empty() {
        return Err(Error::bad_input(field, "This must not be blank."));
    }
    bounded(field, value, maximum)
}

/// Text that may be absent; blank counts as absent.
pub fn optional_text(field: &str, value: Option<&str>, maximum: usize) -> Result<Option<String>> {
    match value.map(str::trim) {
        None | Some("") => Ok(None),
        Some(value) => bounded(field, value, maximum).map(Some),
    }
}

fn bounded(field: &str, value: &str, maximum: usize) -> Result<String> {
    let length = value.chars().count();
    if length > maximum {
        return Err(Error::bad_input(field, format!("This has {length} characters; at most {maximum} are possible.")));
    }
    // PostgreSQL cannot store U+0000, and nobody means it.
    if value.contains('\0') {
        return Err(Error::bad_input(field, "This must not contain the character U+0000."));
    }
    Ok(value.to_owned())
}

/// An amount from zero up to what a `decimal(precision, 2)` column holds, with no more digits than the currency has.
pub fn amount(field: &str, value: Decimal, precision: u32, digits: u32) -> Result<Decimal> {
    if value.is_sign_negative() && !value.is_zero() {
        return Err(Error::bad_input(field, "This must not be negative."));
    }
    if value.normalize().scale() > digits {
        return Err(Error::bad_input(field, format!("This currency has {digits} digits after the point.")));
    }
    let limit = Decimal::from(10_i64.pow(precision - 2));
    if value >= limit {
        return Err(Error::bad_input(field, format!("This must be less than {limit}.")));
    }
    Ok(value)
}

/// A whole number within bounds, both included.
pub fn whole_number(field: &str, value: i32, minimum: i32, maximum: i32) -> Result<i32> {
    if !(minimum..=maximum).contains(&value) {
        return Err(Error::bad_input(field, format!("This must be from {minimum} to {maximum}.")));
    }
    Ok(value)
}

/// A list with so many entries, both numbers included.
pub fn length<T>(field: &str, entries: &[T], minimum: usize, maximum: usize) -> Result<()> {
    if (minimum..=maximum).contains(&entries.len()) {
        return Ok(());
    }
    let possible = if minimum == 0 { format!("at most {maximum}") } else { format!("{minimum} to {maximum}") };
    Err(Error::bad_input(field, format!("This has {} entries; {possible} are possible.", entries.len())))
}

/// Degrees north, −90 to 90.
pub fn latitude(field: &str, value: f64) -> Result<f64> {
    degrees(field, value, 90.0)
}

/// Degrees east, −180 to 180.
pub fn longitude(field: &str, value: f64) -> Result<f64> {
    degrees(field, value, 180.0)
}

fn degrees(field: &str, value: f64, limit: f64) -> Result<f64> {
    if !value.is_finite() || value.abs() > limit {
        return Err(Error::bad_input(field, format!("This must be from −{limit} to {limit} degrees.")));
    }
    Ok(value)
}

/// A required value in an update: `None` where it was left out; null is refused.
pub fn required<T>(field: &str, value: MaybeUndefined<T>) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Value(value) => Ok(Some(value)),
        MaybeUndefined::Null => {
            Err(Error::bad_input(field, "This is required: leave it out to keep it, null is not possible."))
        }
    }
}

/// An optional value in an update: `None` where it was left out, `Some(None)` where null clears it.
pub fn clearable<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// An e-mail address of at most 255 characters that letters can be addressed to. Whether it exists only a letter can tell.
pub fn email(field: &str, value: &str) -> Result<Email> {
    let value = text(field, value, 255)?;
    let email = Email::parse(&value).map_err(|problem| Error::bad_input(field, problem.to_string()))?;
    bounded(field, email.written(), 255)?;
    if !mail::is_address(email.written()) {
        return Err(Error::bad_input(field, NoEmail::Malformed.to_string()));
    }
    Ok(email)
}
