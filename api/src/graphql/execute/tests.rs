//! Operations on a small schema, from the text to the answer.

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
    graphql::{document::checked_schema, limits},
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
async fn documents_are_refused_with_their_code() {
    let bomb = (0..30)
        .fold("{ ...F0 }".to_owned(), |bomb, n| format!("{bomb} fragment F{n} on Query {{ ...F{0} ...F{0} }}", n + 1))
        + "fragment F30 on Query { item { id } }";
    let deep = format!("{{ item {{ {} id {} }} }}", "parent {".repeat(6), "}".repeat(6));
    let aliases: String = (0..11).map(|n| format!("a{n}: size ")).collect();
    let directives = "@skip(if: false) ".repeat(11);
    let cases: Vec<(String, &str)> = vec![
        ("{".into(), PARSE),
        ("".into(), PARSE),
        ("fragment F on Query { item { id } }".into(), PARSE),
        ("query { item { id } } query { item { id } }".into(), INVALID),
        ("{ item { id } } query A { item { id } }".into(), INVALID),
        ("query A { item { id } } query A { item { id } }".into(), INVALID),
        ("{ ...F } fragment F on Query { item { id } } fragment F on Query { item { id } }".into(), INVALID),
        ("query A { item { id } } query B { item { id } }".into(), INVALID),
        ("mutation { pack(input: { lines: [], lines: [] }) }".into(), INVALID),
        ("{ unknown }".into(), INVALID),
        ("{ item }".into(), INVALID),
        ("{ item { id { x } } }".into(), INVALID),
        ("{ item { id(x: 1) } }".into(), INVALID),
        ("{ bounded }".into(), INVALID),
        ("{ ...F }".into(), INVALID),
        ("{ ...F } fragment F on Query { ...F }".into(), INVALID),
        ("{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }".into(), INVALID),
        ("{ item { id } } fragment F on Query { item { id } }".into(), INVALID),
        ("query ($x: Int) { item { id } }".into(), INVALID),
        ("{ bounded(size: $x) }".into(), INVALID),
        ("{ __typename(x: 1) }".into(), INVALID),
        ("{ __typename { id } }".into(), INVALID),
        ("{ __typename @unknown }".into(), INVALID),
        ("{ __typename @skip(if: $x) }".into(), INVALID),
        ("{ a: item { id } a: items { id } }".into(), INVALID),
        ("{ item { a: id a: size } }".into(), INVALID),
        ("{ item { size(unit: \"m\") size } }".into(), INVALID),
        ("{ item { x: parent { id } } item { x: size } }".into(), INVALID),
        ("{ item { x: id } ... on Query { item { x: size } } }".into(), INVALID),
        ("{ item { x: id @skip(if: true) x: size } }".into(), INVALID),
        ("{ nodes { ... on Carton { x: lid } ... on Item { x: size } } }".into(), INVALID),
        ("{ nodes { ... on Carton { x: id } ... on Item { x: parent { id } } } }".into(), INVALID),
        ("{ nodes { ...C ... on Item { x: parent { x: size } } } } fragment C on Node { ... on Item { x: parent { x: id } } }".into(), INVALID),
        ("{ nodes { ... on Carton { x: __typename } ... on Item { x: size } } }".into(), INVALID),
        ("subscription { count(to: 1) failing }".into(), INVALID),
        ("subscription { count(to: 1) ...F } fragment F on Events { failing }".into(), INVALID),
        ("subscription { a: count(to: 1) ... on Events { b: count(to: 1) } }".into(), INVALID),
        ("subscription { __typename }".into(), INVALID),
        ("subscription { ... { __typename } }".into(), INVALID),
        ("subscription ($x: Boolean!) { count(to: 1) @skip(if: $x) }".into(), INVALID),
        (bomb, COMPLEX),
        (deep, COMPLEX),
        (format!("{{ item {{ {aliases} }} }}"), COMPLEX),
        (format!("{{ item {{ id {directives} }} }}"), COMPLEX),
        (format!("{{ {} }}", "item { id } ".repeat(9)), COMPLEX),
        (format!("{{ item {{ {} }} }}", "id ".repeat(101)), COMPLEX),
        ("id ".repeat(301), COMPLEX),
        (format!("{{ sum(numbers: {}1{}) }}", "[".repeat(99), "]".repeat(99)), COMPLEX),
        ("{ items(first: 2147483647) { id parent { parent { id } } } }".into(), COMPLEX),
        ("{ a: items(first: 100) { id } b: items(first: 100) { id } c: items(first: 100) { id } d: items(first: 100) { id } }".into(), COMPLEX),
    ];
    for (query, code) in cases {
        let answer = answer(&query).await;
        assert!(answer["refused"].is_array(), "{query}: {answer}");
        assert_eq!(first_error(&answer).0, code, "{query}: {answer}");
    }
}

#[tokio::test]
async fn values_are_refused_with_their_path() {
    let pack = "mutation ($input: PackInput!) { pack(input: $input) }";
    let line = "mutation ($line: Line!) { pack(input: { lines: [{ quantity: 1 }, $line] }) }";
    let quantity = "mutation ($quantity: Int!) { pack(input: { lines: [{ quantity: $quantity }] }) }";
    let cases = [
        ("{ bounded(size: \"1\") }", json!({}), "size"),
        ("{ bounded(size: null) }", json!({}), "size"),
        ("{ bounded(size: 1.5) }", json!({}), "size"),
        ("{ bounded(size: 2147483648) }", json!({}), "size"),
        ("{ bounded(size: 6) }", json!({}), "size"),
        ("{ sum(numbers: [1, null]) }", json!({}), "numbers.1"),
        ("{ sum(numbers: [1], of: MIDDLE) }", json!({}), "of"),
        ("{ sum(numbers: [1], of: \"BIG\") }", json!({}), "of"),
        ("query ($of: Kind) { sum(numbers: [1], of: $of) }", json!({ "of": "MIDDLE" }), "of"),
        ("query ($size: Int!) { bounded(size: $size) }", json!({}), "size"),
        ("query ($size: Int!) { bounded(size: $size) }", json!({ "size": null }), "size"),
        ("query ($size: Int! = 3) { bounded(size: $size) }", json!({ "size": null }), "size"),
        ("query ($size: Int!) { bounded(size: $size) }", json!({ "size": "3" }), "size"),
        ("query ($n: Int!) { bounded(size: $n) }", json!({ "n": 6 }), "size"),
        ("query ($no: Boolean!) { item { id @skip(if: $no) } }", json!({}), "no"),
        ("query ($sizes: [Int!]!) { sized(sizes: $sizes) { id } }", json!({}), "sizes"),
        ("mutation { pack(input: null) }", json!({}), "input"),
        ("mutation { pack(input: 1) }", json!({}), "input"),
        ("mutation { pack(input: {}) }", json!({}), "lines"),
        ("mutation { pack(input: { lines: [{ quantity: 1 }, { quantity: \"2\" }] }) }", json!({}), "lines.1.quantity"),
        ("mutation { pack(input: { lines: [{ quantity: 1, note: null }], times: null }) }", json!({}), "times"),
        (pack, json!({}), "input"),
        (pack, json!({ "input": { "lines": null } }), "lines"),
        (pack, json!({ "input": { "lines": [null] } }), "lines.0"),
        (pack, json!({ "input": { "lines": [{}] } }), "lines.0.quantity"),
        (pack, json!({ "input": { "lines": [], "more": 1 } }), "more"),
        (pack, json!({ "input": { "lines": [], "kind": 1 } }), "kind"),
        (line, json!({}), "lines.1"),
        (line, json!({ "line": { "quantity": true } }), "lines.1.quantity"),
        (quantity, json!({}), "lines.0.quantity"),
        (quantity, json!({ "quantity": 1e30 }), "lines.0.quantity"),
    ];
    for (query, variables, field) in cases {
        let answer = answer_to(request(query, variables.clone())).await;
        assert_eq!(first_error(&answer), ("BAD_USER_INPUT", Some(field)), "{query} {variables}: {answer}");
    }
}

#[tokio::test]
async fn good_values_are_taken() {
    let cases = [
        ("mutation { pack(input: { lines: { quantity: 4 } }) }", json!({}), 7),
        (
            "mutation ($q: Int!, $t: Int! = 1) { pack(input: { lines: [{ quantity: $q }], times: $t }) }",
            json!({ "q": 4 }),
            5,
        ),
        (
            "mutation ($q: Int!, $t: Int!) { pack(input: { lines: [{ quantity: $q }], times: $t }) }",
            json!({ "q": 4, "t": 0 }),
            4,
        ),
        (
            "mutation ($n: String, $k: Kind) { pack(input: { lines: [{ quantity: 1, note: $n }], kind: $k }) }",
            json!({}),
            4,
        ),
        (
            "mutation ($i: PackInput!) { pack(input: $i) }",
            json!({ "i": { "lines": [{ "quantity": 1 }], "kind": "BIG" } }),
            4,
        ),
    ];
    for (query, variables, sum) in cases {
        let answer = answer_to(request(query, variables)).await;
        assert_eq!(answer, json!({ "data": { "pack": sum } }), "{query}");
    }
}

/// October 2021, section 5.8.5: each line of it.
#[tokio::test]
async fn a_variable_fits_where_it_stands() {
    let cases = [
        // A value that may be null, where none may be.
        ("query ($x: Int) { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query ($x: Int = 1) { bounded(size: $x) }", json!({}), Some(json!(1))),
        ("query ($x: Int = null) { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query ($x: Int) { doubled(size: $x) }", json!({}), Some(json!(4))),
        ("query ($x: Int) { doubled(size: $x) }", json!({ "x": 3 }), Some(json!(6))),
        ("query ($x: Int!) { doubled(of: [$x]) }", json!({ "x": 3 }), Some(json!(5))),
        ("query ($x: Int) { doubled(of: [$x]) }", json!({}), Some(json!(5))),
        ("query ($x: Int) { sum(numbers: [$x]) }", json!({ "x": 1 }), None),
        ("query ($x: Int = 2) { sum(numbers: [$x]) }", json!({}), Some(json!(2))),
        ("query ($x: Boolean) { bounded(size: 1) @skip(if: $x) }", json!({ "x": false }), None),
        ("query ($x: Boolean = false) { bounded(size: 1) @skip(if: $x) }", json!({}), Some(json!(1))),
        // Another type.
        ("query ($x: String!) { bounded(size: $x) }", json!({ "x": "1" }), None),
        ("query ($x: Float!) { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query ($x: String!) { sum(numbers: [], of: $x) }", json!({ "x": "BIG" }), None),
        ("query ($x: String!) { bounded(size: 1) @skip(if: $x) }", json!({ "x": "" }), None),
        // Lists and what they hold.
        ("query ($x: Int!) { sum(numbers: $x) }", json!({ "x": 1 }), None),
        ("query ($x: [Int!]!) { bounded(size: $x) }", json!({ "x": [1] }), None),
        ("query ($x: [Int]!) { sum(numbers: $x) }", json!({ "x": [1] }), None),
        ("query ($x: [Int!]) { sum(numbers: $x) }", json!({ "x": [1] }), None),
        ("query ($x: [Int!]!) { sum(numbers: $x) }", json!({ "x": [1, 2] }), Some(json!(3))),
        ("query ($x: [Int!]!) { sum(numbers: $x) }", json!({ "x": 2 }), Some(json!(2))),
        ("query ($x: [Int!]!) { doubled(of: $x) }", json!({ "x": [1, 2] }), Some(json!(6))),
        ("query ($x: [Int!]!) { sum(numbers: [$x]) }", json!({ "x": [1] }), None),
        // In a fragment, and in an operation that is not the one that runs.
        ("query ($x: Int) { ...F } fragment F on Query { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query A { bounded(size: 1) } query B($x: Int) { bounded(size: $x) }", json!({}), None),
    ];
    for (query, variables, expected) in cases {
        let mut request = request(query, variables);
        request.operation_name = query.starts_with("query A").then(|| "A".to_owned());
        let answer = answer_to(request).await;
        match expected {
            Some(value) => {
                let values = answer["data"].as_object().map(|data| data.values().collect::<Vec<_>>());
                assert_eq!(values, Some(vec![&value]), "{query}: {answer}");
            }
            None => assert_eq!(first_error(&answer), (INVALID, None), "{query}: {answer}"),
        }
    }
    let field = "mutation ($x: Int) { pack(input: { lines: [{ quantity: $x }], times: 1 }) }";
    assert_eq!(first_error(&answer_to(request(field, json!({ "x": 1 }))).await), (INVALID, None));
    let with_default = "mutation ($x: Int) { pack(input: { lines: [], times: $x }) }";
    assert_eq!(answer_to(request(with_default, json!({}))).await, json!({ "data": { "pack": 3 } }));
}

/// What may be null by its type is refused where it is null and must not be; and what a variable's own type refuses, also where the
/// place would take it.
#[tokio::test]
async fn a_variable_is_held_against_its_own_type_and_its_place() {
    let cases = [
        ("query ($x: Int = 1) { bounded(size: $x) }", json!({ "x": null }), "size"),
        ("query ($x: Int) { doubled(size: $x) }", json!({ "x": null }), "size"),
        ("query ($x: [Int!]) { doubled(of: $x) }", json!({ "x": [1, null] }), "of.1"),
        ("query ($x: Boolean = true) { item { id @skip(if: $x) } }", json!({ "x": null }), "x"),
    ];
    for (query, variables, field) in cases {
        let answer = answer_to(request(query, variables)).await;
        assert_eq!(first_error(&answer), ("BAD_USER_INPUT", Some(field)), "{query}: {answer}");
    }
}

#[tokio::test]
async fn a_known_document_is_not_read_again() {
    let schema = toy();
    let prepared = async |query: &str, variables: Json| {
        let operation = check_by(&schema, request(query, variables)).await;
        operation.unwrap_or_else(|refusal| panic!("{query}: {refusal:?}")).prepared
    };
    let list = "query ($first: Int, $of: Kind, $no: Boolean = false) {
        items(first: $first) { id size @skip(if: $no) } sum(numbers: [1], of: $of) }";
    let first = prepared(list, json!({ "first": 2, "of": "BIG" })).await;
    assert!(Arc::ptr_eq(&first, &prepared(list, json!({ "first": 3, "of": "SMALL" })).await));
    // What is left out, or is not given, makes it another.
    for variables in [json!({ "first": 2 }), json!({ "first": 2, "of": "BIG", "no": true }), json!({})] {
        assert!(!Arc::ptr_eq(&first, &prepared(list, variables).await));
    }
    assert!(!Arc::ptr_eq(&first, &prepared(&format!("{list} "), json!({ "first": 2, "of": "BIG" })).await));

    let several = "query A { item { id } } query B { item { size } }";
    let named = async |name: &str| {
        let operation = check_by(&schema, request(several, json!({})).operation_name(name)).await;
        operation.unwrap_or_else(|refusal| panic!("{refusal:?}")).prepared
    };
    let a = named("A").await;
    assert!(Arc::ptr_eq(&a, &named("A").await));
    assert!(!Arc::ptr_eq(&a, &named("B").await));
}

/// The variables of each request are looked at, and what they make the operation cost.
#[tokio::test]
async fn a_known_document_answers_as_an_unknown_one() {
    let schema = toy();
    let query =
        "query ($first: Int, $size: Int!) { items(first: $first) { parent { parent { id } } } bounded(size: $size) }";
    let requests = [
        json!({ "first": 2, "size": 1 }),
        json!({ "first": 2, "size": "1" }),
        json!({ "first": 100, "size": 1 }),
        json!({ "first": 2 }),
        json!({ "first": 2, "size": null }),
        json!({ "first": 2, "size": 6 }),
        json!({ "first": 130, "size": 1 }),
        json!({ "size": 1 }),
        json!({ "first": 1, "size": 5 }),
    ];
    for variables in requests.iter().cycle().take(3 * requests.len()) {
        let by = async |schema: &Toy| match check_by(schema, request(query, variables.clone())).await {
            Ok(operation) => (operation.complexity, json!(operation.run().await.unwrap())),
            Err(refusal) => (0, json!(refusal)),
        };
        assert_eq!(by(&schema).await, by(&toy()).await, "{variables}");
    }
}

#[tokio::test]
async fn an_argument_whose_variable_has_no_value_is_not_given() {
    let query = "query ($first: Int) { items(first: $first) { id } }";
    assert_eq!(answer_to(request(query, json!({}))).await, json!({ "data": { "items": [{ "id": "0" }] } }));
    let required = answer_to(request("query ($s: Int!) { bounded(size: $s) }", json!({}))).await;
    assert_eq!(first_error(&required), ("BAD_USER_INPUT", Some("size")));
    let undefined = answer("{ items(first: $first) { id } }").await;
    assert_eq!(first_error(&undefined).0, "GRAPHQL_VALIDATION_FAILED");
}

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
        Ok(operation) => json!(operation.stream().await.unwrap().collect::<Vec<_>>().await),
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

/// `cargo test --release -p tiffin --lib checking_compared -- --ignored --nocapture`; the decision has a result of a debug build.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn checking_compared() {
    const ROUNDS: usize = 40;
    const REQUESTS: u32 = 250;
    let schema = crate::graphql::schema::build(false, false);
    let limits = Config::defaults(Environment::Development, true).limits;
    let page = "{ nodes { id name avgRating menu { id dishes(first: 5) { nodes { id name price menu { restaurant { id name } } } } } }
        pageInfo { hasNextPage endCursor } }";
    let documents = [
        ("one object", "query ($id: ID!) { restaurant(id: $id) { id name avgRating } }".to_owned()),
        ("four levels", format!("query ($after: String) {{ restaurants(first: 10, after: $after) {page} }}")),
        ("four levels, by a variable", format!("query ($first: Int) {{ restaurants(first: $first) {page} }}")),
    ];
    for (name, query) in documents {
        let variables = json!({ "id": "Restaurant:1", "first": 10 });
        let check = async |query: String| {
            let request = request(&query, variables.clone());
            let checked = Operation::check(&schema, &limits, request, Deadline::from_now(&limits)).await;
            checked.unwrap_or_else(|refusal| panic!("{name}: {refusal:?}")).complexity
        };
        let (mut unknown, mut known) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let started = std::time::Instant::now();
            for number in 0..REQUESTS {
                std::hint::black_box(check(format!("{query} # {round} {number}")).await);
            }
            unknown.push(started.elapsed() / REQUESTS);
            let started = std::time::Instant::now();
            for _ in 0..REQUESTS {
                std::hint::black_box(check(query.clone()).await);
            }
            known.push(started.elapsed() / REQUESTS);
        }
        for (kind, mut times) in [("unknown", unknown), ("known", known)] {
            times.sort();
            println!("{name}, {kind}: {:.1?}, at least {:.1?}", times[ROUNDS / 2], times[0]);
        }
    }
}
