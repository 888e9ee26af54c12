//! The classes of bad value: those of a type, which the schema tells, and those of a kind of input, which the table tells.

use async_graphql::parser::types::{BaseType, Type, TypeKind};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{Duration, Utc};
use serde_json::{Value, json};

use super::schema::{Place, Schema, named};

/// What an input is about, beyond its type.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Nothing but its type limits it.
    Free,
    /// Required text of at most so many characters.
    Text(usize),
    /// Text of at most so many characters; blank is none.
    OptionalText(usize),
    /// The same, shown to everybody in one line: no control characters, and none that turn text around.
    PublicName(usize),
    Email,
    /// 10 to 200 characters.
    Password,
    /// What the server knows, such as what was sent by mail, and nothing else.
    Secret,
    /// An http or https URL, or none.
    Url,
    /// The ISO 4217 code of a currency in use.
    Currency,
    /// An amount in US dollars below a limit.
    Amount(&'static str),
    /// A fraction of at most 1 with 4 digits.
    Rate,
    /// From the first to the second, both included.
    Whole(i32, i32),
    /// From zero.
    Number(f64),
    /// From minus so many degrees to so many.
    Degrees(f64),
    /// The id of an object of this type.
    Id(&'static str),
    /// The id of anything, where what does not exist is null without an error.
    AnyId,
    /// At most so many ids of anything.
    AnyIds(usize),
    /// One to so many ids of objects of this type.
    Ids(&'static str, usize),
    /// A list of so many to so many entries.
    Length(usize, usize),
    /// `first` and `last`.
    PageSize(i32),
    Offset,
    /// A place in a list.
    Cursor,
    /// A place in a feed.
    FeedCursor,
    /// How many steps of an order were seen.
    Sequence,
    /// A time from a day ago until now.
    Recent,
    /// OFFLINE or AVAILABLE.
    DriverStatus,
    /// A value that an update leaves alone when it is absent: of this kind, and never null.
    Kept(&'static Kind),
}

/// A bad value at a place.
#[derive(Clone, Debug)]
pub struct Bad {
    pub value: BadValue,
    pub code: &'static str,
    /// What is to blame, from the place inwards: `0` for the first item of a list.
    pub within: &'static str,
}

#[derive(Clone, Debug)]
pub enum BadValue {
    /// The same in a variable and in the document.
    Either(Value),
    /// Only in a variable.
    Sent(Value),
    /// Only in the document, written so.
    Written(&'static str),
    /// Nothing at all.
    Absent,
}

fn either(value: impl Into<Value>) -> Bad {
    Bad { value: BadValue::Either(value.into()), code: "BAD_USER_INPUT", within: "" }
}

fn all<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Vec<Bad> {
    values.into_iter().map(either).collect()
}

fn texts(values: &[&str]) -> Vec<Bad> {
    all(values.iter().copied())
}

fn sent(value: Value) -> Bad {
    Bad { value: BadValue::Sent(value), ..either(Value::Null) }
}

fn written(text: &'static str) -> Bad {
    Bad { value: BadValue::Written(text), ..either(Value::Null) }
}

/// A number that the parser cannot keep.
fn out_of_range() -> Bad {
    Bad { code: "GRAPHQL_PARSE_FAILED", ..written("1e400") }
}

fn within(place: &'static str, bad: Bad) -> Bad {
    Bad { within: place, ..bad }
}

/// A value under a name that the input object does not have: seen by validation in the document itself.
pub fn unknown() -> [Bad; 2] {
    [sent(json!(1)), Bad { code: "GRAPHQL_VALIDATION_FAILED", ..written("1") }]
}

/// The classes that follow from the type.
pub fn of_type(schema: &Schema, place: &Place) -> Vec<Bad> {
    let mut bad = Vec::new();
    if !place.ty.nullable {
        bad.push(either(Value::Null));
    }
    if place.is_required() {
        bad.push(Bad { value: BadValue::Absent, ..either(Value::Null) });
    }
    bad.extend(of_named(schema, &place.ty));
    if let BaseType::List(item) = &place.ty.base {
        assert!(!item.nullable, "{}: lists of nulls have no rows yet", place.owner);
        bad.push(within("0", either(json!([null]))));
    }
    bad
}

fn of_named(schema: &Schema, ty: &Type) -> Vec<Bad> {
    let is_list = matches!(ty.base, BaseType::List(_));
    let mut bad = match (named(ty), schema.kind(named(ty))) {
        (_, Some(TypeKind::InputObject(_))) => texts(&["", "x"]),
        (_, Some(TypeKind::Enum(_))) => [
            texts(&["NOT_ONE_OF_THEM", "pending"]),
            vec![sent(json!("")), sent(json!("PENDING ")), written("\"PENDING\"")],
            all([json!(1)]),
        ]
        .concat(),
        ("Int", _) => all([
            json!("1"),
            json!(1.5),
            json!(2_147_483_648_i64),
            json!(-2_147_483_649_i64),
            json!(9_223_372_036_854_775_807_i64),
            json!(18_446_744_073_709_551_615_u64),
            json!(1e300),
        ])
        .into_iter()
        .chain([written("ONE"), written("99999999999999999999999999"), out_of_range()])
        .collect(),
        ("Float", _) => [texts(&["1.5", "NaN", "Infinity"]), vec![written("NaN"), out_of_range()]].concat(),
        ("Boolean", _) => all([json!("true"), json!(1), json!(0)]),
        ("String", _) => [texts(&["a\0b"]), all([json!(1)]), vec![written("BARE")]].concat(),
        ("ID", _) => [texts(&["a\0b"]), all([json!(1.5)]), vec![written("BARE")]].concat(),
        ("Decimal", _) => [
            texts(&["", "twelve", "1e3", "NaN", "Infinity", "1,5", " 1", "1.", ".5", "+1", "0x1", "1.2.3", "٣"]),
            texts(&["123456789012345678901234567890123456789", "0.00000000000000000000000000000000001", "1\0"]),
            all([json!(1.5), json!(1e30)]),
        ]
        .concat(),
        ("DateTime", _) => [
            texts(&[
                "",
                "tomorrow",
                "2026-11-20",
                "2026-02-30T00:00:00Z",
                "2026-11-20T25:00:00Z",
                "2026-11-20T18:30:00",
            ]),
            texts(&[
                "2026-11-20T18:30:60Z",
                "2016-12-31T23:59:60+01:00",
                "10000-01-01T00:00:00Z",
                "-262143-01-01T00:00:00Z",
                "-0001-01-01T00:00:00Z",
                "+2026-11-20T18:30:00Z",
                "2026-11-20T18:30:00Z\0",
            ]),
            all([json!(1_795_000_000)]),
        ]
        .concat(),
        ("Date", _) => [
            texts(&[
                "",
                "today",
                "2026-02-30",
                "20.11.2026",
                "20261120",
                "2026-1-01",
                "2026-11-1 ",
                "2026-11-20T00:00:00Z",
            ]),
            texts(&["+2026-1-01", "-999-01-01", "-001-01-01", " 026-11-20", "10000-01-01", "2026-11-20\0"]),
            all([json!(20_261_120)]),
        ]
        .concat(),
        (name, _) => panic!("{name} has no rows yet"),
    };
    if !is_list {
        bad.extend([json!([]), json!([1, 2])].map(either));
    }
    let is_object = matches!(schema.kind(named(ty)), Some(TypeKind::InputObject(_)));
    bad.push(either(json!(true)).unless(named(ty) == "Boolean"));
    bad.push(either(json!({"surprise": 1})).unless(is_object));
    bad.retain(|bad| !matches!(bad.code, ""));
    if is_list {
        // One value stands for a list of itself, without an index.
        bad.retain(|bad| !matches!(&bad.value, BadValue::Either(Value::Array(_))));
    }
    bad
}

impl Bad {
    fn unless(self, condition: bool) -> Self {
        if condition { Bad { code: "", ..self } } else { self }
    }
}

/// The classes that follow from what the input is about.
pub fn of_kind(kind: Kind) -> Vec<Bad> {
    match kind {
        Kind::Free => Vec::new(),
        Kind::Text(maximum) => {
            let invisible = texts(&["\u{200b}\u{2060}", "\u{202e}\u{200f}", "\u{3164}", "\u{2800} \u{fe0f}"]);
            [texts(&["", " ", "\t\n\u{a0}\u{3000}"]), invisible, vec![over_long(maximum)]].concat()
        }
        Kind::OptionalText(maximum) => vec![over_long(maximum)],
        Kind::PublicName(maximum) => {
            [texts(&["a\u{1}b", "a\u{7f}", "\u{202e}gnihton", "a\u{2067}b\u{2069}"]), vec![over_long(maximum)]].concat()
        }
        Kind::Email => {
            let over_long = format!("{}@example.com", "a".repeat(244));
            [texts(&["", " ", "nobody", "@example.com", "ann@", "a b@example.com", "a@b@c"]), all([over_long])].concat()
        }
        Kind::Password => [texts(&["", "123456789"]), vec![over_long(200)]].concat(),
        Kind::Secret => [texts(&["", "nonsense"]), vec![over_long(10_000)]].concat(),
        Kind::Url => {
            let over_long = format!("https://example.com/{}", "a".repeat(236));
            [texts(&["phở", "ftp://example.com/a", "javascript:alert(1)", "http://", "/a.png"]), all([over_long])]
                .concat()
        }
        Kind::Currency => {
            let not_in_use = texts(&["HRK", "BGN", "CUC", "USN", "CLF", "XAU", "XTS"]);
            [texts(&["", "usd", "US", "DOLLARS", "XXX", "KWD", " USD", "$"]), not_in_use].concat()
        }
        Kind::Amount(limit) => texts(&["-0.01", "0.001", limit, "79228162514264337593543950335"]),
        Kind::Rate => texts(&["-0.01", "1.0001", "2", "0.00001", "79228162514264337593543950335"]),
        Kind::Whole(minimum, maximum) => all([minimum - 1, maximum + 1, i32::MIN, i32::MAX, -1]),
        Kind::Number(maximum) => all([-0.1, maximum + 0.1, 1e300, -1e300]),
        Kind::Degrees(limit) => all([limit + 0.001, -limit - 0.001, 1e300, -1e300]),
        Kind::Id(type_name) => ids(type_name),
        Kind::AnyId => malformed_ids(),
        Kind::AnyIds(maximum) => {
            let many = vec![json!("Dish:1"); maximum + 1];
            let second = [json!("Dish:1"), json!("Dish")];
            vec![within("1", either(second.to_vec())), within("0", either(json!([1.5]))), either(many)]
        }
        Kind::Ids(type_name, maximum) => {
            let in_list = |bad: Bad| match bad.value {
                BadValue::Either(id) => Some(within("0", Bad { value: BadValue::Either(json!([id])), ..bad })),
                _ => None,
            };
            let other = if type_name == "Dish" { "Menu:1" } else { "Dish:1" };
            let mut bad: Vec<_> = ids(type_name).into_iter().filter_map(in_list).collect();
            bad.extend([either(json!([])), either(vec![json!(other); maximum + 1])]);
            bad
        }
        Kind::Length(minimum, maximum) => {
            assert!(minimum <= 1, "a list that needs several entries has no rows yet");
            let too_few = if minimum == 1 { vec![either(json!([]))] } else { Vec::new() };
            // What would fill it is the scenario's: see `refusals`.
            assert!(maximum <= 1000);
            too_few
        }
        Kind::PageSize(maximum) => all([-1, i32::MIN, maximum + 1, i32::MAX]),
        Kind::Offset => all([-1, i32::MIN]),
        Kind::Cursor => cursors(),
        Kind::FeedCursor => [
            texts(&["", "nonsense", "🍜"]),
            all(["", "1", ":", "1:", ":1", "-1:1", "1:-1", "1:1:1", "9223372036854775808:1", "1: 1"]
                .map(|text| BASE64_URL_SAFE_NO_PAD.encode(text))),
        ]
        .concat(),
        Kind::Sequence => all([-1, i32::MIN, 1000, i32::MAX]),
        Kind::Recent => {
            let minutes = |minutes| (Utc::now() + Duration::minutes(minutes)).to_rfc3339();
            [all([minutes(10), minutes(-25 * 60)]), texts(&["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])].concat()
        }
        Kind::DriverStatus => texts(&["BUSY"]),
        Kind::Kept(kind) => [vec![either(Value::Null)], of_kind(*kind)].concat(),
    }
}

/// One character too many, of those that have four bytes.
fn over_long(maximum: usize) -> Bad {
    either("🍜".repeat(maximum + 1))
}

fn malformed_ids() -> Vec<Bad> {
    let texts = texts(&[
        "",
        " ",
        "42",
        "Order",
        ":",
        ":1",
        "Order:",
        "Order:0",
        "Order:-1",
        "Order:+1",
        "Order:01",
        "Order:1.0",
        "Order:1 ",
        " Order:1",
        "Order:1:1",
        "Order:1' or '1'='1",
        "order:1",
        "Orders:1",
        "Session:1",
        "Order:2147483648",
        "Order:99999999999999999999",
        "Order:٤",
        "T3JkZXI6MQ==",
        "🍜",
    ]);
    [texts, all([json!(1), json!(-1)])].concat()
}

fn ids(type_name: &'static str) -> Vec<Bad> {
    let other = if type_name == "Dish" { "Menu:1" } else { "Dish:1" };
    let unknown = Bad { code: "NOT_FOUND", ..either(format!("{type_name}:2147483647")) };
    [malformed_ids(), vec![either(other), unknown]].concat()
}

/// What no list gave out, down to cursors of the right shape with the wrong contents.
fn cursors() -> Vec<Bad> {
    let encoded = [
        json!(null),
        json!([]),
        json!({}),
        json!("id"),
        json!([1]),
        json!(["id"]),
        json!(["id", null]),
        json!(["id", "1"]),
        json!(["id", 1.5]),
        json!(["id", 2_147_483_648_i64]),
        json!(["id", 1, 2]),
        json!(["no such order", 1]),
    ];
    let encoded = encoded.map(|value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string()));
    [texts(&["nonsense", "🍜", "!", "AAAA", "bnVsbA=="]), all(encoded)].concat()
}
