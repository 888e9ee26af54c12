//! The `Decimal` scalar: exact, a string on the way out, a string or an integer on the way in.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::domain::money;

/// An exact decimal number as a string, such as `"12.50"`: never a floating-point number. Amounts of money have exactly the
/// digits of their currency (`"12.50"` USD, `"50000"` VND). Input takes strings and integers; a JSON number with a fraction is
/// refused, for it may already have lost digits on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(pub rust_decimal::Decimal);

impl Decimal {
    /// An amount of money with the digits of its currency.
    pub fn money(amount: rust_decimal::Decimal, currency: &str) -> Self {
        Decimal(money::rounded(amount, money::digits(currency)))
    }

    /// A rating with one decimal: `"4.3"`.
    pub fn rating(rating: rust_decimal::Decimal) -> Self {
        Decimal(money::rounded(rating, 1))
    }

    /// A rate without trailing zeros: `"0.08"` is 8 %.
    pub fn rate(rate: rust_decimal::Decimal) -> Self {
        Decimal(money::rounded(rate, 4).normalize())
    }
}

/// An exact decimal number as a string, such as `"12.50"`: never a floating-point number. Amounts of money have exactly the
/// digits of their currency (`"12.50"` USD, `"50000"` VND). Input takes strings and integers; a JSON number with a fraction is
/// refused, for it may already have lost digits on the way.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            Value::Number(_) => {
                return Err(InputValueError::custom("Send a decimal with a fraction as a string, such as \"12.50\"."));
            }
            _ => return Err(InputValueError::expected_type(value)),
        };
        exact(&text)
            .map(Decimal)
            .ok_or_else(|| InputValueError::custom("This is not a decimal number such as \"12.50\"."))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
            || matches!(value, Value::Number(number) if number.is_i64() || number.is_u64())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Digits, at most one point, an optional minus: no exponents, no separators, and nothing that would be rounded in silence.
fn exact(text: &str) -> Option<rust_decimal::Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return None;
    }
    rust_decimal::Decimal::from_str_exact(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_strings_and_integers_exactly() {
        let parse = |value: Value| Decimal::parse(value).ok().map(|decimal| decimal.0.to_string());
        assert_eq!(parse(Value::from("12.50")).as_deref(), Some("12.50"));
        assert_eq!(parse(Value::from("-0.1")).as_deref(), Some("-0.1"));
        assert_eq!(parse(Value::from(7)).as_deref(), Some("7"));
        for refused in
            ["", " 1", "1,5", "1e3", "1.", ".5", "+1", "0x1", "NaN", "1.2.3", "12345678901234567890123456789012"]
        {
            assert_eq!(parse(Value::from(refused)), None, "{refused}");
        }
        assert_eq!(parse(Value::from(12.5)), None);
    }

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let amount = rust_decimal::Decimal::new(125, 1);
        assert_eq!(Decimal::money(amount, "USD").0.to_string(), "12.50");
        assert_eq!(Decimal::money(rust_decimal::Decimal::from(50000), "VND").0.to_string(), "50000");
        assert_eq!(Decimal::rating(rust_decimal::Decimal::ZERO).0.to_string(), "0.0");
        assert_eq!(Decimal::rate(rust_decimal::Decimal::new(800, 4)).0.to_string(), "0.08");
        assert_eq!(Decimal::rate(rust_decimal::Decimal::ZERO).0.to_string(), "0");
    }
}
