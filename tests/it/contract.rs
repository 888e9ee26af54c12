//! The contract with front ends: what `contract.graphql` names is in the schema, compared by meaning.

use std::collections::BTreeSet;

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
};
use async_graphql::{Name, Positioned};
use tiffin_tests::workspace;

#[test]
fn the_contract_is_contained_in_the_schema() {
    let contract = promises(&workspace::read("tests/contract.graphql"));
    let schema = promises(&workspace::schema());
    let missing: Vec<_> = contract.difference(&schema).collect();
    assert!(missing.is_empty(), "schema.graphql lacks {} of the contract's promises:\n{missing:#?}", missing.len());
}

#[test]
fn nothing_the_contract_leaves_out_is_required_of_clients() {
    let known = inputs(&workspace::read("tests/contract.graphql"));
    let places: BTreeSet<_> = known.iter().map(|input| &input.place).collect();
    let surprising: Vec<_> = inputs(&workspace::schema())
        .into_iter()
        .filter(|input| input.required && places.contains(&input.place))
        .filter(|input| !known.iter().any(|known| known.place == input.place && known.name == input.name))
        .map(|input| format!("{} {}", input.place, input.name))
        .collect();
    assert!(surprising.is_empty(), "operations that keep to the contract would be refused for lack of {surprising:#?}");
}

/// Everything a document promises to clients, a line each: `Order is an object`, `Order implements Node`,
/// `Order.items: [OrderItem!]!`, `Query.node(id: ID!)`, `OrderStatus has PENDING`.
fn promises(document: &str) -> BTreeSet<String> {
    types(document).iter().flat_map(type_promises).collect()
}

fn type_promises(definition: &TypeDefinition) -> Vec<String> {
    let name = &definition.name.node;
    match &definition.kind {
        TypeKind::Scalar => vec![format!("{name} is a scalar")],
        TypeKind::Object(object) => {
            let mut promises = vec![format!("{name} is an object")];
            promises.extend(object.implements.iter().map(|interface| format!("{name} implements {}", interface.node)));
            promises.extend(object.fields.iter().flat_map(|field| field_promises(name, &field.node)));
            promises
        }
        TypeKind::Interface(interface) => {
            let mut promises = vec![format!("{name} is an interface")];
            promises.extend(interface.fields.iter().flat_map(|field| field_promises(name, &field.node)));
            promises
        }
        TypeKind::Union(union) => {
            let members = union.members.iter().map(|member| format!("{name} can be {}", member.node));
            members.chain([format!("{name} is a union")]).collect()
        }
        TypeKind::Enum(values) => {
            let values = values.values.iter().map(|value| format!("{name} has {}", value.node.value.node));
            values.chain([format!("{name} is an enum")]).collect()
        }
        TypeKind::InputObject(input) => {
            let fields = input.fields.iter().map(|field| format!("{name}.{}", input_value(&field.node)));
            fields.chain([format!("{name} is an input")]).collect()
        }
    }
}

fn field_promises(type_name: &Name, field: &FieldDefinition) -> Vec<String> {
    let name = format!("{type_name}.{}", field.name.node);
    let arguments = field.arguments.iter().map(|argument| format!("{name}({})", input_value(&argument.node)));
    arguments.chain([format!("{name}: {}", field.ty.node)]).collect()
}

/// `period: RevenuePeriod! = DAY`
fn input_value(value: &InputValueDefinition) -> String {
    let default = value.default_value.as_ref().map(|default| format!(" = {}", default.node)).unwrap_or_default();
    format!("{}: {}{default}", value.name.node, value.ty.node)
}

/// An argument or an input field.
struct Input {
    /// The field or the input type that takes it.
    place: String,
    name: String,
    required: bool,
}

fn inputs(document: &str) -> Vec<Input> {
    let mut inputs = Vec::new();
    for definition in types(document) {
        let name = &definition.name.node;
        match &definition.kind {
            TypeKind::Object(object) => {
                for Positioned { node: field, .. } in &object.fields {
                    inputs.extend(inputs_at(format!("{name}.{}", field.name.node), &field.arguments));
                }
            }
            TypeKind::InputObject(input) => inputs.extend(inputs_at(name.to_string(), &input.fields)),
            TypeKind::Scalar | TypeKind::Interface(_) | TypeKind::Union(_) | TypeKind::Enum(_) => {}
        }
    }
    inputs
}

fn inputs_at(place: String, values: &[Positioned<InputValueDefinition>]) -> Vec<Input> {
    let mut inputs: Vec<_> = values
        .iter()
        .map(|Positioned { node, .. }| Input {
            place: place.clone(),
            name: node.name.node.to_string(),
            required: !node.ty.node.nullable && node.default_value.is_none(),
        })
        .collect();
    // Also a field without arguments is a place where one could be added.
    inputs.push(Input { place, name: String::new(), required: false });
    inputs
}

fn types(document: &str) -> Vec<TypeDefinition> {
    let document = parse_schema(document).expect("a schema document can be parsed");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types.collect()
}

#[test]
fn a_difference_in_meaning_is_found() {
    let contract = "interface Node { id: ID! } enum Size { S L }
        type Dish implements Node { id: ID! price(size: Size! = S): String! } input DishInput { name: String! note: String }";
    let missing = |schema: &str| {
        let schema = promises(schema);
        promises(contract).difference(&schema).cloned().collect::<Vec<_>>()
    };
    let same = "\"\"\"A dish.\"\"\" type Dish implements Node { extra: Int price(size: Size! = S, tax: Boolean): String!  id: ID! }
        input DishInput { note: String name: String! } enum Size { L S XL } interface Node { id: ID! }";
    assert_eq!(missing(same), Vec::<String>::new());
    assert_eq!(missing(&same.replace("= S", "= L")), ["Dish.price(size: Size! = S)"]);
    assert_eq!(missing(&same.replace("): String!", "): String")), ["Dish.price: String!"]);
    assert_eq!(missing(&same.replace("Dish implements Node", "Dish")), ["Dish implements Node"]);
    assert_eq!(missing(&same.replace("L S XL", "L XL")), ["Size has S"]);
    assert_eq!(missing(&same.replace("note: String ", "")), ["DishInput.note: String"]);
    assert_eq!(missing(&same.replace("note: String ", "note: String! ")), ["DishInput.note: String"]);
}

#[test]
fn the_table_of_errors_has_every_code_and_no_other() {
    let code = workspace::read("api/src/domain/error.rs");
    let known =
        code.lines().filter_map(|line| line.trim().strip_prefix("Code::")?.split_once(" => \"")?.1.split('"').next());
    let known: BTreeSet<_> = known.collect();
    let documents = workspace::read("docs/errors.md");
    let documented: BTreeSet<_> =
        documents.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(known.len() > 10, "the codes are where they were");
    assert_eq!(documented, known);
}
