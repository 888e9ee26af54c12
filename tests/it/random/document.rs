//! Documents made at random from the schema: valid ones, mostly within the limits, with values of every kind.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::values::Values;
use crate::introspection::{Field, Schema, TypeDefinition, TypeReference};

/// Levels of selections at most; the server allows more.
const DEPTH: usize = 9;

/// An operation, and what its answer has to look like.
#[derive(Debug)]
pub struct Document {
    pub root: &'static str,
    pub text: String,
    pub variables: Value,
    pub selected: Vec<Selected>,
}

/// A field that the answer has to have.
#[derive(Clone, Debug)]
pub struct Selected {
    pub key: String,
    pub ty: TypeReference,
    /// Of what the field gives.
    pub inner: Vec<Selected>,
    /// The objects that it is asked of, where not all can be.
    pub on: Option<Vec<String>>,
}

impl Document {
    /// The whole request as text.
    pub fn asked(&self) -> String {
        format!("{}\n{}", self.text, self.variables)
    }
}

/// Makes one document after the other.
pub struct Generator<'a> {
    pub schema: &'a Schema,
    pub random: ChaCha8Rng,
    pub values: Values,
    /// Root fields that are left alone.
    pub left_out: &'a [&'a str],
}

impl Generator<'_> {
    pub fn document(&mut self, root: &'static str) -> Document {
        let mut writer =
            Writer { generator: self, variables: Map::new(), declared: Vec::new(), fragments: Vec::new(), names: 0 };
        let (body, selected) = writer.root(root);
        let Writer { variables, declared, fragments, .. } = writer;
        let declared = if declared.is_empty() { String::new() } else { format!("({})", declared.join(", ")) };
        let mut parts = vec![format!("{} Random{declared} {{ {body} }}", root.to_lowercase())];
        parts.extend(fragments);
        Document { root, text: parts.join("\n"), variables: Value::Object(variables), selected }
    }
}

/// One document on the way.
struct Writer<'a, 'b> {
    generator: &'a mut Generator<'b>,
    variables: Map<String, Value>,
    declared: Vec<String>,
    fragments: Vec<String>,
    /// How many aliases, variables and fragments there are.
    names: usize,
}

impl Writer<'_, '_> {
    fn chance(&mut self, probability: f64) -> bool {
        self.generator.random.random_bool(probability)
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// One field of a subscription, some of the other roots.
    fn root(&mut self, root: &'static str) -> (String, Vec<Selected>) {
        let definition = self.generator.schema.named(root);
        let left_out = self.generator.left_out;
        let fields: Vec<_> =
            definition.fields().iter().filter(|field| !left_out.contains(&field.name.as_str())).collect();
        let count =
            if root == "Subscription" || self.chance(0.6) { 1 } else { self.generator.random.random_range(2..=3) };
        let (mut texts, mut selected) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let field = *fields.choose(&mut self.generator.random).expect("a root has fields");
            let alias = self.name("a");
            let (text, one) = self.field(root, field, alias, true, 1);
            texts.push(text);
            selected.push(one);
        }
        (texts.join(" "), selected)
    }

    /// A field with its arguments and what is selected of it, under this key.
    fn field(&mut self, parent: &str, field: &Field, key: String, alias: bool, depth: usize) -> (String, Selected) {
        let mut text = if alias { format!("{key}: {}", field.name) } else { field.name.clone() };
        let mut arguments = Vec::new();
        for argument in &field.arguments {
            let optional = !argument.ty.is_required() || argument.default_value.is_some();
            let owner = format!("{parent}.{}.{}", field.name, argument.name);
            if optional && !self.chance(Values::likelihood(&owner)) {
                continue;
            }
            let Generator { schema, random, values, .. } = &mut *self.generator;
            let value = values.value(schema, random, &owner, &argument.ty);
            let written = if self.chance(0.3) {
                let name = self.name("v");
                self.declared.push(format!("${name}: {}", argument.ty.written()));
                self.variables.insert(name.clone(), value);
                format!("${name}")
            } else {
                literal(self.generator.schema, &value, &argument.ty)
            };
            arguments.push(format!("{}: {written}", argument.name));
        }
        if !arguments.is_empty() {
            text.push_str(&format!("({})", arguments.join(", ")));
        }
        let schema = self.generator.schema;
        let target = schema.of(&field.ty);
        let mut inner = Vec::new();
        if target.is_composite() {
            let (selections, selected) = self.selections(target, depth + 1);
            text.push_str(&format!(" {{ {selections} }}"));
            inner = selected;
        }
        (text, Selected { key, ty: field.ty.clone(), inner, on: None })
    }

    /// Some fields of a type, directly and through fragments.
    fn selections(&mut self, definition: &TypeDefinition, depth: usize) -> (String, Vec<Selected>) {
        let (mut texts, mut selected) = (Vec::new(), Vec::new());
        let mut keys = BTreeSet::new();
        if definition.possible_types() != [definition.name.as_str()] {
            texts.push("__typename".to_owned());
        }
        for _ in 0..self.generator.random.random_range(1..=4) {
            // A union has no fields of its own.
            if definition.fields().is_empty() || self.chance(0.15) {
                let possible = definition.possible_types();
                let on = (*possible.choose(&mut self.generator.random).expect("there is an object")).to_owned();
                let schema = self.generator.schema;
                let (inner, of_fragment) = self.fields(schema.named(&on), depth, &mut BTreeSet::new(), true);
                if inner.is_empty() {
                    continue;
                }
                let is_named = self.chance(0.5);
                let fragment = if is_named {
                    let name = self.name("F");
                    self.fragments.push(format!("fragment {name} on {on} {{ {inner} }}"));
                    format!("...{name}")
                } else {
                    format!("... on {on}")
                };
                let (directive, shown) = self.directive();
                texts.push(if is_named {
                    format!("{fragment}{directive}")
                } else {
                    format!("{fragment}{directive} {{ {inner} }}")
                });
                if shown {
                    selected.extend(of_fragment.into_iter().map(|one| Selected { on: Some(vec![on.clone()]), ..one }));
                }
            } else {
                let (text, some) = self.fields(definition, depth, &mut keys, false);
                texts.push(text);
                selected.extend(some);
            }
        }
        if texts.iter().all(String::is_empty) {
            texts.push("__typename".to_owned());
        }
        (texts.join(" "), selected)
    }

    /// One field, if there is one to be had at this depth. Within a fragment it has an alias, for others may have its name.
    fn fields(
        &mut self,
        definition: &TypeDefinition,
        depth: usize,
        keys: &mut BTreeSet<String>,
        within_fragment: bool,
    ) -> (String, Vec<Selected>) {
        let schema = self.generator.schema;
        let leaves_only = depth >= DEPTH || !self.chance(0.75);
        let fits = |field: &&Field| !leaves_only || !schema.of(&field.ty).is_composite();
        let fields: Vec<_> = definition.fields().iter().filter(fits).collect();
        let Some(field) = fields.choose(&mut self.generator.random).copied() else { return Default::default() };
        let alias = within_fragment || keys.contains(&field.name) || self.chance(0.2);
        let key = if alias { self.name("a") } else { field.name.clone() };
        keys.insert(key.clone());
        let is_leaf = !schema.of(&field.ty).is_composite();
        let (mut text, one) = self.field(&definition.name, field, key, alias, depth);
        if is_leaf {
            let (directive, shown) = self.directive();
            text.push_str(&directive);
            return (text, if shown { vec![one] } else { Vec::new() });
        }
        (text, vec![one])
    }

    /// A directive, mostly none, and whether what it stands at is there.
    fn directive(&mut self) -> (String, bool) {
        if !self.chance(0.1) {
            return (String::new(), true);
        }
        let condition = self.chance(0.5);
        let written = if self.chance(0.5) {
            let name = self.name("v");
            self.declared.push(format!("${name}: Boolean!"));
            self.variables.insert(name.clone(), condition.into());
            format!("${name}")
        } else {
            condition.to_string()
        };
        if self.chance(0.5) {
            (format!(" @include(if: {written})"), condition)
        } else {
            (format!(" @skip(if: {written})"), !condition)
        }
    }
}

/// The value as a document writes it.
fn literal(schema: &Schema, value: &Value, ty: &TypeReference) -> String {
    use crate::introspection::Kind;
    match value {
        Value::Array(items) => {
            let item = if ty.nullable().kind == Kind::List { ty.nullable().inner() } else { ty };
            let items: Vec<_> = items.iter().map(|value| literal(schema, value, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let types: BTreeMap<_, _> =
                schema.of(ty).input_fields().iter().map(|field| (field.name.as_str(), &field.ty)).collect();
            let fields =
                fields.iter().map(|(name, value)| format!("{name}: {}", literal(schema, value, types[name.as_str()])));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if schema.of(ty).kind == Kind::Enum => text.clone(),
        value => value.to_string(),
    }
}
