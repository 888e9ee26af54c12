//! Validation of scalars: which values each of the schema's takes, checked before anything runs.

use async_graphql::{InputType, Value};

use super::{date::Date, date_time::DateTime, decimal::Decimal};

/// What is wrong with a value for the named scalar, in a sentence; nothing if it can be taken.
pub fn problem(name: &str, value: &Value) -> Option<String> {
    match (name, value) {
        ("Int", value) => wanted(is_int(value), "This must be a whole number of at most 32 bits."),
        ("Float", value) => wanted(matches!(value, Value::Number(_)), "This must be a number."),
        ("Boolean", value) => wanted(matches!(value, Value::Boolean(_)), "This must be true or false."),
        ("String", Value::String(text)) => unstorable(text),
        ("String", _) => wanted(false, "This must be a string."),
        ("ID", Value::String(text)) => unstorable(text),
        ("ID", Value::Number(number)) => wanted(number.is_i64(), "This must be an id."),
        ("ID", _) => wanted(false, "This must be an id."),
        ("Date", value) => parsed::<Date>(value, "This must be a day such as \"2026-11-20\"."),
        ("DateTime", value) => parsed::<DateTime>(value, "This must be a time such as \"2026-11-20T18:30:00Z\"."),
        ("Decimal", value) => parsed::<Decimal>(value, "This must be an exact decimal in a string, such as \"12.50\"."),
        ("_Any", value) => {
            wanted(matches!(value, Value::Object(_)), "This must be an object with `__typename` and `id`.")
        }
        // One that is missing here is refused where it is used, without the field's path.
        (_, _) => None,
    }
}

fn wanted(holds: bool, otherwise: &str) -> Option<String> {
    (!holds).then(|| otherwise.to_owned())
}

fn is_int(value: &Value) -> bool {
    let Value::Number(number) = value else {
        return false;
    };
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

/// PostgreSQL's text has no U+0000, and nobody means it.
fn unstorable(text: &str) -> Option<String> {
    wanted(!text.contains('\0'), "This must not contain the character U+0000.")
}

fn parsed<T: InputType>(value: &Value, otherwise: &str) -> Option<String> {
    wanted(T::parse(Some(value.clone())).is_ok(), otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scalar_takes_its_values_and_no_others() {
        let text = |text: &str| Value::from(text);
        let cases = [
            (
                "Int",
                vec![Value::from(-5), Value::from(i32::MAX)],
                vec![Value::from(1_u64 << 31), Value::from(1.5), text("1"), Value::from(true)],
            ),
            ("Float", vec![Value::from(1), Value::from(1.5)], vec![text("1.5"), Value::from(true)]),
            ("Boolean", vec![Value::from(true)], vec![text("true"), Value::from(1)]),
            ("String", vec![text(""), text("Phở")], vec![Value::from(1), text("a\0")]),
            ("ID", vec![text("Order:1"), Value::from(1)], vec![Value::from(1.5), Value::from(true), text("\0")]),
            ("Date", vec![text("2026-11-20")], vec![text("2026-11-31"), text("20.11.2026"), Value::from(1)]),
            (
                "DateTime",
                vec![text("2026-11-20T18:30:00Z"), text("2026-11-20T18:30:00+07:00")],
                vec![text("2026-11-20"), text("now"), text("-262143-01-01T00:00:00Z"), Value::from(1)],
            ),
            ("Decimal", vec![text("12.50"), Value::from(12)], vec![Value::from(12.5), text("twelve"), text("1e3")]),
            ("_Any", vec![Value::Object(Default::default())], vec![text("Dish:1"), Value::List(Vec::new())]),
        ];
        for (name, taken, refused) in cases {
            for value in taken {
                assert_eq!(problem(name, &value), None, "{name} {value}");
            }
            for value in refused {
                assert!(problem(name, &value).is_some(), "{name} {value}");
            }
        }
    }
}
