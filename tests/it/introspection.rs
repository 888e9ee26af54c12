//! The schema as the running server tells it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Person};

const QUERY: &str = "
    query {
        __schema {
            types {
                kind name
                fields { name args { ...Value } type { ...Type } }
                inputFields { ...Value }
                enumValues { name }
                possibleTypes { name }
            }
        }
    }
    fragment Value on __InputValue { name type { ...Type } defaultValue }
    fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// What a type or a wrapper of one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    InputObject,
    List,
    NonNull,
}

/// The types by their names.
pub struct Schema {
    types: BTreeMap<String, TypeDefinition>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeDefinition {
    pub kind: Kind,
    pub name: String,
    fields: Option<Vec<Field>>,
    input_fields: Option<Vec<InputValue>>,
    enum_values: Option<Vec<Named>>,
    possible_types: Option<Vec<Named>>,
}

#[derive(Debug, Deserialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "args")]
    pub arguments: Vec<InputValue>,
    #[serde(rename = "type")]
    pub ty: TypeReference,
}

/// An argument, or a field of an input object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputValue {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: TypeReference,
    pub default_value: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// A named type, or a list or non-null of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeReference {
    pub kind: Kind,
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

    pub fn is_required(&self) -> bool {
        self.kind == Kind::NonNull
    }

    /// The same, but nullable.
    pub fn nullable(&self) -> &TypeReference {
        if self.is_required() { self.inner() } else { self }
    }

    /// As a document writes it: `[ID!]!`.
    pub fn written(&self) -> String {
        match self.kind {
            Kind::NonNull => format!("{}!", self.inner().written()),
            Kind::List => format!("[{}]", self.inner().written()),
            _ => self.named().to_owned(),
        }
    }
}

impl TypeDefinition {
    /// Those of an object or interface.
    pub fn fields(&self) -> &[Field] {
        self.fields.as_deref().unwrap_or_default()
    }

    /// Those of an input object.
    pub fn input_fields(&self) -> &[InputValue] {
        self.input_fields.as_deref().unwrap_or_default()
    }

    pub fn enum_values(&self) -> Vec<&str> {
        self.enum_values.iter().flatten().map(|value| value.name.as_str()).collect()
    }

    /// The objects that an interface or union can be; an object is itself.
    pub fn possible_types(&self) -> Vec<&str> {
        match self.kind {
            Kind::Object => vec![&self.name],
            _ => self.possible_types.iter().flatten().map(|object| object.name.as_str()).collect(),
        }
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// Whether it has fields to select.
    pub fn is_composite(&self) -> bool {
        matches!(self.kind, Kind::Object | Kind::Interface | Kind::Union)
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

    /// The definition of a reference's named type.
    pub fn of(&self, reference: &TypeReference) -> &TypeDefinition {
        self.named(reference.named())
    }
}

#[test]
fn what_implements_nothing_has_an_empty_list_of_interfaces() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let document = "{
            __schema { types { kind implements: interfaces { name interfaces { name } } } }
            node: __type(name: \"Node\") { interfaces { name } }
            order: __type(name: \"Order\") { interfaces { name interfaces { name } fields { type { ofType { interfaces { name } } } } } }
        }";
        let answer = city.anonymous().query(document, json!({})).await;
        assert_eq!(answer.at("/node"), &json!({"interfaces": []}));
        assert_eq!(answer.at("/order/interfaces/0/interfaces"), &json!([]));
        for ty in answer.list("/__schema/types") {
            let has_list = ["OBJECT", "INTERFACE"].iter().any(|kind| ty["kind"] == *kind);
            assert_eq!(ty["implements"].is_array(), has_list, "{ty}");
            assert_eq!(ty.as_object().map(serde_json::Map::len), Some(2), "nothing else is told: {ty}");
        }
        assert_eq!(answer.at("/order/interfaces/0/fields/0/type/ofType/interfaces"), &Value::Null, "of a scalar");
    });
}
