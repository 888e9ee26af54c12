//! Operations on a small schema, from the text to the answer.

mod documents;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_graphql::{Enum, ID, InputObject, Interface, Object, Schema, Subscription};
use futures_util::Stream;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    config::{Config, Environment},
    graphql::{
        document::{TrustedDocuments, Unedited, checked_schema},
        limits,
    },
};

struct Carton;

#[Object]
impl Carton {
    async fn id(&self) -> ID {
        "c".into()
    }

    async fn lid(&self) -> bool {
        true
    }
}

struct Item(i32);

#[Object]
impl Item {
    async fn id(&self) -> ID {
        self.0.into()
    }

    async fn size(&self, unit: Option<String>) -> i32 {
        unit.map_or(1, |unit| unit.len() as i32)
    }

    async fn big(&self) -> bool {
        false
    }

    async fn parent(&self) -> Item {
        Item(self.0 + 1)
    }

    async fn refused(&self) -> Result<i32, Error> {
        Err(Error::conflict("Not now."))
    }

    async fn uncoded(&self) -> Option<async_graphql::Result<i32>> {
        Some(Err("select * from secrets".into()))
    }

    async fn refused_or_null(&self) -> Option<Result<i32, Error>> {
        Some(Err(Error::conflict("Not now.")))
    }
}

#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"))]
enum Node {
    Item(Item),
    Carton(Carton),
}

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Big,
}

#[derive(InputObject)]
struct Line {
    quantity: i32,
    note: Option<String>,
}

#[derive(InputObject)]
struct PackInput {
    lines: Vec<Line>,
    kind: Option<Kind>,
    weight: Option<f64>,
    #[graphql(default = 3)]
    times: i32,
}

struct Query;

#[Object]
impl Query {
    async fn item(&self) -> Item {
        Item(0)
    }

    #[graphql(complexity = "limits::list(first, None, child_complexity)")]
    async fn items(&self, first: Option<i32>) -> Vec<Item> {
        (0..first.unwrap_or(1)).map(Item).collect()
    }

    #[graphql(complexity = "limits::entries(sizes.len(), child_complexity)")]
    async fn sized(&self, sizes: Vec<i32>) -> Vec<Item> {
        sizes.into_iter().map(Item).collect()
    }

    async fn nodes(&self) -> Vec<Node> {
        vec![Node::Item(Item(0)), Node::Carton(Carton)]
    }

    async fn bounded(&self, #[graphql(validator(maximum = 5))] size: i32) -> i32 {
        size
    }

    async fn doubled(&self, #[graphql(default = 2)] size: i32, of: Option<Vec<Option<i32>>>) -> i32 {
        2 * size + of.map_or(0, |of| of.len() as i32)
    }

    async fn sum(&self, numbers: Vec<i32>, of: Option<Kind>) -> i32 {
        numbers.iter().sum::<i32>() + i32::from(of == Some(Kind::Big))
    }

    async fn panics(&self) -> i32 {
        std::hint::black_box(None::<i32>).expect("the inside")
    }

    async fn slow(&self) -> i32 {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        0
    }
}

static ADDED: AtomicUsize = AtomicUsize::new(0);
static ADDED_SLOWLY: AtomicUsize = AtomicUsize::new(0);

struct Mutation;

#[Object]
impl Mutation {
    async fn add(&self, by: i32) -> Item {
        Item(i32::try_from(ADDED.fetch_add(by as usize, Ordering::SeqCst)).unwrap())
    }

    async fn add_slowly(&self) -> bool {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ADDED_SLOWLY.fetch_add(1, Ordering::SeqCst);
        true
    }

    async fn pack(&self, input: PackInput) -> i32 {
        input.lines.iter().map(|line| line.quantity).sum::<i32>() + input.times
    }
}

struct Events;

#[Subscription]
impl Events {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    async fn failing(&self) -> Result<stream::Empty<i32>, Error> {
        Err(Error::not_found("order"))
    }

    async fn panicking(&self) -> impl Stream<Item = i32> {
        stream::iter(1..=3).map(|number| if number == 2 { panic!("the inside") } else { number })
    }
}

type Toy = Schema<Query, Mutation, Events>;

fn toy() -> Toy {
    checked_schema(
        || (Query, Mutation, Events),
        |name, value| match (name, value) {
            ("Int", async_graphql::Value::Number(number))
                if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) =>
            {
                None
            }
            ("Int", _) => Some("This must be a whole number.".to_owned()),
            _ => None,
        },
        true,
        TrustedDocuments::default(),
        Unedited,
    )
    .finish()
}

fn small_limits() -> LimitsConfig {
    LimitsConfig {
        document_tokens: 300,
        depth: 6,
        complexity: 400,
        selections: 100,
        aliases: 10,
        directives: 10,
        root_fields: 8,
        errors: 3,
        operation_timeout_seconds: 1,
        ..Config::defaults(Environment::Development, true).limits
    }
}

fn request(query: &str, variables: Json) -> Request {
    Request::new(query).variables(async_graphql::Variables::from_json(variables))
}

async fn check(request: Request) -> Result<Operation<Toy>, Refusal> {
    check_by(&toy(), request).await
}

async fn check_by(schema: &Toy, request: Request) -> Result<Operation<Toy>, Refusal> {
    let limits = small_limits();
    Operation::check(schema, &limits, request, Deadline::from_now(&limits)).await
}

/// The answer as JSON; `refused` says that nothing ran.
async fn answer_to(request: Request) -> Json {
    let response = match check(request).await {
        Ok(operation) => operation.run().await,
        Err(refusal) => Err(refusal),
    };
    match response {
        Ok(response) => json!(response),
        Err(refusal) => json!({ "refused": refusal }),
    }
}

async fn answer(query: &str) -> Json {
    answer_to(request(query, json!({}))).await
}

/// Where the first error's code and field are.
fn first_error(answer: &Json) -> (&str, Option<&str>) {
    let errors = answer.get("refused").or_else(|| answer.get("errors"));
    let extensions = &errors.unwrap_or_else(|| panic!("no error in {answer}"))[0]["extensions"];
    (extensions["code"].as_str().unwrap(), extensions["field"].as_str())
}

const PARSE: &str = "GRAPHQL_PARSE_FAILED";
const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
const COMPLEX: &str = "QUERY_TOO_COMPLEX";

#[tokio::test]
async fn what_is_selected_twice_is_one_field() {
    let cases = [
        ("{ item { id } item { size } }", json!({ "item": { "id": "0", "size": 1 } })),
        (
            "{ item { parent { id } ...F } } fragment F on Item { parent { size } id }",
            json!({ "item": { "parent": { "id": "1", "size": 1 }, "id": "0" } }),
        ),
        ("{ item { ...F ...F ... on Item { id } } } fragment F on Item { id }", json!({ "item": { "id": "0" } })),
        ("{ item { a: id b: id } }", json!({ "item": { "a": "0", "b": "0" } })),
        (
            "{ nodes { id ... on Item { size id } ... on Carton { lid } ... on Node { __typename } } }",
            json!({ "nodes": [
            { "id": "0", "size": 1, "__typename": "Item" }, { "id": "c", "lid": true, "__typename": "Carton" },
        ] }),
        ),
        (
            "{ nodes { ... on Carton { x: id y: lid } ... on Item { x: id y: big } } }",
            json!({ "nodes": [{ "x": "0", "y": false }, { "x": "c", "y": true }] }),
        ),
        ("{ nodes { ... on Item { id } } }", json!({ "nodes": [{ "id": "0" }, {}] })),
        (
            "query ($yes: Boolean = true) { item { id @skip(if: $yes) size @include(if: $yes) } }",
            json!({ "item": { "size": 1 } }),
        ),
        (
            "{ item { id ... @include(if: false) { size } ...F @skip(if: true) } } fragment F on Item { size }",
            json!({ "item": { "id": "0" } }),
        ),
        ("{ item { id @skip(if: true) id } }", json!({ "item": { "id": "0" } })),
        (
            "query ($yes: Boolean = true) { __typename @skip(if: $yes) t: __typename @include(if: $yes) }",
            json!({ "t": "Query" }),
        ),
        (
            "{ __typename __typename t: __type(name: \"Item\") { kind ... on __Type { kind name } } }",
            json!({ "__typename": "Query", "t": { "kind": "OBJECT", "name": "Item" } }),
        ),
    ];
    for (query, data) in cases {
        assert_eq!(answer(query).await, json!({ "data": data }), "{query}");
    }
}

#[tokio::test]
async fn a_mutation_selected_twice_happens_once() {
    let before = ADDED.load(Ordering::SeqCst);
    let query = "mutation ($by: Int!) { add(by: $by) { id } ...F add(by: $by) { __typename } }
        fragment F on Mutation { ... { add(by: $by) { size } } }";
    let answer = answer_to(request(query, json!({ "by": 1 }))).await;
    assert_eq!(answer["data"]["add"]["size"], 1, "{answer}");
    assert_eq!(ADDED.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn a_mutation_happens_whole_when_its_client_leaves() {
    let operation = check(request("mutation { addSlowly }", json!({}))).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(10), operation.run()).await.is_err());
    assert_eq!(ADDED_SLOWLY.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ADDED_SLOWLY.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_operation_of_several_is_chosen_by_name() {
    let query = "query A { item { id } } query B { item { size } } query C($of: Kind!) { sum(numbers: [], of: $of) }";
    let answer = answer_to(request(query, json!({})).operation_name("B")).await;
    assert_eq!(answer, json!({ "data": { "item": { "size": 1 } } }));
    let answer = answer_to(request(query, json!({})).operation_name("D")).await;
    assert_eq!(first_error(&answer).0, INVALID);
    let answer = answer_to(request("{ item { id } }", json!({})).operation_name("A")).await;
    assert_eq!(first_error(&answer).0, INVALID);
}

#[tokio::test]
async fn errors_have_a_code_and_their_whole_path() {
    let answer = answer("{ items(first: 2) { id parent { x: refused } } }").await;
    assert_eq!(answer["data"], Json::Null);
    assert_eq!(
        answer["errors"],
        json!([{
            "message": "Not now.",
            "locations": [{ "line": 1, "column": 33 }],
            "path": ["items", 0, "parent", "x"],
            "extensions": { "code": "CONFLICT" },
        }])
    );
    let answer = self::answer("{ nodes { ... on Item { refused } } }").await;
    assert_eq!(answer["errors"][0]["path"], json!(["nodes", 0, "refused"]));
    let answer = self::answer("{ items { refusedOrNull } }").await;
    assert_eq!(answer["errors"][0]["path"], json!(["items", 0, "refusedOrNull"]));
    assert_eq!(answer["data"], json!({ "items": [{ "refusedOrNull": null }] }));
}

#[tokio::test]
async fn no_more_errors_are_told_than_the_limit() {
    let answer = answer("{ items(first: 20) { refusedOrNull } }").await;
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(3));
    assert_eq!(answer["extensions"]["errorsLeftOut"], 17);
    let answer = self::answer("{ a b c d e f }").await;
    assert_eq!(answer["refused"].as_array().map(Vec::len), Some(4), "{answer}");
}

#[tokio::test]
async fn the_inside_stays_inside() {
    for query in ["{ panics }", "{ item { uncoded } }"] {
        let answer = answer(query).await;
        assert_eq!(first_error(&answer).0, "INTERNAL_SERVER_ERROR", "{answer}");
        assert!(answer["errors"][0]["extensions"]["id"].is_string(), "{answer}");
        assert!(!answer.to_string().contains("inside") && !answer.to_string().contains("secrets"), "{answer}");
    }
}

#[tokio::test]
async fn an_operation_has_its_time() {
    assert_eq!(first_error(&answer("{ slow }").await).0, "TIMEOUT");
}

async fn events(query: &str) -> Json {
    match check(request(query, json!({}))).await {
        Ok(operation) => {
            let told = operation.stream().await.unwrap().collect::<Vec<_>>().await;
            told.iter().map(|told| serde_json::from_str::<Json>(&told.json).unwrap()).collect()
        }
        Err(refusal) => json!({ "refused": refusal }),
    }
}

#[tokio::test]
async fn a_subscription_has_many_answers() {
    let counted = json!([{ "data": { "count": 1 } }, { "data": { "count": 2 } }]);
    assert_eq!(events("subscription { count(to: 2) }").await, counted);
    assert_eq!(events("subscription { ...F } fragment F on Events { count(to: 2) count(to: 2) }").await, counted);
    assert_eq!(events("{ item { id } }").await, json!([{ "data": { "item": { "id": "0" } } }]));
    let failed = events("subscription { failing }").await;
    assert_eq!(first_error(&failed[0]).0, "NOT_FOUND", "{failed}");
    let refused = answer("subscription { count(to: 1) }").await;
    assert_eq!(first_error(&refused).0, INVALID);
}

#[tokio::test]
async fn a_panic_ends_a_subscription_with_an_error() {
    let events = events("subscription { panicking }").await;
    assert_eq!(events[0], json!({ "data": { "panicking": 1 } }));
    assert_eq!(first_error(&events[1]).0, "INTERNAL_SERVER_ERROR");
    assert_eq!(events.as_array().map(Vec::len), Some(2));
}
