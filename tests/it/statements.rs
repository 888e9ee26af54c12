//! Batching, no N+1: every query of the contract, through every relation, takes the same few statements with 2 and with 50 parents.
//!
//! A level is a field that leads to other rows; levels and counts are read from the query's own text. The statement that finds
//! out who asks is told apart: there is one for each request of somebody who is signed in.

mod levels;
pub(crate) mod readings;
pub(crate) mod town;

use std::{collections::BTreeSet, fmt::Write};

use levels::Fields;
use readings::{READINGS, Reading};
use serde_json::{Value, json};
use tiffin_tests::{City, Statements, both_databases};
use town::{Town, Viewer};

const SIZES: [usize; 2] = [2, 50];

/// What one reading took in one town.
struct Taken {
    statements: usize,
    rows: u64,
    /// The most rows that it may fetch: those answered, one more for each list, one for each count, and one for each phone that is
    /// shown, which may be shown because of an order.
    rows_allowed: u64,
    text: String,
}

both_databases! {
    async fn every_query_takes_a_statement_a_level_whatever_its_size(database: Database) {
        let fields = Fields::of_the_schema();
        let (small, large) = (City::new(database).await, City::new(database).await);
        let towns = [Town::with(&small, SIZES[0]).await, Town::with(&large, SIZES[1]).await];
        let mut table = String::from("| query | viewer | levels | counts | besides | statements | rows at 2 | rows at 50 |\n");
        table.push_str("|---|---|--:|--:|--:|--:|--:|--:|\n");
        let mut failures = String::new();
        for reading in READINGS {
            let asked = fields.asked(reading.query);
            let allowed = asked.levels.len() + asked.counts + reading.besides;
            let mut rows = [0; 2];
            for (place, (town, city)) in towns.iter().zip([&small, &large]).enumerate() {
                let taken = taken(city, town, reading).await;
                rows[place] = taken.rows;
                let expected = taken.statements == reading.statements && taken.rows == reading.rows[place];
                if !expected || taken.statements > allowed || taken.rows > taken.rows_allowed {
                    let _ = writeln!(
                        failures,
                        "{} with {}: {} statements of {} (at most {allowed}), {} rows of {} (at most {})\n{}",
                        reading.name, SIZES[place], taken.statements, reading.statements, taken.rows,
                        reading.rows[place], taken.rows_allowed, taken.text,
                    );
                }
            }
            let _ = writeln!(
                table,
                "| {} | {:?} | {} | {} | {} | {} | {} | {} |",
                reading.name, reading.viewer, asked.levels.len(), asked.counts, reading.besides, reading.statements,
                rows[0], rows[1],
            );
        }
        println!("{table}");
        assert!(failures.is_empty(), "{failures}");
    }

    async fn a_mutation_reads_what_it_has_just_written(city: &City) {
        let restaurant = city.restaurant().named("Old").with_dishes(1).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let document = r#"mutation($menu: ID!, $dish: ID!) {
            first: updateMenu(input: {id: $menu, name: "First"}) { menu { restaurant { menu { name dishes { totalCount } } } } }
            second: updateMenu(input: {id: $menu, name: "Second"}) { menu { restaurant { menu { name } } } }
            deleteDish(input: {id: $dish}) { menu { restaurant { menu { name dishes { totalCount nodes { id } } } } } }
        }"#;
        let variables = json!({"menu": restaurant.menu_id(), "dish": restaurant.dish_id(0)});
        let answer = merchant.query(document, variables).await;
        assert_eq!(answer.at("/first/menu/restaurant/menu"), &json!({"name": "First", "dishes": {"totalCount": 1}}));
        assert_eq!(answer.text("/second/menu/restaurant/menu/name"), "Second");
        let menu = json!({"name": "Second", "dishes": {"totalCount": 0, "nodes": []}});
        assert_eq!(answer.at("/deleteDish/menu/restaurant/menu"), &menu);
    }

    async fn a_later_event_reads_the_present(city: &City) {
        let restaurant = city.restaurant().named("Old").with_dishes(1).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).create().await;
        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) {
            status order { status restaurant { name menu { dishes { nodes { name } } } } } } }";
        let mut steps = ann.subscribe(watch, json!({"id": order.id()})).await;
        let seen = |status, name, dish| json!({"status": status, "order": {"status": status, "restaurant":
            {"name": name, "menu": {"dishes": {"nodes": [{"name": dish}]}}}}});
        assert_eq!(steps.next_event().await.at("/orderStatusChanged"), &seen("PENDING", "Old", "Dish 1"));

        let change = r#"mutation($restaurant: ID!, $dish: ID!, $order: ID!) {
            updateRestaurant(input: {id: $restaurant, name: "New"}) { restaurant { id } }
            updateDish(input: {id: $dish, name: "Phở"}) { dish { id } }
            updateOrderStatus(input: {orderId: $order, status: CONFIRMED}) { order { id } }
        }"#;
        let ids = json!({"restaurant": restaurant.id(), "dish": restaurant.dish_id(0), "order": order.id()});
        merchant.query(change, ids).await.expect_success();
        assert_eq!(steps.next_event().await.at("/orderStatusChanged"), &seen("CONFIRMED", "New", "Phở"));
    }
}

#[test]
fn every_relation_is_read() {
    let fields = Fields::of_the_schema();
    let read: BTreeSet<_> = READINGS.iter().flat_map(|reading| fields.asked(reading.query).levels).collect();
    let left_out: Vec<_> = fields.all_levels().difference(&read).cloned().collect();
    assert!(left_out.is_empty(), "no reading goes through {left_out:?}");
    let counted = READINGS.iter().filter(|reading| fields.asked(reading.query).counts > 0).count();
    assert!(counted > 5, "counts are read at roots and in nested lists");
}

async fn taken(city: &City, town: &Town<'_>, reading: &Reading) -> Taken {
    let (person, query) = (town.person(reading.viewer), town.address(reading.query));
    let (answer, statements) = city.server().statements_during(person.query(&query, json!({}))).await;
    let answer = answer.expect_success();
    let Statements(mut statements) = statements;
    if reading.viewer != Viewer::Anonymous {
        let of_the_viewer = statements.remove(0);
        assert!(of_the_viewer.sql.contains("restaurant_members"), "who asks comes first: {}", of_the_viewer.sql);
    }
    let statements = Statements(statements);
    Taken {
        statements: statements.count(),
        rows: statements.rows(),
        rows_allowed: rows_allowed("", &answer.body["data"]),
        text: statements.to_string(),
    }
}

/// One for each row in the answer, for each list, for each count, for each phone of a person, and for each favourite besides what is kept.
fn rows_allowed(name: &str, value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(|item| rows_allowed(name, item)).sum(),
        Value::Object(fields) => {
            let inner: u64 = fields.iter().map(|(name, value)| rows_allowed(name, value)).sum();
            let is_list = fields.contains_key("nodes") || fields.contains_key("edges");
            let is_part_of_a_row =
                matches!(name, "" | "edges" | "pageInfo" | "location" | "deliveryAddress" | "addresses");
            let count = u64::from(fields.contains_key("totalCount"));
            let right = u64::from(fields.get("phone").is_some_and(Value::is_string));
            let kept = u64::from(fields.get("isFavourite") == Some(&Value::Bool(true)));
            let nodes = fields.get("nodes").and_then(Value::as_array).filter(|_| name == "favourites");
            let kept = kept + nodes.map_or(0, |nodes| nodes.len() as u64);
            inner + u64::from(is_list || !(is_part_of_a_row || count > 0)) + count + right + kept
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
