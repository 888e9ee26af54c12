//! Bounded lists: each list of the schema says how long it can get, in words, and costs as much.

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{
            BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
        },
    },
};
use entity::{order_events, sea_orm_active_enums::OrderStatus};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, both_databases, workspace};

use crate::inputs::{Kind, meaning_of};

/// A page of a connection that does not say otherwise.
const PAGE: usize = 100;

/// Arguments that make a list as long as it can get, where that is not `first`.
fn longest(field: &str) -> Option<String> {
    match field {
        "Query.nodes" => Some(format!("ids: [{}]", vec!["\"Dish:1\""; 100].join(", "))),
        "Restaurant.revenue" => Some("since: \"2025-01-01\", until: \"2026-02-04\"".to_owned()),
        _ => None,
    }
}

/// A document that asks for a field of a type, of an object that need not exist; and what it costs besides.
fn asking(type_name: &str, is_node: bool, field: &str) -> (String, usize) {
    match type_name {
        "Query" => (format!("{{ {field} }}"), 0),
        "PersonalData" => (format!("{{ personalData {{ {field} }} }}"), 1),
        _ if is_node => (format!("{{ node(id: \"{type_name}:1\") {{ ... on {type_name} {{ {field} }} }} }}"), 1),
        _ => panic!("say how {type_name} is reached, for its list {field}"),
    }
}

/// Asks a server that lets nothing pass what an operation costs.
async fn complexity(city: &City, document: &str) -> usize {
    let answer = city.anonymous().query(document, json!({})).await;
    let message = answer.expect_code("QUERY_TOO_COMPLEX").message;
    let number = message.split("complexity is ").nth(1).and_then(|rest| rest.split(',').next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{message}"))
}

/// The number in `at most 1,000`, or the second in `1 to 1,000`.
fn stated(description: Option<&Positioned<String>>) -> Option<usize> {
    let text = &description?.node;
    let rest = text.split_once("t most ").or_else(|| text.split_once("1 to "))?.1;
    rest.chars().filter(|letter| *letter != ',').take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

fn types() -> Vec<TypeDefinition> {
    let document = parse_schema(workspace::schema()).expect("the schema can be parsed");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types.collect()
}

fn has_argument(field: &FieldDefinition, name: &str) -> bool {
    field.arguments.iter().any(|argument| argument.node.name.node == name)
}

#[test]
fn every_list_has_a_maximum_that_it_costs() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_LIMITS_COMPLEXITY", "1")]).await;
        let types = types();
        let composite = types.iter().filter(|ty| matches!(ty.kind, TypeKind::Object(_) | TypeKind::Interface(_)));
        let composite: Vec<_> = composite.map(|ty| ty.name.node.as_str()).collect();
        let (mut lists, mut connections) = (0, 0);
        for definition in &types {
            let name = definition.name.node.as_str();
            let TypeKind::Object(object) = &definition.kind else { continue };
            if name.ends_with("Connection") {
                continue;
            }
            let is_node = object.implements.iter().any(|interface| interface.node == "Node");
            for Positioned { node: field, .. } in &object.fields {
                let full_name = format!("{name}.{}", field.name.node);
                let target = named(&field.ty.node);
                if target.ends_with("Connection") {
                    connections += 1;
                    assert!(has_argument(field, "first") && has_argument(field, "last"), "{full_name} has no pages");
                    let maximum = stated(field.description.as_ref()).unwrap_or(PAGE);
                    for (arguments, length) in [
                        (format!("(first: {maximum})"), maximum),
                        (format!("(last: {maximum})"), maximum),
                        (format!("(first: {})", i32::MAX), maximum),
                        (String::new(), 20),
                    ] {
                        let selection = format!("{}{arguments} {{ nodes {{ __typename }} }}", field.name.node);
                        let (document, besides) = asking(name, is_node, &selection);
                        let cost = complexity(&city, &document).await;
                        assert_eq!(cost, besides + length + 1, "{document}");
                    }
                }
                if is_list(&field.ty.node) {
                    lists += 1;
                    let maximum = stated(field.description.as_ref());
                    let maximum = maximum.unwrap_or_else(|| panic!("{full_name} does not say how long it can get"));
                    let arguments = match longest(&full_name) {
                        Some(arguments) => format!("({arguments})"),
                        None if has_argument(field, "first") => format!("(first: {maximum})"),
                        None => String::new(),
                    };
                    let selection = match target {
                        // Of an interface, each object is counted for itself.
                        "Node" => " { ... on Dish { __typename } }",
                        _ if composite.contains(&target) => " { __typename }",
                        _ => "",
                    };
                    let (document, besides) =
                        asking(name, is_node, &format!("{}{arguments}{selection}", field.name.node));
                    assert_eq!(complexity(&city, &document).await, besides + maximum + 1, "{document}");
                }
            }
        }
        assert!(lists > 10 && connections > 15, "{lists} lists and {connections} connections were found");
        let month = "{ node(id: \"Restaurant:1\") { ... on Restaurant { revenue { __typename } } } }";
        assert_eq!(complexity(&city, month).await, 1 + 30 + 1, "without `since` there are 30");
    });
}

#[test]
fn every_list_in_an_input_has_a_maximum() {
    let types = types();
    let mut lists = Vec::new();
    let mut look = |owner: &str, inputs: &[Positioned<InputValueDefinition>], around: Option<&Positioned<String>>| {
        for Positioned { node: input, .. } in inputs.iter().filter(|input| is_list(&input.node.ty.node)) {
            let description = input.description.as_ref().or(around);
            lists.push((format!("{owner}.{}", input.name.node), stated(description)));
        }
    };
    for definition in &types {
        let name = definition.name.node.as_str();
        match &definition.kind {
            TypeKind::InputObject(input) => look(name, &input.fields, None),
            TypeKind::Object(object) => {
                for Positioned { node: field, .. } in &object.fields {
                    look(&format!("{name}.{}", field.name.node), &field.arguments, field.description.as_ref());
                }
            }
            _ => {}
        }
    }
    assert!(lists.len() >= 6, "{lists:?}");
    for (owner, stated) in lists {
        // What is said is also what is refused: see `inputs`.
        match meaning_of(&owner) {
            Some(Kind::Length(_, maximum) | Kind::AnyIds(maximum) | Kind::Ids(_, maximum)) => {
                assert_eq!(stated, Some(maximum), "{owner}")
            }
            other => panic!("{owner} is a list, and by the table of inputs {other:?}"),
        }
    }
}

#[test]
fn the_schema_is_told_once_and_not_many_times() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let inside = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
        let aliases: String = (0..12).map(|number| format!("f{number}: fields {{ name }} ")).collect();
        let beside = format!("{{ __schema {{ types {{ {aliases} }} }} }}");
        let spread = format!("{{ __schema {{ ...F }} }} fragment F on __Schema {{ types {{ {aliases} }} }}");
        for document in [inside, &beside, &spread] {
            city.anonymous().query(document, json!({})).await.expect_code("QUERY_TOO_COMPLEX");
        }
        let once = "{ __schema { types { name fields { name args { name type { name ofType { name } } } type { name } } inputFields { name }
            interfaces { name } possibleTypes { name } } directives { args { name } } } }";
        city.anonymous().query(once, json!({})).await.expect_success();
    });
}

both_databases! {
    async fn items_and_steps_of_orders_are_found_by_their_ids(city: &City) {
        let restaurant = city.restaurant().with_dishes(3).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let one = city.order(&ann, &restaurant).items(&[(0, 2), (2, 1)]).status(OrderStatus::Ready).create().await;
        let other = city.order(&city.customer("Ben").await, &restaurant).create().await;
        let parts = "items { id dishName quantity unitPrice lineTotal } events { id sequence status order { id } }";
        let document = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Order {{ {parts} }} }} }}");
        let whole = staff.query(&document, json!({"ids": [one.id(), other.id()]})).await;
        let of = |part: &str, pointer: &str| whole.list(&format!("/nodes/{part}/{pointer}")).to_vec();
        let all = [of("0", "items"), of("1", "events"), of("1", "items"), of("0", "events")].concat();
        assert!(all.len() > 6, "{whole}");
        let ids: Vec<_> = all.iter().map(|part| part["id"].clone()).collect();
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id
             ... on OrderItem { dishName quantity unitPrice lineTotal } ... on OrderEvent { sequence status order { id } } } }";
        assert_eq!(staff.query(document, json!({"ids": ids})).await.at("/nodes"), &json!(all));
        // Of an order that the viewer may not know of, as little as of what is not there.
        let mine: Vec<_> = all.iter().map(|part| {
            let is_mine = part["id"].as_str().is_some_and(|id| id.split(':').nth(1) == one.id().split(':').nth(1));
            if is_mine { part.clone() } else { json!(null) }
        }).collect();
        assert_eq!(ann.query(document, json!({"ids": ids})).await.at("/nodes"), &json!(mine));
        let number = one.row.id;
        let absent = [format!("OrderItem:{number}:{}", i32::MAX), format!("OrderEvent:{number}:99"), format!("OrderEvent:{}:1", i32::MAX)];
        assert_eq!(ann.query(document, json!({"ids": absent})).await.at("/nodes"), &json!([null, null, null]));
        for malformed in ["OrderItem", "OrderItem:1", "OrderItem:1:2:3", "OrderItem:1:02", "OrderItem:0:1", "Order:1:2", "Thing:1:2"] {
            ann.query(document, json!({"ids": [malformed]})).await.expect_error("BAD_USER_INPUT", "ids.0");
        }
    }

    async fn a_list_in_an_input_that_is_too_long_is_refused(city: &City) {
        let admin = city.admin().await;
        let refused = async |document: &str, entries: Value, field: &str| {
            admin.query(document, json!({"entries": entries})).await.expect_error("BAD_USER_INPUT", field);
        };
        let orders = "query($entries: [OrderStatus!]) { orders(filter: {status: $entries}) { nodes { id } } }";
        refused(orders, json!(vec!["READY"; 8]), "filter.status").await;
        let acts = "query($entries: [AuditAction!]) { auditEvents(filter: {actions: $entries}) { nodes { id } } }";
        refused(acts, json!(vec!["SIGNED_IN"; 51]), "filter.actions").await;
        admin.query(orders, json!({"entries": vec!["READY"; 7]})).await.expect_success();
        admin.query(acts, json!({"entries": vec!["SIGNED_IN"; 50]})).await.expect_success();
        admin.query(orders, json!({"entries": []})).await.expect_success();
    }

    async fn a_long_history_comes_in_parts(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).status(OrderStatus::Ready).create().await;
        let other = city.order(&ann, &restaurant).create().await;
        // A driver who takes it and gives it back, again and again.
        let last = order.events.last().unwrap();
        for sequence in last.sequence + 1..=130 {
            let position = order_events::Entity::find().all(city.db()).await.unwrap().iter().map(|event| event.position).max().unwrap();
            let event = order_events::ActiveModel { sequence: Set(sequence), position: Set(position + 1), ..last.clone().into_active_model() };
            event.reset_all().insert(city.db()).await.unwrap();
        }
        let events = async |arguments: &str| -> Answer {
            let document = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Order {{ events{arguments} {{ sequence }} }} }} }}");
            ann.query(&document, json!({"ids": [order.id(), other.id()]})).await
        };
        let told = |answer: &Answer, order: usize| -> Vec<i64> {
            let list = answer.list(&format!("/nodes/{order}/events"));
            list.iter().map(|event| event["sequence"].as_i64().unwrap()).collect()
        };
        let all = events("").await;
        assert_eq!(told(&all, 0), (1..=100).collect::<Vec<_>>());
        assert_eq!(told(&all, 1), [1]);
        let rest = events("(after: 100)").await;
        assert_eq!(told(&rest, 0), (101..=130).collect::<Vec<_>>());
        assert!(told(&rest, 1).is_empty());
        assert_eq!(told(&events("(first: 2, after: 3)").await, 0), [4, 5]);
        assert!(told(&events("(first: 0)").await, 0).is_empty());
        for (arguments, field) in [("(first: 101)", "first"), ("(first: -1)", "first"), ("(after: -1)", "after")] {
            let answer = events(arguments).await;
            assert!(answer.problems().iter().all(|problem| problem.code == "BAD_USER_INPUT"), "{answer}");
            assert_eq!(answer.problems()[0].field.as_deref(), Some(field));
        }
    }
}
