//! Requests that are made to cost: each is refused with its code before a statement runs, and the server goes on.

use serde_json::{Value, json};
use tiffin_tests::{City, both_databases};

const QUERY_TOO_COMPLEX: &str = "QUERY_TOO_COMPLEX";
const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
const BAD_USER_INPUT: &str = "BAD_USER_INPUT";

/// A request, and the code that it is refused with.
struct Attack {
    name: &'static str,
    body: Value,
    code: &'static str,
}

impl Attack {
    fn document(name: &'static str, query: impl Into<String>, code: &'static str) -> Self {
        Attack { name, body: json!({"query": query.into()}), code }
    }

    fn variables(name: &'static str, query: &str, variables: Value, code: &'static str) -> Self {
        Attack { name, body: json!({"query": query, "variables": variables}), code }
    }

    /// Sends it and expects the refusal, and no statement.
    async fn run(&self, city: &City) {
        let anonymous = city.anonymous();
        let (answer, statements) = city.server().statements_during(anonymous.send(&self.body)).await;
        let problems = answer.problems();
        let refused = !problems.is_empty() && problems.iter().all(|problem| problem.code == self.code);
        // The request itself may be long.
        let said: String = answer.to_string().chars().take(2_000).collect();
        assert!(refused, "{}: expected {}, got {said}", self.name, self.code);
        assert!(answer.status < 500, "{}: {said}", self.name);
        // Fifty, and one that says how many were left out.
        assert!(problems.len() <= 51 && answer.to_string().len() < 100_000, "{}: a long answer: {said}", self.name);
        assert_eq!(statements.count(), 0, "{}: {statements}", self.name);
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

/// What is within the limits of a body.
fn small_attacks() -> Vec<Attack> {
    let huge = 4_611_686_018_427_387_904_i64;
    let circle = "fragment A on Restaurant { ...B } fragment B on Restaurant { ...A }";
    let list = "query($first: Int) { restaurants(first: $first) { nodes { name } } }";
    let dishes = "query($filter: DishFilter) { dishes(filter: $filter) { nodes { name } } }";
    let ids: Vec<_> = (1..=5_000).map(|number| format!("Restaurant:{number}")).collect();
    vec![
        Attack::document("deep nesting", nested(15), QUERY_TOO_COMPLEX),
        Attack::document("very deep nesting", nested(4_000), QUERY_TOO_COMPLEX),
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
        Attack { name: "a batch", body: json!([{"query": "{ restaurants { totalCount } }"}]), code: BAD_USER_INPUT },
    ]
}

/// What is as long as it wants to be.
fn large_attacks() -> Vec<Attack> {
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
        Attack::variables("a million values", list, json!({"ids": vec!["Restaurant:1"; 1_000_000]}), BAD_USER_INPUT),
    ]
}

async fn expect_alive(city: &City) {
    let answer = city.anonymous().query("{ restaurants { nodes { name } } }", json!({})).await;
    assert_eq!(answer.list("/restaurants/nodes").len(), 1);
}

both_databases! {
    async fn what_is_made_to_cost_is_refused_before_it_does(city: &City) {
        city.restaurant().with_dishes(1).create().await;
        for attack in small_attacks() {
            attack.run(city).await;
        }
        expect_alive(city).await;
    }
}

#[test]
fn what_is_too_long_is_refused_by_its_length() {
    tiffin_tests::run(async {
        let city = City::new(tiffin_tests::Database::Sqlite).await;
        city.restaurant().with_dishes(1).create().await;
        for attack in large_attacks() {
            let attack = Attack { code: BAD_USER_INPUT, ..attack };
            attack.run(&city).await;
        }
        expect_alive(&city).await;
    });
}

/// Behind the limit of the body stand the others, for whoever raises it.
#[test]
fn where_long_requests_are_taken_their_content_is_refused() {
    tiffin_tests::run(async {
        let settings = [("TIFFIN_LIMITS_BODY_BYTES", "50000000")];
        let city = City::with_settings(tiffin_tests::Database::Sqlite, &settings).await;
        city.restaurant().with_dishes(1).create().await;
        for attack in large_attacks().into_iter().filter(|attack| attack.name != "10 MB of a comment") {
            attack.run(&city).await;
        }
        expect_alive(&city).await;
    });
}
