//! What a query asks the database for, read from its text and the schema.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{
    Positioned,
    parser::{
        parse_query, parse_schema,
        types::{
            BaseType, DocumentOperations, FieldDefinition, Selection, SelectionSet, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};
use tiffin_tests::workspace;

/// Objects that come with the row they belong to, but for the places of a route, which are rows, or from the configuration; and
/// personal data, which has no row of its own.
const WITHIN_A_ROW: [&str; 6] = ["LatLng", "Address", "DriverLocation", "PageInfo", "PersonalData", "SignInProvider"];

/// The named type of each field: `("Order", "items")` has `OrderItem`.
pub struct Fields(HashMap<(String, String), String>);

/// The levels of a query, as `Order.items`, and how many counts it asks for.
#[derive(Default)]
pub struct Asked {
    pub levels: Vec<String>,
    pub counts: usize,
}

impl Fields {
    pub fn of_the_schema() -> Self {
        let document = parse_schema(workspace::schema()).expect("the schema can be parsed");
        let mut fields = HashMap::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(Positioned { node: definition, .. }) = definition else { continue };
            let definitions: &[Positioned<FieldDefinition>] = match &definition.kind {
                TypeKind::Object(object) => &object.fields,
                TypeKind::Interface(interface) => &interface.fields,
                TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => &[],
            };
            for Positioned { node: field, .. } in definitions {
                let key = (definition.name.node.to_string(), field.name.node.to_string());
                fields.insert(key, named(&field.ty.node));
            }
        }
        Fields(fields)
    }

    /// Every level that a query can have: the fields that lead from one row, or from the root, to other rows.
    pub fn all_levels(&self) -> BTreeSet<String> {
        let types: BTreeSet<_> = self.0.keys().map(|(parent, _)| parent.as_str()).collect();
        let leads_to_rows = |parent: &str, target: &str| types.contains(target) && is_level(parent, target);
        let levels = self.0.iter().filter(|((parent, _), target)| leads_to_rows(parent, target));
        let of_queries = levels.filter(|((parent, _), _)| !matches!(parent.as_str(), "Mutation" | "Subscription"));
        // A session with its tokens is shown by mutations only, and what happened by subscriptions.
        let others = ["Session", "ClaimableOrderChange", "PostedReview"];
        let shown =
            of_queries.filter(|((parent, _), _)| !parent.ends_with("Payload") && !others.contains(&parent.as_str()));
        shown.map(|((parent, field), _)| format!("{parent}.{field}")).collect()
    }

    pub fn asked(&self, query: &str) -> Asked {
        let document = parse_query(query).unwrap_or_else(|error| panic!("{error}: {query}"));
        let DocumentOperations::Single(operation) = document.operations else { panic!("one operation: {query}") };
        let mut asked = Asked::default();
        self.walk("Query", &operation.node.selection_set.node, &mut asked);
        asked
    }

    fn walk(&self, parent: &str, selections: &SelectionSet, asked: &mut Asked) {
        for Positioned { node: selection, .. } in &selections.items {
            match selection {
                Selection::Field(Positioned { node: field, .. }) => {
                    let name = field.name.node.as_str();
                    asked.counts += usize::from(name == "totalCount");
                    let inner = &field.selection_set.node;
                    if inner.items.is_empty() {
                        continue;
                    }
                    let target = self.0.get(&(parent.to_owned(), name.to_owned()));
                    let target = target.unwrap_or_else(|| panic!("{parent} has no field {name}"));
                    if is_level(parent, target) {
                        asked.levels.push(format!("{parent}.{name}"));
                    }
                    self.walk(target, inner, asked);
                }
                Selection::InlineFragment(Positioned { node: fragment, .. }) => {
                    let target = fragment.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    self.walk(target.unwrap_or(parent), &fragment.selection_set.node, asked);
                }
                Selection::FragmentSpread(_) => panic!("the queries here have no named fragments"),
            }
        }
    }
}

/// A connection and its rows are one level: that of the field which has the connection.
fn is_level(parent: &str, target: &str) -> bool {
    let is_part_of_a_list = parent.ends_with("Connection") || parent.ends_with("Edge");
    let is_route = (parent, target) == ("Order", "DriverLocation");
    // The restaurant comes with the membership.
    let is_within = parent == "RestaurantMembership" || WITHIN_A_ROW.contains(&target);
    is_route || !is_part_of_a_list && parent != "DriverLocation" && !is_within
}

fn named(of: &Type) -> String {
    match &of.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => named(inner),
    }
}
