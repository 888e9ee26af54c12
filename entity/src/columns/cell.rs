//! The values of columns. Numbers, texts and decimals, which answers mostly consist of, are read from PostgreSQL's binary format here: by
//! the library, which compares each value's type with all that it may have, and makes a decimal by multiplying decimals, reading them
//! was a fifth of a query of 160 rows.

use sea_orm::{
    DbErr, QueryResult, TryGetable,
    prelude::{DateTimeWithTimeZone, Decimal, Json},
    sqlx::{
        Row, ValueRef,
        postgres::{PgValueFormat, types::Oid},
    },
};

use crate::sea_orm_active_enums::{AccountTokenPurpose, DriverStatus, JobState, OrderStatus, UserRole};

/// What a column can hold.
pub trait Cell: TryGetable {
    /// The value, out of the binary format of the type with this OID (PostgreSQL's pg_type.dat). `None` leaves it to the library, to read or to
    /// refuse.
    fn from_binary(_: Oid, _: &[u8]) -> Option<Self> {
        None
    }
}

const INT8: Oid = Oid(20);
const INT4: Oid = Oid(23);
const TEXT: Oid = Oid(25);
const VARCHAR: Oid = Oid(1043);
const NUMERIC: Oid = Oid(1700);

impl Cell for i32 {
    fn from_binary(of: Oid, bytes: &[u8]) -> Option<Self> {
        (of == INT4).then_some(i32::from_be_bytes(bytes.try_into().ok()?))
    }
}

impl Cell for i64 {
    fn from_binary(of: Oid, bytes: &[u8]) -> Option<Self> {
        (of == INT8).then_some(i64::from_be_bytes(bytes.try_into().ok()?))
    }
}

impl Cell for String {
    fn from_binary(of: Oid, bytes: &[u8]) -> Option<Self> {
        let is_text = of == TEXT || of == VARCHAR;
        is_text.then(|| std::str::from_utf8(bytes).ok().map(str::to_owned))?
    }
}

impl Cell for Decimal {
    /// How many digits to the base of 10,000 follow, the exponent of the first, the sign, how many decimal digits stand after the point, and
    /// the digits (`numeric_send` in PostgreSQL's numeric.c).
    fn from_binary(of: Oid, bytes: &[u8]) -> Option<Self> {
        const POSITIVE: u16 = 0;
        const NEGATIVE: u16 = 0x4000;
        // What more digits make is for the library to read: an i128 may not hold it.
        const DIGITS: usize = 6;
        if of != NUMERIC {
            return None;
        }
        let (words, []) = bytes.as_chunks::<2>() else { return None };
        let [_, first, sign, scale, digits @ ..] = words else { return None };
        let (sign, scale) = (u16::from_be_bytes(*sign), u16::from_be_bytes(*scale));
        if digits.is_empty() || digits.len() > DIGITS || ![POSITIVE, NEGATIVE].contains(&sign) {
            return None;
        }
        let number = digits.iter().fold(0, |number, digit| number * 10_000 + i128::from(u16::from_be_bytes(*digit)));
        let last = i32::from(i16::from_be_bytes(*first)) + 1 - i32::try_from(digits.len()).ok()?;
        let zeros = last * 4 + i32::from(scale);
        let power = 10_i128.checked_pow(zeros.unsigned_abs())?;
        let mantissa = match zeros {
            0.. => number.checked_mul(power)?,
            // Zeros that fill the last digit up.
            _ if number % power == 0 => number / power,
            _ => return None,
        };
        let mantissa = if sign == NEGATIVE { -mantissa } else { mantissa };
        Decimal::try_from_i128_with_scale(mantissa, scale.into()).ok()
    }
}

impl<T: Cell> Cell for Option<T> {
    fn from_binary(of: Oid, bytes: &[u8]) -> Option<Self> {
        T::from_binary(of, bytes).map(Some)
    }
}

macro_rules! read_by_the_library {
    ($($ty:ty),* $(,)?) => {
        $(impl Cell for $ty {})*
    };
}

read_by_the_library!(
    bool,
    f64,
    DateTimeWithTimeZone,
    Json,
    AccountTokenPurpose,
    DriverStatus,
    JobState,
    OrderStatus,
    UserRole,
);

/// The value at this index of a row.
///
/// # Errors
/// It is not of this type.
pub fn read<T: Cell>(row: &QueryResult, index: usize) -> Result<T, DbErr> {
    match binary(row, index).and_then(|(of, bytes)| T::from_binary(of, bytes)) {
        Some(value) => Ok(value),
        None => row.try_get_by_index(index),
    }
}

/// The bytes of a value in PostgreSQL's binary format, and the OID of its type; `None` for NULL and for what is something else.
fn binary(row: &QueryResult, index: usize) -> Option<(Oid, &[u8])> {
    let value = row.try_as_pg_row()?.try_get_raw(index).ok()?;
    if value.is_null() || value.format() != PgValueFormat::Binary {
        return None;
    }
    let of = value.type_info().oid()?;
    Some((of, value.as_bytes().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(first: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).expect("few");
        let header = [count, first.cast_unsigned(), sign, scale];
        header.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    fn decimal(bytes: &[u8]) -> Option<String> {
        Decimal::from_binary(NUMERIC, bytes).map(|decimal| decimal.to_string())
    }

    #[test]
    fn decimals_keep_the_digits_after_the_point() {
        // Bytes as PostgreSQL 15 sends them: `select numeric_send('12.50'::numeric)`.
        assert_eq!(decimal(&numeric(0, 0, 2, &[12, 5000])).as_deref(), Some("12.50"));
        assert_eq!(decimal(&numeric(-1, 0x4000, 4, &[825])).as_deref(), Some("-0.0825"));
        assert_eq!(decimal(&numeric(1, 0, 0, &[5])).as_deref(), Some("50000"));
        assert_eq!(decimal(&numeric(1, 0, 2, &[123, 4567, 8900])).as_deref(), Some("1234567.89"));
        assert_eq!(decimal(&numeric(-2, 0, 7, &[10])).as_deref(), Some("0.0000001"));
    }

    #[test]
    fn what_no_such_number_holds_is_left_to_the_library() {
        for (first, sign, scale, digits) in [
            (0, 0xC000, 0, &[][..]), // NaN
            (0, 0, 2, &[]),          // 0.00, which the library has as 0
            (0, 0, 20, &[1; 7]),     // too many digits
            (200, 0, 0, &[1]),       // too large
            (0, 0, 40, &[1]),        // too many digits after the point
        ] {
            assert_eq!(decimal(&numeric(first, sign, scale, digits)), None, "{first} {sign} {scale} {digits:?}");
        }
        assert_eq!(decimal(&[0, 1, 0]), None, "cut off");
    }

    #[test]
    fn a_type_is_not_taken_for_another() {
        assert_eq!(i32::from_binary(INT4, &[0, 0, 1, 0]), Some(256));
        assert_eq!(i32::from_binary(Oid(700), &[0, 0, 1, 0]), None, "a float4 has as many bytes");
        assert_eq!(i64::from_binary(INT8, &[0; 4]), None);
        assert_eq!(Option::<String>::from_binary(VARCHAR, b"Tiffin"), Some(Some("Tiffin".to_owned())));
        assert_eq!(String::from_binary(TEXT, &[0xFF]), None);
        assert_eq!(Decimal::from_binary(TEXT, &numeric(0, 0, 0, &[1])), None);
    }
}
