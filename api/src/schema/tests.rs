//! Measurements on the whole schema.

use async_graphql::{Request, Variables};
use serde_json::json;

use super::{Options, build};
use crate::{
    config::{Config, Environment},
    deadline::Deadline,
    graphql::execute::Operation,
};

/// `cargo test --release -p tiffin --lib checking_compared -- --ignored --nocapture`; the decision has a result of a debug build.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn checking_compared() {
    const ROUNDS: usize = 40;
    const REQUESTS: u32 = 250;
    let schema = build(Options::default());
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
            let request = Request::new(query).variables(Variables::from_json(variables.clone()));
            let checked = Operation::check(&schema, &limits, request, Deadline::from_now(&limits)).await;
            checked.unwrap_or_else(|refusal| panic!("{name}: {refusal:?}")).kind()
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
