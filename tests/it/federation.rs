//! The server as a subgraph: composed with another one, and asked for objects as routers ask.

use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Person, Script, both_databases, global_id, run, workspace};

const ENABLED: (&str, &str) = ("TIFFIN_FEDERATION_ENABLED", "true");
/// Each query is answered twice, by plans and by async-graphql's own execution, and fails where the two differ.
const VERIFIED: (&str, &str) = ("TEST_VERIFY_PLANS", "true");

const ENTITIES: &str =
    "query($representations: [_Any!]!) { _entities(representations: $representations) { __typename } }";

/// What a router makes of ids: each with its type.
fn representations(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"__typename": type_of(id), "id": id})).collect()
}

fn type_of(id: &str) -> &str {
    id.split(':').next().expect("an id begins with its type")
}

/// The text of the answer's body.
async fn body(person: &Person, document: &str, variables: Value) -> String {
    let response = person.request(document, variables).send().await.expect("answered");
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.text().await.expect("a text")
}

/// An object of every type, those that are hidden from most among them, and some that do not exist.
async fn one_of_each(city: &City, ann: &Person, mai: &Person, ids: &mut Vec<String>) {
    let (open, closed) =
        (city.restaurant().with_dishes(1).create().await, city.restaurant().with_dishes(1).inactive().create().await);
    city.make_member(mai, &open).await;
    city.make_member(mai, &closed).await;
    let duy = city.driver("Duy").await;
    let order = city.order(ann, &open).driver(&duy).create().await;
    let delivered = city.order(ann, &open).status(entity::sea_orm_active_enums::OrderStatus::Delivered).create().await;
    let review = city.review(ann, &open).create().await;
    let parts =
        "query($id: ID!) { order(id: $id) { items { id } events { id } driver { id } } me { customer { id } } }";
    let parts = ann.query(parts, json!({"id": order.id()})).await;
    ids.extend([
        open.id(),
        closed.id(),
        open.menu_id(),
        closed.dish_id(0),
        open.dish_id(0),
        order.id(),
        delivered.id(),
        review.id(),
        parts.text("/order/items/0/id").to_owned(),
        parts.text("/order/events/0/id").to_owned(),
        parts.text("/me/customer/id").to_owned(),
        parts.text("/order/driver/id").to_owned(),
        ann.user_id(),
        mai.user_id(),
        global_id("ActiveSession", city.session(ann.user()).await.id),
        global_id("AuditEvent", city.audit_event(ann).await.id),
        global_id("Job", city.dead_letter(ann).await.id),
        "Restaurant:999999".to_owned(),
        "Order:999999".to_owned(),
        "OrderItem:999999:1".to_owned(),
        // The same again.
        open.id(),
        order.id(),
    ]);
}

both_databases! {
    async fn routers_are_given_what_nodes_gives_to_the_byte(database: Database) {
        let city = City::with_settings(database, &[ENABLED, VERIFIED]).await;
        let (ann, mai) = (city.customer("Ann").await, city.merchant("Mai").await);
        let mut ids = Vec::new();
        one_of_each(&city, &ann, &mai, &mut ids).await;
        let elsewhere = city.restaurant().create().await;
        let oanh = city.merchant_of(&elsewhere).await;
        let selection = "{ __typename
             ... on Node { id }
             ... on Restaurant { name isActive menu { dishes(first: 2) { totalCount nodes { name price } } } members { email } }
             ... on Menu { restaurant { id } }
             ... on Dish { title: name price isAvailable }
             ... on Order { status total: totalAmount customerName customer { email phone } driver { phone } items { quantity } }
             ... on OrderItem { dishName quantity }
             ... on OrderEvent { status sequence }
             ... on Customer { name email phone }
             ... on Driver { name phone licenseNumber }
             ... on Review { rating comment }
             ... on User { signsInWith: email role }
             ... on ActiveSession { createdAt }
             ... on AuditEvent { action address }
             ... on Job { kind lastError } }";
        let nodes = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {selection} again: nodes(ids: $ids) {{ id }} }}");
        let entities = format!(
            "query($representations: [_Any!]!) {{ _entities(representations: $representations) {selection} \
             again: _entities(representations: $representations) {{ ... on Node {{ id }} }} }}"
        );
        let mut seen = Vec::new();
        for person in [&city.anonymous(), &ann, &mai, &oanh, &city.admin().await] {
            let by_ids = body(person, &nodes, json!({"ids": ids})).await;
            let by_keys = body(person, &entities, json!({"representations": representations(&ids)})).await;
            assert_eq!(by_keys.replacen("\"_entities\"", "\"nodes\"", 1), by_ids);
            let answer: Value = serde_json::from_str(&by_keys).expect("JSON");
            assert!(answer.get("errors").is_none(), "{by_keys}");
            let entities = answer["data"]["_entities"].as_array().expect("a list");
            seen.push(entities.iter().filter(|entity| !entity.is_null()).count());
        }
        let [anonymous, ann, mai, oanh, admin] = seen.try_into().expect("five people");
        assert!(anonymous < ann && ann < admin && mai < admin && anonymous <= oanh && oanh < ann, "{anonymous} {ann} {mai} {oanh} {admin}");
        assert_eq!(admin, ids.len() - 3, "all that exist");
    }

    async fn what_is_no_key_is_said_where_it_stands(database: Database) {
        let city = City::with_settings(database, &[ENABLED, VERIFIED]).await;
        let restaurant = city.restaurant().create().await;
        let id = restaurant.id();
        let bad = [
            (json!({"id": id}), "__typename"),
            (json!({"__typename": 1, "id": id}), "__typename"),
            (json!({"__typename": "Nothing", "id": id}), "__typename"),
            (json!({"__typename": "Query", "id": id}), "__typename"),
            (json!({"__typename": "Restaurant"}), "id"),
            (json!({"__typename": "Restaurant", "id": null}), "id"),
            (json!({"__typename": "Restaurant", "id": {"id": id}}), "id"),
            (json!({"__typename": "Restaurant", "id": 7}), "id"),
            (json!({"__typename": "Restaurant", "id": ""}), "id"),
            (json!({"__typename": "Restaurant", "id": "UmVzdGF1cmFudDox"}), "id"),
            (json!({"__typename": "Restaurant", "id": "Restaurant:01"}), "id"),
            (json!({"__typename": "Restaurant", "id": "Nothing:1"}), "id"),
            (json!({"__typename": "Dish", "id": id}), "id"),
            (json!({"__typename": "OrderItem", "id": "OrderEvent:1:1"}), "id"),
        ];
        let mut given: Vec<_> = bad.iter().map(|(representation, _)| representation.clone()).collect();
        // What another subgraph knows besides is none of our business.
        given.push(json!({"__typename": "Restaurant", "id": id, "stars": [{"of": 5}]}));
        let answer = city.anonymous().query(ENTITIES, json!({"representations": given})).await;
        let mut problems: Vec<_> = answer.problems().into_iter().map(|problem| (problem.path, problem.code, problem.field)).collect();
        problems.sort();
        let mut expected: Vec<_> = bad.iter().enumerate().map(|(place, (_, field))| {
            (format!("_entities.{place}"), "BAD_USER_INPUT".to_owned(), Some(format!("representations.{place}.{field}")))
        }).collect();
        expected.sort();
        assert_eq!(problems, expected, "{answer}");
        let mut entities = vec![Value::Null; bad.len()];
        entities.push(json!({"__typename": "Restaurant"}));
        assert_eq!(answer.partial("/_entities"), &json!(entities), "the others are answered");

        // What is no object at all is refused with the document; so is what is missing.
        for representation in [json!("Restaurant:1"), json!(1), json!([])] {
            let refused = city.anonymous().query(ENTITIES, json!({"representations": [given.last(), representation]})).await;
            refused.expect_error("BAD_USER_INPUT", "representations.1");
        }
        city.anonymous().query(ENTITIES, json!({"representations": [null]})).await.expect_error("BAD_USER_INPUT", "representations.0");
        // As a person writes it, also with a variable inside.
        let document = "query($id: ID!) { _entities(representations: [{__typename: \"Restaurant\", id: $id}]) { ... on Restaurant { id } } }";
        let answer = city.anonymous().query(document, json!({"id": id})).await;
        assert_eq!(answer.at("/_entities"), &json!([{"id": id}]));
    }

    async fn a_hundred_of_a_type_are_one_statement_and_cost_what_nodes_costs(database: Database) {
        let city = City::with_settings(database, &[ENABLED, ("TIFFIN_LIMITS_COMPLEXITY", "300")]).await;
        let mut ids = Vec::new();
        for _ in 0..100 {
            ids.push(city.restaurant().create().await.id());
        }
        let anonymous = city.anonymous();
        let fields = "{ __typename ... on Restaurant { id name } }";
        let entities = format!("query($representations: [_Any!]!) {{ _entities(representations: $representations) {fields} }}");
        let asking = anonymous.query(&entities, json!({"representations": representations(&ids)}));
        let (answer, statements) = city.server().statements_during(asking).await;
        let found: Vec<_> = answer.list("/_entities").iter().map(|entity| entity["id"].clone()).collect();
        assert_eq!(json!(found), json!(ids), "in their order");
        assert_eq!(statements.count(), 1, "{statements:?}");

        // Of two types, two.
        ids.truncate(50);
        ids.extend((1..=50).map(|number| global_id("Menu", number)));
        let asking = anonymous.query(&entities, json!({"representations": representations(&ids)}));
        assert_eq!(city.server().statements_during(asking).await.1.count(), 2);

        ids.push("Restaurant:1".to_owned());
        let refused = anonymous.query(&entities, json!({"representations": representations(&ids)})).await;
        assert!(refused.expect_error("BAD_USER_INPUT", "representations").message.contains("100"), "{refused}");

        ids.pop();
        let fields = "{ ... on Restaurant { id name address cuisineType } }";
        let entities = format!("query($representations: [_Any!]!) {{ _entities(representations: $representations) {fields} }}");
        let by_keys = anonymous.query(&entities, json!({"representations": representations(&ids)})).await;
        let by_ids = anonymous.query(&format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {fields} }}"), json!({"ids": ids})).await;
        assert_eq!(by_keys.expect_code("QUERY_TOO_COMPLEX").message, by_ids.expect_code("QUERY_TOO_COMPLEX").message);
    }
}

#[test]
fn nothing_tells_of_it_where_it_is_off() {
    run(async {
        let (off, on) = (City::new(Database::Sqlite).await, City::with_settings(Database::Sqlite, &[ENABLED]).await);
        let asking = "{ __schema { queryType { fields { name } } types { name } } }";
        let told = async |city: &City| city.anonymous().query(asking, json!({})).await.body.to_string();
        let (without, with) = (told(&off).await, told(&on).await);
        for name in ["_service", "_entities", "_Service", "_Any", "_Entity"] {
            assert!(!without.contains(&format!("\"{name}\"")) && with.contains(&format!("\"{name}\"")), "{name}");
        }
        for document in
            ["{ _service { sdl } }", "{ _entities(representations: []) { __typename } }", "{ _servic { sdl } }"]
        {
            let refused = off.anonymous().query(document, json!({})).await;
            let message = refused.expect_code("GRAPHQL_VALIDATION_FAILED").message;
            assert!(!message.contains("Did you mean"), "{message}");
        }
        // Everything that it adds is described.
        let described =
            "{ any: __type(name: \"_Any\") { description } entity: __type(name: \"_Entity\") { description }
             service: __type(name: \"_Service\") { description fields { description } }
             query: __type(name: \"Query\") { fields { description args { description } } } }";
        let described = on.anonymous().query(described, json!({})).await;
        assert!(!described.expect_success().body.to_string().contains("\"description\":null"));
    });
}

#[test]
fn the_schema_is_told_where_introspection_is_off_and_by_the_command() {
    run(async {
        let settings = [ENABLED, ("TIFFIN_GRAPHQL_INTROSPECTION", "false")];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        city.anonymous()
            .query("{ __schema { description } }", json!({}))
            .await
            .expect_code("GRAPHQL_VALIDATION_FAILED");
        let told = city.anonymous().query("{ _service { sdl } }", json!({})).await;
        let output = Command::new(workspace::binary("tiffin")).args(["schema", "--subgraph"]).output();
        let printed = String::from_utf8(output.expect("the binary starts").stdout).expect("a text");
        assert_eq!(
            told.text("/_service/sdl"),
            printed.trim_end_matches('\n').to_owned() + &"\n".repeat(trailing(told.text("/_service/sdl")))
        );
    });
}

/// How many line ends the text ends with.
fn trailing(text: &str) -> usize {
    text.len() - text.trim_end_matches('\n').len()
}

#[derive(Debug, Deserialize)]
struct Composed {
    errors: Vec<String>,
    /// The fields of the types that the supergraph joins by a key in Tiffin, by type.
    keys: Vec<String>,
    answers: Vec<Value>,
}

both_databases! {
    async fn it_is_composed_with_another_subgraph_and_answers_through_a_gateway(database: Database) {
        let city = City::with_settings(database, &[ENABLED]).await;
        let restaurant = city.restaurant().named("Phở 24").dish("Phở bò", "4.50").create().await;
        let closed = city.restaurant().inactive().create().await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).create().await;
        let queries = json!([
            // From the other subgraph to Tiffin: one of them is hidden.
            {"query": "{ inspected { id hygieneRating name menu { dishes(first: 1) { nodes { name } } } } }"},
            // And back, with an alias, below a list and below an order that only its customer sees.
            {"query": "{ restaurants(first: 5) { nodes { title: name hygieneRating } } }"},
            {"query": "query($id: ID!) { order(id: $id) { status restaurant { name hygieneRating } } }", "variables": {"id": order.id()},
             "token": ann.access_token()},
        ]);
        let url = city.server().url("/graphql");
        let mut script = Script::start("federation.mjs", &[&url, &json!([restaurant.id(), closed.id()]).to_string(), &queries.to_string()]);
        let composed: Composed = script.next().await;
        assert_eq!(composed.errors, Vec::<String>::new());
        let entities = ["ActiveSession", "AuditEvent", "Customer", "Dish", "Driver", "Job", "Menu", "Order", "OrderEvent", "OrderItem", "Restaurant", "Review", "User"];
        assert_eq!(composed.keys, entities);
        let hygienic = json!({"title": "Phở 24", "hygieneRating": 5});
        let [inspected, listed, ordered] = composed.answers.as_slice() else { panic!("{composed:#?}") };
        assert_eq!(inspected["data"]["inspected"][0], json!({
            "id": restaurant.id(), "hygieneRating": 5, "name": "Phở 24", "menu": {"dishes": {"nodes": [{"name": "Phở bò"}]}},
        }), "{composed:#?}");
        assert_eq!(inspected["data"]["inspected"][1]["name"], Value::Null, "hidden: {composed:#?}");
        assert_eq!(listed["data"]["restaurants"]["nodes"], json!([hygienic]), "{composed:#?}");
        assert_eq!(ordered["data"]["order"], json!({"status": "PENDING", "restaurant": {"name": "Phở 24", "hygieneRating": 5}}), "{composed:#?}");
    }
}
