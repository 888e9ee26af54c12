//! Sort orders for keyset pagination: a few sort keys of which the last is unique, all in one direction.

use chrono::{DateTime, Utc};
use entity::columns::{Columns, Partial};
use rust_decimal::Decimal;
use sea_orm::{
    DbBackend,
    sea_query::{Expr, ExprTrait, Order, SimpleExpr, Value},
};
use serde_json::Value as Json;
use std::hash::Hash;

use crate::{
    database::dialect,
    domain::error::{Error, Result},
};

/// What a sort key's values are; says how a cursor carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Integer,
    /// An integer of 64 bits.
    Long,
    Text,
    /// A text whose column has no room for more than [`TEXT_LENGTH`] characters.
    ShortText,
    Decimal,
    /// Microseconds since 1970.
    Time,
}

/// One column that rows are sorted by.
pub struct SortKey {
    name: &'static str,
    column: SimpleExpr,
    kind: KeyKind,
}

/// Rows are sorted by so many characters of a text, so that cursors stay short; what is equal so far is told apart by the id.
pub const TEXT_LENGTH: usize = 100;

impl SortKey {
    pub fn new(column: impl sea_orm::ColumnTrait, kind: KeyKind) -> Self {
        SortKey { name: column.as_str(), column: Expr::col(column.as_column_ref()), kind }
    }

    fn expression(self, backend: DbBackend) -> SimpleExpr {
        match self.kind {
            KeyKind::Text => dialect::text_key(backend, self.column, TEXT_LENGTH),
            KeyKind::ShortText => dialect::by_code_point(backend, self.column),
            KeyKind::Integer | KeyKind::Long | KeyKind::Decimal | KeyKind::Time => self.column,
        }
    }
}

/// The expressions that an order sorts by, all in the same direction.
pub fn expressions<R, S: Sort<R>>(sort: S, backend: DbBackend) -> impl Iterator<Item = SimpleExpr> {
    sort.keys().into_iter().map(move |key| key.expression(backend))
}

/// The columns that an order sorts by.
pub fn columns<R: Partial, S: Sort<R>>(sort: S) -> Columns {
    sort.keys().iter().fold(Columns::NONE, |columns, key| columns.and(Columns::named(R::NAMES, &[key.name])))
}

/// A stable order of rows `R`: a variant of a feature's `OrderBy` enum.
pub trait Sort<R>: Copy + Eq + Hash + Send + Sync + 'static {
    /// Names the order in cursors, so that a cursor of one order is refused in another.
    fn name(self) -> &'static str;
    fn descending(self) -> bool;
    /// The keys in order; the last one is unique.
    fn keys(self) -> Vec<SortKey>;
    /// The row's values of these keys.
    fn position(self, row: &R) -> SortPosition;
}

/// A position in an order: a row's values of the sort keys (keyset).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SortPosition(pub Vec<KeyValue>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValue {
    Integer(i64),
    Text(String),
    Decimal(Decimal),
    Time(DateTime<Utc>),
}

impl KeyValue {
    /// As much of a text as rows are sorted by.
    pub fn text(text: &str) -> Self {
        KeyValue::Text(text.chars().take(TEXT_LENGTH).collect())
    }

    pub fn to_json(&self) -> Json {
        match self {
            KeyValue::Integer(number) => Json::from(*number),
            KeyValue::Text(text) => Json::from(text.as_str()),
            KeyValue::Decimal(decimal) => Json::from(decimal.to_string()),
            KeyValue::Time(time) => Json::from(time.timestamp_micros()),
        }
    }

    pub fn from_json(kind: KeyKind, json: &Json) -> Option<Self> {
        Some(match kind {
            KeyKind::Integer => KeyValue::Integer(json.as_i64().filter(|number| i32::try_from(*number).is_ok())?),
            KeyKind::Long => KeyValue::Integer(json.as_i64()?),
            KeyKind::Text | KeyKind::ShortText => {
                KeyValue::Text(json.as_str().filter(|text| !text.contains('\0'))?.to_owned())
            }
            KeyKind::Decimal => KeyValue::Decimal(json.as_str()?.parse().ok()?),
            KeyKind::Time => KeyValue::Time(
                DateTime::from_timestamp_micros(json.as_i64()?)
                    .filter(|time| (0..=9999).contains(&chrono::Datelike::year(time)))?,
            ),
        })
    }

    fn into_value(self, backend: DbBackend) -> Value {
        match self {
            KeyValue::Integer(number) => number.into(),
            KeyValue::Text(text) => text.into(),
            KeyValue::Decimal(decimal) => dialect::decimal(backend, decimal),
            KeyValue::Time(time) => time.into(),
        }
    }
}

/// The direction in which all keys of the order run.
pub fn direction<R, S: Sort<R>>(sort: S, backwards: bool) -> Order {
    if sort.descending() != backwards { Order::Desc } else { Order::Asc }
}

/// Rows that come after (or before) the position in this order: a comparison of row values, which an index on the keys can answer.
pub fn beyond<R, S: Sort<R>>(sort: S, position: &SortPosition, before: bool, backend: DbBackend) -> SimpleExpr {
    let columns = Expr::tuple(expressions::<R, S>(sort, backend));
    let values = Expr::tuple(position.0.iter().map(|value| Expr::val(value.clone().into_value(backend))));
    if sort.descending() != before { columns.lt(values) } else { columns.gt(values) }
}

/// Reads a position of this order; `field` names the argument to blame.
pub fn parse_position<R, S: Sort<R>>(sort: S, name: &str, values: &[Json], field: &str) -> Result<SortPosition> {
    if name != sort.name() {
        return Err(Error::bad_input(field, "This cursor belongs to another list or another order."));
    }
    let keys = sort.keys();
    let position = (keys.len() == values.len())
        .then(|| {
            keys.iter().zip(values).map(|(key, value)| KeyValue::from_json(key.kind, value)).collect::<Option<Vec<_>>>()
        })
        .flatten();
    position.map(SortPosition).ok_or_else(|| Error::bad_input(field, "This is not a cursor that this server gave out."))
}

/// The order of lists that have no better one: by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdOrder;
