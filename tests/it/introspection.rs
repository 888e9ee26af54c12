//! The schema as the running server tells it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tiffin_tests::Person;

const QUERY: &str = "
    query {
        __schema {
            types {
                kind name
                fields { name type { ...Type } }
            }
        }
    }
    fragment Type on __Type { name ofType { name ofType { name ofType { name } } } }";

/// What a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    InputObject,
}

/// The types by their names.
pub struct Schema {
    types: BTreeMap<String, TypeDefinition>,
}

#[derive(Debug, Deserialize)]
pub struct TypeDefinition {
    pub kind: Kind,
    pub name: String,
    fields: Option<Vec<Field>>,
}

#[derive(Debug, Deserialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: TypeReference,
}

/// A named type, or a list or non-null of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeReference {
    name: Option<String>,
    of_type: Option<Box<TypeReference>>,
}

impl TypeReference {
    /// What is inside of a list or non-null.
    pub fn inner(&self) -> &TypeReference {
        self.of_type.as_deref().expect("a wrapper wraps a type")
    }

    /// The name of the type inside all lists and non-nulls.
    pub fn named(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.inner().named())
    }
}

impl TypeDefinition {
    /// Those of an object or interface.
    pub fn fields(&self) -> &[Field] {
        self.fields.as_deref().unwrap_or_default()
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name == name)
    }
}

impl Schema {
    /// Asks the server that this person talks to.
    pub async fn told_to(person: &Person) -> Self {
        let types: Vec<TypeDefinition> = person.query(QUERY, json!({})).await.get("/__schema/types");
        let types = types.into_iter().filter(|definition| !definition.name.starts_with("__"));
        Schema { types: types.map(|definition| (definition.name.clone(), definition)).collect() }
    }

    pub fn objects(&self) -> impl Iterator<Item = &TypeDefinition> {
        self.types.values().filter(|definition| definition.kind == Kind::Object)
    }

    #[track_caller]
    pub fn named(&self, name: &str) -> &TypeDefinition {
        self.types.get(name).unwrap_or_else(|| panic!("the schema has no type {name}"))
    }
}
