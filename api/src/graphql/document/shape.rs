//! The types of a schema, as far as checking and rewriting documents needs them.
//!
//! async-graphql keeps its registry to itself, but prints it: the shape is read back from the SDL, once at start. What it does not print are
//! the types of introspection, which are the same in every schema.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name,
    parser::{
        self, parse_schema,
        types::{
            BaseType, DirectiveLocation, FieldDefinition, InputValueDefinition, OperationType, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};

const INTROSPECTION: &str = include_str!("introspection.graphql");
/// The type in there whose fields the root of queries has.
const INTROSPECTION_ROOT: &str = "__Root";

/// The types of a schema by name.
pub struct Shape {
    types: HashMap<Name, TypeKind>,
    possible: HashMap<Name, Vec<Name>>,
    roots: [Option<Name>; 3],
    /// The type of `__typename`, which no type lists among its fields.
    typename: Type,
    /// The type of the condition in `@skip` and `@include`.
    condition: Type,
    /// The directives that definitions of variables may have.
    of_variables: HashSet<Name>,
}

impl Shape {
    /// Reads a schema's SDL.
    ///
    /// # Errors
    /// Fails when the text is not SDL.
    pub fn read(sdl: &str) -> Result<Self, parser::Error> {
        let required = |name| Type { base: BaseType::Named(Name::new(name)), nullable: false };
        let mut shape = Self {
            types: HashMap::new(),
            possible: HashMap::new(),
            roots: [None, None, None],
            typename: required("String"),
            condition: required("Boolean"),
            of_variables: HashSet::new(),
        };
        let definitions = [parse_schema(sdl)?.definitions, parse_schema(INTROSPECTION)?.definitions];
        for definition in definitions.into_iter().flatten() {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let schema = schema.node;
                    shape.roots =
                        [schema.query, schema.mutation, schema.subscription].map(|root| root.map(|name| name.node));
                }
                TypeSystemDefinition::Type(definition) => {
                    let definition = definition.node;
                    shape.note_possible(&definition.name.node, &definition.kind);
                    shape.types.insert(definition.name.node, definition.kind);
                }
                TypeSystemDefinition::Directive(directive) => {
                    let mut locations = directive.node.locations.iter().map(|location| location.node);
                    if locations.any(|location| location == DirectiveLocation::VariableDefinition) {
                        shape.of_variables.insert(directive.node.name.node);
                    }
                }
            }
        }
        Ok(shape)
    }

    fn note_possible(&mut self, name: &Name, kind: &TypeKind) {
        match kind {
            TypeKind::Object(object) => {
                for interface in &object.implements {
                    let possible = self.possible.entry(interface.node.clone()).or_default();
                    possible.push(name.clone());
                }
            }
            TypeKind::Union(union) => {
                let members = union.members.iter().map(|member| member.node.clone());
                self.possible.insert(name.clone(), members.collect());
            }
            TypeKind::Interface(_) | TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {}
        }
    }

    /// The type that operations of this kind start from.
    pub fn root(&self, operation: OperationType) -> Option<&Name> {
        let [query, mutation, subscription] = &self.roots;
        match operation {
            OperationType::Query => query.as_ref(),
            OperationType::Mutation => mutation.as_ref(),
            OperationType::Subscription => subscription.as_ref(),
        }
    }

    /// A type's kind; scalars that GraphQL itself has are not in the shape.
    pub fn kind(&self, name: &str) -> Option<&TypeKind> {
        self.types.get(name)
    }

    /// The object types that an interface or union stands for, in the SDL's order; nothing for an object.
    pub fn possible(&self, name: &str) -> Option<&[Name]> {
        self.possible.get(name).map(Vec::as_slice)
    }

    /// A field of an object or interface.
    pub fn field(&self, parent: &str, name: &str) -> Option<&FieldDefinition> {
        let is_question = name.starts_with("__") && self.root(OperationType::Query).is_some_and(|root| root == parent);
        let parent = if is_question { INTROSPECTION_ROOT } else { parent };
        let fields = match self.kind(parent)? {
            TypeKind::Object(object) => &object.fields,
            TypeKind::Interface(interface) => &interface.fields,
            TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => return None,
        };
        let found = fields.iter().find(|field| field.node.name.node == name);
        found.map(|field| &field.node)
    }

    /// The type of what a field of the parent answers with.
    pub fn response(&self, parent: &str, field: &str) -> Option<&Type> {
        match field {
            "__typename" => Some(&self.typename),
            _ => self.field(parent, field).map(|field| &field.ty.node),
        }
    }

    /// The type of a condition in `@skip` and `@include`.
    pub fn condition(&self) -> &Type {
        &self.condition
    }

    /// Whether the definition of a variable may have this directive.
    pub fn is_of_variables(&self, directive: &str) -> bool {
        self.of_variables.contains(directive)
    }

    /// Whether a type has no fields to select.
    pub fn is_leaf(&self, name: &str) -> bool {
        !matches!(self.kind(name), Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_)))
    }
}

/// The type inside all lists.
pub fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

/// Whether a value has to be given for an argument or input field.
pub fn is_required(definition: &InputValueDefinition) -> bool {
    !definition.ty.node.nullable && definition.default_value.is_none()
}
