//! Random values for arguments and inputs: mostly valid ones, ids of anybody's things and of nothing, and edge cases.

use std::collections::BTreeMap;

use chrono::{Days, Duration, Utc};
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::markers::Markers;
use crate::{
    inputs::{BadValue, Kind as Meaning, bad_values, meaning_of},
    introspection::{Kind, Schema, TypeReference},
};

/// What random values are made of.
pub struct Values {
    pub markers: Markers,
    /// The ids of everything in the city, by type.
    pub ids: BTreeMap<&'static str, Vec<String>>,
    /// Cursors that answers gave out.
    pub cursors: Vec<String>,
}

impl Values {
    /// How often an optional argument is given. Few cursors are good ones for a list.
    pub fn likelihood(owner: &str) -> f64 {
        match meaning_of(owner) {
            Some(Meaning::Cursor | Meaning::FeedCursor) => 0.05,
            // What is left out is long.
            Some(Meaning::PageSize(_)) => 0.8,
            _ => 0.35,
        }
    }

    /// A value for an argument or input field, which the table of inputs knows as `owner`.
    pub fn value(&mut self, schema: &Schema, random: &mut ChaCha8Rng, owner: &str, ty: &TypeReference) -> Value {
        if !ty.is_required() && random.random_bool(0.05) {
            return Value::Null;
        }
        // What the table lacks fails the table's own test.
        let meaning = meaning_of(owner).unwrap_or(Meaning::Free);
        if random.random_bool(0.03)
            && let Some(bad) = self.bad(random, meaning)
            && !(bad.is_null() && ty.is_required())
        {
            return bad;
        }
        let inner = ty.nullable();
        if inner.kind == Kind::List {
            let length = random.random_range(1..=3);
            return (0..length).map(|_| self.one(schema, random, owner, meaning, inner.inner())).collect();
        }
        self.one(schema, random, owner, meaning, inner)
    }

    fn bad(&self, random: &mut ChaCha8Rng, meaning: Meaning) -> Option<Value> {
        // Longer than anything said here is worth.
        let is_short = |value: &Value| value.to_string().len() < 1_000;
        let values = bad_values(meaning).into_iter().filter_map(|value| match value {
            BadValue::Either(value) | BadValue::Sent(value) if is_short(&value) => Some(value),
            _ => None,
        });
        values.collect::<Vec<_>>().choose(random).cloned()
    }

    fn one(
        &mut self,
        schema: &Schema,
        random: &mut ChaCha8Rng,
        owner: &str,
        meaning: Meaning,
        ty: &TypeReference,
    ) -> Value {
        let definition = schema.of(ty);
        match definition.kind {
            Kind::Enum if !matches!(meaning, Meaning::DriverStatus) => {
                return json!(definition.enum_values().choose(random));
            }
            Kind::InputObject => {
                let mut fields = serde_json::Map::new();
                for field in definition.input_fields() {
                    if field.ty.is_required() || random.random_bool(0.4) {
                        let owner = format!("{}.{}", definition.name, field.name);
                        fields.insert(field.name.clone(), self.value(schema, random, &owner, &field.ty));
                    }
                }
                return Value::Object(fields);
            }
            _ => {}
        }
        match meaning {
            Meaning::Kept(meaning) => self.one(schema, random, owner, *meaning, ty),
            Meaning::Id(type_name) | Meaning::Ids(type_name, _) => json!(self.id(random, type_name)),
            Meaning::AnyId | Meaning::AnyIds(_) => {
                let types: Vec<_> = self.ids.keys().copied().collect();
                let type_name = types.choose(random).copied().unwrap_or("Order");
                json!(self.id(random, type_name))
            }
            Meaning::Text(maximum) | Meaning::OptionalText(maximum) if owner.ends_with(".search") => {
                json!(
                    [self.markers.text("", 1), "a".to_owned(), "~".to_owned(), self.markers.text("A", maximum)]
                        .choose(random)
                )
            }
            Meaning::Text(maximum) | Meaning::OptionalText(maximum) => json!(self.markers.text("Anh", maximum)),
            Meaning::Email => json!(self.markers.email()),
            Meaning::Url => json!(format!("https://example.com/{}.jpg", self.markers.text("", 20).trim())),
            Meaning::Currency => json!(["USD", "EUR", "VND"].choose(random)),
            Meaning::Amount(_) => json!(["0", "1", "3.5", "12.50", "99999.99"].choose(random)),
            Meaning::Rate => json!(["0", "0.08", "1"].choose(random)),
            Meaning::Whole(minimum, maximum) => json!(random.random_range(minimum..=maximum)),
            Meaning::Number(maximum) => json!(random.random_range(0..=maximum as i32)),
            Meaning::Degrees(_) if random.random_bool(0.1) => json!([0.0, -90.0, 90.0].choose(random)),
            Meaning::Degrees(_) => json!(self.markers.degrees()),
            // Mostly small: lists in lists multiply.
            Meaning::PageSize(_) if random.random_bool(0.05) => json!([0, 50, 100, 101, -1, i32::MAX].choose(random)),
            Meaning::PageSize(_) => json!(random.random_range(1..=4)),
            Meaning::Offset => json!([0, 1, 2, 1_000_000].choose(random)),
            Meaning::Cursor | Meaning::FeedCursor => json!(self.cursors.choose(random).map_or("", String::as_str)),
            Meaning::Sequence => json!(random.random_range(0..=4)),
            Meaning::Recent => json!((Utc::now() - Duration::minutes(random.random_range(0..1_000))).to_rfc3339()),
            Meaning::DriverStatus => json!(["OFFLINE", "AVAILABLE"].choose(random)),
            _ => self.by_type(random, &definition.name),
        }
    }

    fn by_type(&mut self, random: &mut ChaCha8Rng, type_name: &str) -> Value {
        let days = Days::new(random.random_range(0..40));
        match type_name {
            "Boolean" => json!(random.random_bool(0.5)),
            "Date" => json!((Utc::now() - days).date_naive().to_string()),
            "DateTime" => json!((Utc::now() - days).to_rfc3339()),
            "Int" => json!(random.random_range(0..=10)),
            _ => json!(self.markers.text("Anh", 40)),
        }
    }

    /// Of something in the city, and now and then of nothing.
    fn id(&self, random: &mut ChaCha8Rng, type_name: &str) -> String {
        let known = self.ids.get(type_name).and_then(|ids| ids.choose(random));
        match known {
            Some(id) if random.random_bool(0.95) => id.clone(),
            _ => format!("{type_name}:{}", random.random_range(1_000_000..i32::MAX)),
        }
    }
}
