//! Validation of input values: arguments and variables against their types, and variables against the places where they stand.
//!
//! async-graphql reports at most one bad value of an argument, leaves those with an absent variable to the resolvers, which then say
//! what was wrong without saying where, and never looks whether a variable fits where it stands. Here every bad value is found, and named
//! by its path in the input. Values in the document are checked once; variables are checked with each request.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use async_graphql::{
    Name, Pos, Positioned, ServerError, Value as ConstValue, Variables,
    parser::types::{
        BaseType, Directive, ExecutableDocument, Field, InputValueDefinition, OperationDefinition, Selection,
        SelectionSet, Type, TypeKind, VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::{
    refusal::{bad_input, validation_failed},
    shape::{Shape, is_required, named},
};

/// Says what is wrong with a value of the named scalar, in a sentence; nothing if it can be taken, or the name is unknown.
pub type ScalarProblem = fn(name: &str, value: &ConstValue) -> Option<String>;

/// What an operation demands of its variables: of each, the place where it is used first, and whether all its places allow it to be null or
/// absent.
pub struct Uses(Box<[Use]>);

struct Use {
    place: ValuePlace,
    may_be_absent: bool,
    may_be_null: bool,
}

/// Where a value stands.
#[derive(Clone)]
struct ValuePlace {
    path: Vec<Segment>,
    position: Pos,
    /// Whether it was sent as a variable, apart from the document.
    sent: bool,
}

/// A step of the way to a value.
#[derive(Clone)]
enum Segment {
    /// An argument or a field of an input object.
    Name(Name),
    /// An entry of a list.
    Index(usize),
}

impl ValuePlace {
    fn inside(&self, segment: Segment) -> Self {
        let mut place = self.clone();
        place.path.push(segment);
        place
    }

    /// The path in the input: that of a lone `input` argument goes without saying.
    fn field(&self) -> String {
        let path = match self.path.as_slice() {
            [Segment::Name(argument), inner @ ..] if argument == "input" && !inner.is_empty() => inner,
            path => path,
        };
        path.iter().map(Segment::to_string).collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Name(name) => formatter.write_str(name),
            Segment::Index(index) => index.fmt(formatter),
        }
    }
}

/// What a document's values are held against.
#[derive(Clone, Copy)]
pub struct Types<'a> {
    pub shape: &'a Shape,
    pub scalar_problem: ScalarProblem,
}

/// What [`Types::look`] finds in one operation of a document.
pub struct InputsFound {
    /// Names and variables that do not fit where they stand.
    pub misplaced: Vec<ServerError>,
    /// Values that cannot be taken, in the document's order.
    pub problems: Vec<ServerError>,
    /// The names of the arguments that hold either.
    pub blamed: HashSet<Pos>,
    pub uses: Uses,
}

impl<'a> Types<'a> {
    /// Looks at what an operation says in its document.
    pub fn look(self, document: &'a ExecutableDocument, operation: &'a OperationDefinition) -> InputsFound {
        let mut look = InputVisitor::new(self, &operation.variable_definitions);
        operation.variable_definitions.iter().for_each(|definition| look.definition(definition));
        look.set(document, self.shape.root(operation.ty), &operation.selection_set);
        let uses = look.variables.into_iter().map(|variable| variable.usage).collect();
        InputsFound { misplaced: look.misplaced, problems: look.problems, blamed: look.blamed, uses: Uses(uses) }
    }

    /// An error for each value sent that cannot be taken, and for each that is missing.
    pub fn problems(self, operation: &'a OperationDefinition, uses: &Uses, variables: &Variables) -> Vec<ServerError> {
        let mut look = InputVisitor::new(self, &[]);
        for (definition, usage) in operation.variable_definitions.iter().zip(&uses.0) {
            let (definition, ty) = (&definition.node, &definition.node.var_type.node);
            match variables.get(&definition.name.node) {
                None if definition.default_value.is_some() => {}
                None if ty.nullable && usage.may_be_absent => {}
                Some(ConstValue::Null) if ty.nullable && usage.may_be_null => {}
                None | Some(ConstValue::Null) => look.problems.push(missing(&usage.place)),
                Some(value) => look.typed(ty, &value.clone().into_value(), &usage.place),
            }
        }
        look.problems
    }
}

impl Uses {
    /// Bytes that they take, about.
    pub fn weight(&self) -> usize {
        let of_segment = |segment: &Segment| match segment {
            Segment::Name(name) => size_of::<Segment>() + name.len(),
            Segment::Index(_) => size_of::<Segment>(),
        };
        let of_use = |usage: &Use| size_of::<Use>() + usage.place.path.iter().map(of_segment).sum::<usize>();
        self.0.iter().map(of_use).sum()
    }
}

struct Variable<'a> {
    definition: &'a VariableDefinition,
    usage: Use,
    is_used: bool,
}

/// Walks an operation and collects what is wrong with its inputs.
struct InputVisitor<'a> {
    types: Types<'a>,
    names: HashMap<&'a Name, usize>,
    variables: Vec<Variable<'a>>,
    fragments: HashSet<&'a Name>,
    misplaced: Vec<ServerError>,
    problems: Vec<ServerError>,
    blamed: HashSet<Pos>,
}

impl<'a> InputVisitor<'a> {
    fn new(types: Types<'a>, definitions: &'a [Positioned<VariableDefinition>]) -> Self {
        let variable = |definition: &'a Positioned<VariableDefinition>| Variable {
            definition: &definition.node,
            // What only directives use has no argument's path.
            usage: Use {
                place: ValuePlace {
                    path: vec![Segment::Name(definition.node.name.node.clone())],
                    position: definition.pos,
                    sent: true,
                },
                may_be_absent: true,
                may_be_null: true,
            },
            is_used: false,
        };
        InputVisitor {
            types,
            names: definitions
                .iter()
                .enumerate()
                .map(|(index, definition)| (&definition.node.name.node, index))
                .collect(),
            variables: definitions.iter().map(variable).collect(),
            fragments: HashSet::new(),
            misplaced: Vec::new(),
            problems: Vec::new(),
            blamed: HashSet::new(),
        }
    }

    fn set(&mut self, document: &'a ExecutableDocument, parent: Option<&'a Name>, set: &'a Positioned<SelectionSet>) {
        for selection in &set.node.items {
            selection.node.directives().iter().for_each(|directive| self.condition(&directive.node));
            match &selection.node {
                Selection::Field(field) => self.field(document, parent, &field.node),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map(|condition| &condition.node.on.node);
                    self.set(document, on.or(parent), &fragment.node.selection_set);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name)
                        && self.fragments.insert(name)
                    {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.set(document, Some(on), &fragment.node.selection_set);
                    }
                }
            }
        }
    }

    /// A variable's default against its type, and its directives, which the library's rules do not look at.
    fn definition(&mut self, definition: &'a Positioned<VariableDefinition>) {
        let VariableDefinition { name, var_type, directives, default_value } = &definition.node;
        for directive in
            directives.iter().filter(|directive| !self.types.shape.is_of_variables(&directive.node.name.node))
        {
            let message = format!("Directive \"{}\" is not one for variables.", directive.node.name.node);
            self.misplaced.push(validation_failed(message, Some(directive.pos)));
        }
        if let Some(default) = default_value {
            let place = ValuePlace { path: vec![Segment::Name(name.node.clone())], position: default.pos, sent: false };
            self.typed(&var_type.node, &default.node.clone().into_value(), &place);
        }
    }

    fn condition(&mut self, directive: &'a Directive) {
        if let "skip" | "include" = directive.name.node.as_str()
            && let Some(value) = directive.get_argument("if")
            && let Value::Variable(name) = &value.node
        {
            self.variable(name, self.types.shape.condition(), false, None, value.pos);
        }
    }

    fn field(&mut self, document: &'a ExecutableDocument, parent: Option<&'a Name>, field: &'a Field) {
        let name = &field.name.node;
        let Some(definition) = parent.and_then(|parent| self.types.shape.field(parent, name)) else {
            // Unknown, which validation says.
            return;
        };
        for argument in &definition.arguments {
            let argument = &argument.node;
            let mut given = field.arguments.iter();
            let Some((name, value)) = given.find(|(name, _)| name.node == argument.name.node) else {
                continue;
            };
            let place = ValuePlace { path: vec![Segment::Name(name.node.clone())], position: value.pos, sent: false };
            let errors = |look: &Self| look.problems.len() + look.misplaced.len();
            let before = errors(self);
            self.input(argument, &value.node, &place);
            if errors(self) > before {
                self.blamed.insert(name.pos);
            }
        }
        let inner = named(&definition.ty.node);
        self.set(document, Some(inner), &field.selection_set);
    }

    /// A value given for an argument or input field.
    fn input(&mut self, definition: &InputValueDefinition, value: &Value, place: &ValuePlace) {
        let ty = &definition.ty.node;
        match value {
            Value::Variable(name) => {
                self.variable(name, ty, definition.default_value.is_some(), Some(place), place.position);
            }
            value => self.typed(ty, value, place),
        }
    }

    /// A variable where this type is wanted, and what happens without it. One that is undefined is for validation to refuse.
    fn variable(&mut self, name: &Name, wanted: &Type, has_default: bool, place: Option<&ValuePlace>, position: Pos) {
        let Some(variable) = self.names.get(name).and_then(|index| self.variables.get_mut(*index)) else {
            return;
        };
        let given = &variable.definition.var_type.node;
        if !fits(variable.definition, wanted, has_default) {
            let message =
                format!("Variable \"${name}\" is of type \"{given}\": it cannot stand where \"{wanted}\" is wanted.");
            let mut error = validation_failed(message, Some(position));
            error.locations.push(variable.definition.name.pos);
            return self.misplaced.push(error);
        }
        variable.usage.may_be_null &= wanted.nullable;
        variable.usage.may_be_absent &= wanted.nullable || has_default;
        if let (Some(place), false) = (place, variable.is_used) {
            variable.usage.place = ValuePlace { sent: true, ..place.clone() };
            variable.is_used = true;
        }
    }

    fn typed(&mut self, ty: &Type, value: &Value, place: &ValuePlace) {
        match (&ty.base, value) {
            (_, Value::Variable(name)) => self.variable(name, ty, false, Some(place), place.position),
            (_, Value::Null) if ty.nullable => {}
            (_, Value::Null) => self.problems.push(missing(place)),
            (BaseType::List(item), Value::List(values)) => {
                // One place for all entries: a long list needs no path for each.
                let mut entry = place.inside(Segment::Index(0));
                for (index, value) in values.iter().enumerate() {
                    if let Some(last) = entry.path.last_mut() {
                        *last = Segment::Index(index);
                    }
                    self.typed(item, value, &entry);
                }
            }
            (BaseType::List(item), value) => self.typed(item, value, place),
            (BaseType::Named(name), value) => self.named(name, value, place),
        }
    }

    fn named(&mut self, name: &Name, value: &Value, place: &ValuePlace) {
        match (self.types.shape.kind(name), value) {
            (Some(TypeKind::InputObject(object)), Value::Object(values)) => {
                for definition in &object.fields {
                    let field = &definition.node.name.node;
                    let place = place.inside(Segment::Name(field.clone()));
                    match values.get(field) {
                        Some(value) => self.input(&definition.node, value, &place),
                        None if is_required(&definition.node) => self.problems.push(missing(&place)),
                        None => {}
                    }
                }
                for field in values.keys() {
                    let mut known = object.fields.iter().map(|field| &field.node.name.node);
                    if known.any(|known| known == field) {
                        continue;
                    }
                    let message = format!("{name} has no field \"{field}\".");
                    if place.sent {
                        self.problems.push(problem(&place.inside(Segment::Name(field.clone())), message));
                    } else {
                        self.misplaced.push(validation_failed(message, Some(place.position)));
                    }
                }
            }
            (Some(TypeKind::InputObject(_)), _) => {
                let message = format!("This must be an object of type {name}.");
                self.problems.push(problem(place, message));
            }
            (Some(TypeKind::Enum(definition)), value) => {
                let given = match value {
                    Value::Enum(given) => Some(given.as_str()),
                    Value::String(given) if place.sent => Some(given.as_str()),
                    _ => None,
                };
                let names = || definition.values.iter().map(|value| &value.node.value.node);
                if !given.is_some_and(|given| names().any(|name| name.as_str() == given)) {
                    let names: Vec<_> = names().map(Name::as_str).collect();
                    let message = format!("This must be one of {}.", names.join(", "));
                    self.problems.push(problem(place, message));
                }
            }
            (Some(_) | None, value) => {
                // Validation refuses what is no input type; scalars have no variables inside.
                if let Some(value) = value.clone().into_const()
                    && let Some(message) = (self.types.scalar_problem)(name, &value)
                {
                    self.problems.push(problem(place, message));
                }
            }
        }
    }
}

/// Whether a variable can stand where a type is wanted (September 2025, section 5.8.5): what may be null can stand where nothing may be
/// if a default takes the place of what is absent.
fn fits(variable: &VariableDefinition, wanted: &Type, has_default: bool) -> bool {
    let given = &variable.var_type.node;
    let default = variable.default_value.as_ref().is_some_and(|default| default.node != ConstValue::Null);
    (wanted.nullable || !given.nullable || default || has_default) && is_within(&given.base, &wanted.base)
}

fn is_within(given: &BaseType, wanted: &BaseType) -> bool {
    match (given, wanted) {
        (BaseType::Named(given), BaseType::Named(wanted)) => given == wanted,
        (BaseType::List(given), BaseType::List(wanted)) => {
            (wanted.nullable || !given.nullable) && is_within(&given.base, &wanted.base)
        }
        (BaseType::List(_), BaseType::Named(_)) | (BaseType::Named(_), BaseType::List(_)) => false,
    }
}

fn missing(place: &ValuePlace) -> ServerError {
    problem(place, "This is required and must not be null.".to_owned())
}

fn problem(place: &ValuePlace, message: String) -> ServerError {
    bad_input(&place.field(), message, Some(place.position))
}
