//! The requests, and the code that each is refused with.

use serde_json::{Value, json};

const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
const QUERY_TOO_COMPLEX: &str = "QUERY_TOO_COMPLEX";
const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";

/// A request, and the code that it is refused with.
pub struct Attack {
    pub name: &'static str,
    pub body: Value,
    pub code: &'static str,
}

impl Attack {
    fn document(name: &'static str, query: impl Into<String>, code: &'static str) -> Self {
        Attack { name, body: json!({"query": query.into()}), code }
    }

    fn variables(name: &'static str, query: &str, variables: Value, code: &'static str) -> Self {
        Attack { name, body: json!({"query": query, "variables": variables}), code }
    }
}

/// The catalog by its name, and then what was asked for too much of.
fn selecting(selections: &str) -> String {
    format!("{{ restaurants {{ nodes {{ {selections} }} }} }}")
}

fn numbered(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect::<Vec<_>>().join(" ")
}

/// Fragments that each spread the next twice: two to the power of their number.
fn fragment_bomb(fragments: usize) -> String {
    let fragment = |n: usize| format!("fragment F{n} on Restaurant {{ ...F{0} ...F{0} }}", n + 1);
    let end = format!("fragment F{fragments} on Restaurant {{ name }}");
    format!("{} {} {end}", selecting("...F0"), numbered(fragments, fragment))
}

fn nested(levels: usize) -> String {
    let step = "menu { restaurant { ";
    selecting(&format!("{}id{}", step.repeat(levels), " } }".repeat(levels)))
}

fn lists_in_lists(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn objects_in_objects(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({"search": inner}))
}

/// What is within the limits of a body.
pub fn small_attacks() -> Vec<Attack> {
    let huge = 4_611_686_018_427_387_904_i64;
    let circle = "fragment A on Restaurant { ...B } fragment B on Restaurant { ...A }";
    let list = "query($first: Int) { restaurants(first: $first) { nodes { name } } }";
    let dishes = "query($filter: DishFilter) { dishes(filter: $filter) { nodes { name } } }";
    let ids: Vec<_> = (1..=5_000).map(|number| format!("Restaurant:{number}")).collect();
    vec![
        Attack::document("deep nesting", nested(15), QUERY_TOO_COMPLEX),
        Attack::document("very deep nesting", nested(2_000), QUERY_TOO_COMPLEX),
        Attack::document(
            "deep nesting of values",
            format!("{{ nodes(ids: {}1{}) {{ id }} }}", "[".repeat(4_000), "]".repeat(4_000)),
            QUERY_TOO_COMPLEX,
        ),
        Attack::document("aliases", selecting(&numbered(1_000, |n| format!("a{n}: name"))), QUERY_TOO_COMPLEX),
        Attack::document(
            "aliases at the root",
            format!("{{ {} }}", numbered(1_000, |n| format!("a{n}: restaurants {{ totalCount }}"))),
            QUERY_TOO_COMPLEX,
        ),
        Attack::document(
            "directives",
            selecting(&format!("name {}", "@include(if: true) ".repeat(1_000))),
            QUERY_TOO_COMPLEX,
        ),
        Attack::document("unknown directives", selecting(&format!("name {}", "@a".repeat(1_000))), QUERY_TOO_COMPLEX),
        Attack::document("unknown fields", selecting(&numbered(1_000, |n| format!("x{n}"))), VALIDATION_FAILED),
        Attack::document("circular fragments", format!("{} {circle}", selecting("...A")), VALIDATION_FAILED),
        Attack::document(
            "circular fragments that nobody spreads",
            format!("{} {circle}", selecting("id")),
            VALIDATION_FAILED,
        ),
        Attack::document("a fragment bomb", fragment_bomb(20), QUERY_TOO_COMPLEX),
        Attack::document("a long fragment bomb", fragment_bomb(200), QUERY_TOO_COMPLEX),
        Attack::document(
            "lists in lists",
            "{ restaurants(first: 100) { nodes { menu { dishes(first: 100) { nodes { menu { dishes(first: 100) { nodes { id } } } } } } } } }",
            QUERY_TOO_COMPLEX,
        ),
        Attack::document(
            "a huge page",
            format!("{{ restaurants(first: {huge}) {{ nodes {{ name }} }} }}"),
            BAD_USER_INPUT,
        ),
        Attack::variables("a huge page by a variable", list, json!({"first": huge}), BAD_USER_INPUT),
        Attack::variables("a page above the cap", list, json!({"first": 101}), BAD_USER_INPUT),
        Attack::variables(
            "a long variable",
            dishes,
            json!({"filter": {"search": "a".repeat(200_000)}}),
            BAD_USER_INPUT,
        ),
        Attack::variables(
            "many values",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({"ids": ids}),
            BAD_USER_INPUT,
        ),
        Attack::variables(
            "a huge number of identical values",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({"ids": vec!["Dish:1"; 20_000]}),
            BAD_USER_INPUT,
        ),
        Attack::variables("a list inside of lists", list, json!({"first": lists_in_lists(100)}), BAD_USER_INPUT),
        Attack::variables(
            "objects inside of objects",
            dishes,
            json!({"filter": objects_in_objects(100)}),
            BAD_USER_INPUT,
        ),
        Attack::document("a long name", selecting(&"x".repeat(60_000)), VALIDATION_FAILED),
        Attack::document(
            "many long names",
            selecting(&numbered(250, |n| format!("{}{n}", "x".repeat(240)))),
            VALIDATION_FAILED,
        ),
        Attack::document(
            "many unknown arguments",
            format!("{{ restaurants({}) {{ totalCount }} }}", numbered(1_600, |n| format!("x{n}: 1"))),
            VALIDATION_FAILED,
        ),
        Attack::document(
            "as many unknown fields as there may be tokens",
            selecting(&numbered(2_490, |n| format!("x{n}"))),
            VALIDATION_FAILED,
        ),
        Attack::document("20,000 unknown fields", selecting(&numbered(20_000, |n| format!("x{n}"))), QUERY_TOO_COMPLEX),
        Attack::document(
            "a long document",
            format!("# {}\n{{ restaurants {{ totalCount }} }}", "a".repeat(200_000)),
            QUERY_TOO_COMPLEX,
        ),
        Attack::document("null bytes", "\0".repeat(1_000), PARSE_FAILED),
        Attack::document("a null byte in a name", selecting("na\0me"), PARSE_FAILED),
        Attack::document(
            "a null byte in an id",
            r#"{ restaurant(id: "Restaurant:1\u0000") { name } }"#,
            BAD_USER_INPUT,
        ),
        Attack::document(
            "a long id",
            format!("{{ restaurant(id: \"Restaurant:{}\") {{ name }} }}", "1".repeat(60_000)),
            BAD_USER_INPUT,
        ),
        Attack::variables(
            "a long id by a variable",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({"ids": ["9".repeat(200_000)]}),
            BAD_USER_INPUT,
        ),
        Attack {
            name: "a huge operationName",
            body: json!({"query": "query A { restaurants { totalCount } }", "operationName": "A".repeat(200_000)}),
            code: VALIDATION_FAILED,
        },
        Attack {
            name: "a batch",
            body: json!(vec![json!({"query": "{ restaurants { totalCount } }"}); 100]),
            code: BAD_USER_INPUT,
        },
    ]
}

/// What is as long as it wants to be.
pub fn large_attacks() -> Vec<Attack> {
    let megabytes = 10 * 1024 * 1024;
    let list = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let comment = format!("# {}\n{{ restaurants {{ totalCount }} }}", "a".repeat(megabytes));
    vec![
        Attack::document("300,000 repeats of a field", selecting(&"name ".repeat(300_000)), QUERY_TOO_COMPLEX),
        Attack::document(
            "300,000 arguments",
            format!("{{ restaurants({}) {{ totalCount }} }}", "first: 1 ".repeat(300_000)),
            QUERY_TOO_COMPLEX,
        ),
        Attack::document("10 MB of a query", selecting(&"id ".repeat(megabytes / 3)), QUERY_TOO_COMPLEX),
        Attack::document("10 MB of braces", "{".repeat(megabytes), QUERY_TOO_COMPLEX),
        Attack::document("10 MB of a comment", comment, BAD_USER_INPUT),
        Attack::variables("100,000 values", list, json!({"ids": vec!["Restaurant:1"; 100_000]}), BAD_USER_INPUT),
        Attack::variables(
            "5 MB of a variable",
            "query($filter: DishFilter) { dishes(filter: $filter) { nodes { name } } }",
            json!({"filter": {"search": "a".repeat(5 * 1024 * 1024)}}),
            BAD_USER_INPUT,
        ),
        Attack::variables("a million values", list, json!({"ids": vec!["Restaurant:1"; 1_000_000]}), BAD_USER_INPUT),
    ]
}
