//! Access rights: `rights/table.md`, written by hand from the documents, is checked against the running server.

mod coverage;
mod outcome;
mod table;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, First, PATIENCE, both_databases};
use tokio::sync::Mutex;

use self::{
    outcome::{names, outcome, path_of},
    table::{FILE, Row, Table, filled},
    world::{VIEWERS, World, nonexistent},
};
use crate::introspection::Schema;

/// Everybody signs up and in from one address, again and again.
const SETTINGS: [(&str, &str); 5] = [
    ("TIFFIN_ACCOUNTS_SIGN_UPS_PER_ADDRESS", "1000"),
    ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ADDRESS", "1000"),
    ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT", "1000"),
    ("TIFFIN_ACCOUNTS_LETTERS_PER_ADDRESS", "1000"),
    ("TIFFIN_ACCOUNTS_LETTERS_PER_ACCOUNT", "1000"),
];

/// How long nothing comes for where nothing is expected to, and how long something may take.
const SILENCE: Duration = Duration::from_millis(200);
/// Headers that differ from one answer to the next, whatever is in it.
const OF_ONE_ANSWER: [&str; 3] = ["content-length", "date", "x-request-id"];

both_databases! {
    async fn everybody_may_what_the_table_says_and_nothing_more(database: Database) {
        let city = City::with_settings(database, &SETTINGS).await;
        let city = &city;
        let table = Table::read();
        let world = World::create(city).await;
        let schema = Schema::told_to(world.viewer(0)).await;
        let (writing, reading): (Vec<_>, Vec<_>) = table.rows.iter().partition(|row| row.is_of("Mutation"));

        // Nothing changes while there are only reads, so that one world does for all of them.
        let cells = reading.iter().flat_map(|row| (0..VIEWERS.len()).map(move |column| (*row, column)));
        let read = cells.map(|(row, column)| problem(&world, &schema, row, column));
        let mut problems: Vec<_> = stream::iter(read).buffer_unordered(8).filter_map(async |problem| problem).collect().await;

        // Of two admins one may go.
        city.admin().await;
        // What was done in a world is done: then the next cell gets another one.
        let untouched = Mutex::new(vec![world]);
        let write = writing.iter().map(|row| row_problems(city, &untouched, &schema, row));
        problems.extend(stream::iter(write).buffer_unordered(4).concat().await);

        problems.sort();
        let size = format!("{} rows × {} viewers", table.rows.len(), VIEWERS.len());
        println!("{size}");
        assert!(problems.is_empty(), "{} of {size}:\n{}", problems.len(), problems.join("\n"));
    }
}

#[test]
fn every_field_has_a_row_or_needs_none() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let schema = Schema::told_to(&city.anonymous()).await;
        let gaps = coverage::gaps(&Table::read(), &schema);
        assert!(gaps.is_empty(), "{FILE}: {gaps:#?}");
    });
}

/// What is wrong with the cells of a mutation's row.
async fn row_problems<'a>(
    city: &'a City,
    untouched: &Mutex<Vec<World<'a>>>,
    schema: &Schema,
    row: &Row,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut world = None;
    for column in 0..VIEWERS.len() {
        let present = match world.take() {
            Some(world) => world,
            None => {
                let untouched = untouched.lock().await.pop();
                match untouched {
                    Some(world) => world,
                    None => World::create(city).await,
                }
            }
        };
        let problem = problem(&present, schema, row, column).await;
        let is_untouched = row.cells[column] != "value" && problem.is_none();
        world = is_untouched.then_some(present);
        problems.extend(problem);
    }
    untouched.lock().await.extend(world.filter(World::is_as_created));
    problems
}

/// What is wrong with one cell, if anything is.
async fn problem(world: &World<'_>, schema: &Schema, row: &Row, column: usize) -> Option<String> {
    let expected = row.cells[column].as_str();
    let mut values = values(world, row).await;
    let operation = filled(&row.operation(), values.clone());
    let complaint = |what: &str| Some(format!("{FILE}:{:04} {}: {what}\n    {operation}", row.line, VIEWERS[column]));
    let first = ask(world, row, column, &operation).await;
    let came = match &first {
        First::Answer(answer) => outcome(answer, &path_of(row, schema, &operation), world),
        First::End => Ok("end".to_owned()),
        First::Nothing => Ok("silent".to_owned()),
    };
    let came = match came {
        Ok(came) => came,
        Err(what) => return complaint(&what),
    };
    let (type_name, field_name) = row.field.split_once('.').expect("a field is named with its type");
    let field = schema.named(type_name).field(field_name).unwrap_or_else(|| panic!("{} is no field", row.field));
    let all = world.all(field.ty.named().trim_end_matches("Connection"));
    if names(&came, &all) != names(expected, &all) {
        return complaint(&format!("expected {expected}, got {came}: {first:?}"));
    }
    let First::Answer(answer) = &first else { return None };
    let hidden = hidden_name(row, &came, answer)?;
    let (id, other_id) = (values[hidden].trim_matches('"').to_owned(), elsewhere(&values[hidden]));
    values.insert(hidden, format!("{other_id:?}"));
    let First::Answer(other) = ask(world, row, column, &filled(&row.operation(), values)).await else {
        return complaint("what does not exist answers nothing");
    };
    let (hidden, nonexistent) = (masked(answer, &id), masked(&other, &other_id));
    if hidden != nonexistent {
        return complaint(&format!("what is hidden answers unlike what does not exist: {hidden}\n    {nonexistent}"));
    }
    None
}

async fn values<'a>(world: &World<'_>, row: &'a Row) -> BTreeMap<&'a str, String> {
    let mut values = BTreeMap::new();
    for name in row.names() {
        values.insert(name, world.value(name).await);
    }
    values
}

/// The answer, or what a subscription begins with.
async fn ask(world: &World<'_>, row: &Row, column: usize, operation: &str) -> First {
    let viewer = world.viewer(column);
    if !row.is_of("Subscription") {
        return First::Answer(viewer.query(operation, json!({})).await);
    }
    let patience = if row.cells[column] == "silent" { SILENCE } else { PATIENCE };
    viewer.subscribe(operation, json!({})).await.first_within(patience).await
}

/// The name of what the answer hides: that of the input to blame for NOT_FOUND, or else the first.
fn hidden_name<'a>(row: &'a Row, came: &str, answer: &Answer) -> Option<&'a str> {
    // Below the root, what is null is hidden of a thing that is there.
    if !(came == "NOT_FOUND" || came == "null" && row.is_of("Query")) {
        return None;
    }
    let blamed = answer.problems().into_iter().find_map(|problem| problem.field);
    let named = blamed.and_then(|field| row.name_given_for(field.rsplit('.').next()?));
    named.or_else(|| row.names().into_iter().next()).filter(|name| !name.starts_with("no_"))
}

/// The id of nothing, of the same type as a written id.
fn elsewhere(id: &str) -> String {
    nonexistent(id.trim_matches('"').split(':').next().unwrap_or_default())
}

/// Everything of an answer that can tell something, without the id that was asked for.
fn masked(answer: &Answer, id: &str) -> String {
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value));
    let headers: BTreeSet<_> = headers.filter(|(name, _)| !OF_ONE_ANSWER.contains(name)).collect();
    format!("{} {headers:?} {}", answer.status, answer.body).replace(id, "…")
}
