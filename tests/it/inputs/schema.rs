//! The places of the schema that take values, read from `schema.graphql`, and how values are written for them.

use std::collections::BTreeMap;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition},
};
use serde_json::Value;
use tiffin_tests::workspace;

/// Stands in a value for text that is put into the document as it is.
const VERBATIM: &str = "@verbatim@";

/// A place that takes a value: an argument, or a field of an input object inside one.
#[derive(Clone, Debug)]
pub struct Place {
    /// The field whose argument it is: `Mutation.placeOrder`.
    pub field: String,
    /// From the argument inwards, through the first item of each list: `input`, `items`, `0`, `quantity`.
    pub path: Vec<String>,
    /// What is said about it in the table: `OrderItemInput.quantity`, `Query.restaurants.first`.
    pub owner: String,
    pub ty: Type,
    pub has_default: bool,
}

impl Place {
    /// What `extensions.field` calls it.
    pub fn blamed(&self) -> String {
        match self.path.as_slice() {
            [argument, inner @ ..] if argument == "input" && !inner.is_empty() => inner.join("."),
            path => path.join("."),
        }
    }

    pub fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }

    pub fn is_argument(&self) -> bool {
        self.path.len() == 1
    }
}

/// The types of `schema.graphql`.
pub struct Schema {
    types: BTreeMap<String, TypeDefinition>,
}

impl Schema {
    pub fn read() -> Self {
        let document = parse_schema(workspace::schema()).expect("the schema can be parsed");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some((definition.node.name.to_string(), definition.node)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Schema { types: types.collect() }
    }

    pub fn kind(&self, type_name: &str) -> Option<&TypeKind> {
        self.types.get(type_name).map(|definition| &definition.kind)
    }

    /// Every place of every field of every type.
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (name, definition) in &self.types {
            let TypeKind::Object(object) = &definition.kind else { continue };
            for field in &object.fields {
                let field_name = format!("{name}.{}", field.node.name.node);
                for argument in &field.node.arguments {
                    let path = vec![argument.node.name.node.to_string()];
                    self.add_place(&mut places, &field_name, &field_name, path, &argument.node);
                }
            }
        }
        places
    }

    fn add_place(
        &self,
        places: &mut Vec<Place>,
        field: &str,
        owner: &str,
        path: Vec<String>,
        definition: &InputValueDefinition,
    ) {
        let ty = &definition.ty.node;
        places.push(Place {
            field: field.to_owned(),
            owner: format!("{owner}.{}", definition.name.node),
            path: path.clone(),
            ty: ty.clone(),
            has_default: definition.default_value.is_some(),
        });
        let (named, is_list) = match &ty.base {
            BaseType::Named(name) => (name.as_str(), false),
            BaseType::List(item) => (named(item), true),
        };
        let Some(TypeKind::InputObject(object)) = self.kind(named) else { return };
        let within = if is_list { [path, vec!["0".to_owned()]].concat() } else { path };
        for inner in &object.fields {
            let path = [within.clone(), vec![inner.node.name.node.to_string()]].concat();
            self.add_place(places, field, named, path, &inner.node);
        }
    }

    /// A place in an input object that has no such field; nothing for what is no input object or list of them.
    pub fn unknown_field(&self, place: &Place) -> Option<Place> {
        let Some(TypeKind::InputObject(_)) = self.kind(named(&place.ty)) else { return None };
        let is_list = matches!(place.ty.base, BaseType::List(_));
        let inner = is_list.then_some("0").into_iter().chain(["surprise"]).map(str::to_owned);
        Some(Place { path: place.path.iter().cloned().chain(inner).collect(), ..place.clone() })
    }

    /// The type of an argument.
    pub fn argument(&self, field: &str, argument: &str) -> Type {
        let (type_name, field_name) = field.split_once('.').expect("a field is named with its type");
        let Some(TypeKind::Object(object)) = self.kind(type_name) else { panic!("{field} is no field") };
        let field = object.fields.iter().find(|field| field.node.name.node == field_name).expect("the field is there");
        let argument = field.node.arguments.iter().find(|other| other.node.name.node == argument);
        argument.expect("the argument is there").node.ty.node.clone()
    }

    /// Whether the field gives an object or a list of them, whose own fields have to be selected.
    pub fn has_selection(&self, field: &str) -> bool {
        let (type_name, field_name) = field.split_once('.').expect("a field is named with its type");
        let Some(TypeKind::Object(object)) = self.kind(type_name) else { panic!("{field} is no field") };
        let field = object.fields.iter().find(|field| field.node.name.node == field_name).expect("the field is there");
        matches!(self.kind(named(&field.node.ty.node)), Some(TypeKind::Object(_) | TypeKind::Interface(_)))
    }

    /// The value as GraphQL writes it in a document, where the names of enums have no quotes. `verbatim` replaces the marker.
    pub fn literal(&self, value: &Value, ty: Option<&Type>, verbatim: &str) -> String {
        match (value, ty.map(|ty| &ty.base)) {
            (Value::String(text), _) if text == VERBATIM => verbatim.to_owned(),
            (Value::String(text), Some(BaseType::Named(name))) if self.is_enum(name) && is_name(text) => text.clone(),
            (Value::Array(items), base) => {
                let item = match base {
                    Some(BaseType::List(item)) => Some(item.as_ref()),
                    Some(BaseType::Named(_)) | None => None,
                };
                let items: Vec<_> = items.iter().map(|value| self.literal(value, item, verbatim)).collect();
                format!("[{}]", items.join(", "))
            }
            (Value::Object(fields), base) => {
                let object = match base {
                    Some(BaseType::Named(name)) => self.kind(name),
                    Some(BaseType::List(_)) | None => None,
                };
                let field_type = |name: &str| match object {
                    Some(TypeKind::InputObject(object)) => {
                        object.fields.iter().find(|field| field.node.name.node == name).map(|field| &field.node.ty.node)
                    }
                    _ => None,
                };
                let fields = fields
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", self.literal(value, field_type(name), verbatim)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            (value, _) => value.to_string(),
        }
    }

    fn is_enum(&self, name: &str) -> bool {
        matches!(self.kind(name), Some(TypeKind::Enum(_)))
    }
}

/// The named type inside lists.
pub fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// The arguments with one value put at a place; nothing there when the value is `None`. Objects and lists on the way are made.
pub fn with(arguments: &Value, path: &[String], value: Option<Value>) -> Value {
    let mut arguments = arguments.clone();
    let (last, way) = path.split_last().expect("a path has an argument at least");
    let mut inner = &mut arguments;
    for step in way {
        inner = child(inner, step);
    }
    match value {
        Some(value) => *child(inner, last) = value,
        None => {
            inner.as_object_mut().expect("the good arguments have the object around it").remove(last);
        }
    }
    arguments
}

/// A value that is written into the document as it is.
pub fn verbatim() -> Value {
    VERBATIM.into()
}

fn child<'a>(value: &'a mut Value, step: &str) -> &'a mut Value {
    match step.parse::<usize>() {
        Ok(index) => {
            if value.is_null() {
                *value = Value::Array(vec![Value::Null]);
            }
            value.get_mut(index).expect("the list has the item")
        }
        Err(_) => {
            if value.is_null() {
                *value = Value::Object(Default::default());
            }
            value.as_object_mut().expect("it is an object").entry(step).or_insert(Value::Null)
        }
    }
}
