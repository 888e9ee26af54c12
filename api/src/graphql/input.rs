//! Decoding of input values that are the same in every feature: what can be wrong with them is refused here, with the field's path.

use async_graphql::MaybeUndefined;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};
use migration::email::{Email, NoEmail};
use rust_decimal::Decimal;

use crate::{
    domain::error::{Error, Result},
    mail,
};

/// Required text of at most `maximum` characters, trimmed. Blank is refused: see [`is_blank`].
pub fn text(field: &str, value: &str, maximum: usize) -> Result<String> {
    let value = bounded(field, value.trim(), maximum)?;
    if is_blank(&value) {
        return Err(Error::bad_input(field, "This must not be blank: it has no character that can be seen."));
    }
    Ok(value)
}

/// Text that may be absent; blank counts as absent.
pub fn optional_text(field: &str, value: Option<&str>, maximum: usize) -> Result<Option<String>> {
    let value = value.map(|value| bounded(field, value.trim(), maximum)).transpose()?;
    Ok(value.filter(|value| !is_blank(value)))
}

/// Whether nobody sees anything of the text: white space, controls, and what Unicode says to show nothing for, such as characters without
/// width, marks of direction and Hangul's fillers. They may stand among others: some scripts need joiners.
pub fn is_blank(text: &str) -> bool {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().all(|character| {
        character.is_whitespace()
            || ignorable.contains(character)
            || matches!(categories.get(character), GeneralCategory::Control | GeneralCategory::Format)
            || DRAWN_EMPTY.contains(&character)
    })
}

/// Symbols that are drawn as nothing: Braille's empty cell, the null notehead, and the blanks of hieroglyphs.
const DRAWN_EMPTY: [char; 4] = ['\u{2800}', '\u{1d159}', '\u{13441}', '\u{13442}'];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_blank() {
        let invisible = [
            "",
            " \n\t",
            "\u{a0}\u{2003}\u{3000}",
            "\u{200b}",
            "\u{200c}\u{200d}",
            "\u{2060}\u{feff}",
            "\u{200e}\u{200f}\u{202e}\u{2066}",
            "\u{ad}",
            "\u{34f}",
            "\u{61c}",
            "\u{115f}\u{1160}",
            "\u{3164}",
            "\u{ffa0}",
            "\u{2800} \u{2800}",
            "\u{180e}\u{180b}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{e0041}",
            "\u{1d159}",
            "\u{17b4}",
            "\u{fff9}\u{fffb}",
            "\u{1}\u{7f}\u{85}",
            "\u{13441}",
        ];
        for text in invisible {
            assert!(is_blank(text), "{text:?}");
            assert!(optional_text("name", Some(text), 10).is_ok_and(|text| text.is_none()), "{text:?}");
            assert!(super::text("name", text, 10).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_stands_among_others_stays() {
        for text in [
            "می\u{200c}خواهم",
            "ക്\u{200d}",
            "👩\u{200d}🍳",
            "❤\u{fe0f}",
            "\u{202b}דוד\u{202c}",
            "\u{2800}a",
            "ᄀ\u{1160}",
            "-",
            "\u{301}",
            "⠁",
        ] {
            assert_eq!(super::text("name", text, 10).ok().as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_too_long_or_cannot_be_stored_is_refused_blank_or_not() {
        for text in ["\u{200b}".repeat(11), "a\0".to_owned(), "\0".to_owned()] {
            assert!(super::text("name", &text, 10).is_err() && optional_text("name", Some(&text), 10).is_err());
        }
    }
}
