//! Fuzzing: random documents, built from the schema and sent as each kind of viewer. Nothing makes the server fail, every answer has the
//! shape that was asked for, and nothing of another tenant is in any of them.
//!
//! Every text and place in the city has a marker of its own. An answer may hold only those whose owner the viewer may see, by
//! rules that are written here once more, from the documents. `TIFFIN_TEST_DOCUMENTS` says how many documents each viewer sends,
//! `TIFFIN_TEST_SEED` which ones.

mod document;
mod facts;
mod leaks;
mod markers;
mod shape;
mod sight;
mod town;
mod values;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tiffin_tests::{Answer, City, First, Person, both_databases};

use self::{
    document::{Document, Generator},
    facts::Facts,
    leaks::Known,
    markers::{Markers, degrees_marker},
    sight::Sight,
    town::Town,
    values::Values,
};
use crate::introspection::Schema;

/// Documents of each viewer, unless said otherwise.
const DOCUMENTS: usize = 300;
/// Of each viewer's documents in one round; the last ones are mutations.
const READS_OF_ROUND: usize = 8;
const WRITES_OF_ROUND: usize = 2;
/// How long a subscription is listened to.
const LISTENING: Duration = Duration::from_millis(100);

/// Codes of requests that are refused as a whole: some documents ask for more than is allowed, or with values that are none.
const REFUSALS: [&str; 2] = ["BAD_USER_INPUT", "QUERY_TOO_COMPLEX"];

/// What would leave the city without one of its viewers.
const LEFT_OUT: [&str; 1] = ["deleteAccount"];

both_databases! {
    async fn no_document_breaks_the_server_or_shows_what_is_not_the_viewers(database: Database) {
        // The system would cancel orders between two looks at the city, viewers ask for more than anybody else, and a log of all
        // statements would be long. Queries are answered twice: by plans, and by async-graphql's own execution.
        let settings = [
            ("TEST_VERIFY_PLANS", "true"),
            ("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "0"),
            ("TIFFIN_LIMITS_VIEWER_COST", "0"),
            ("TIFFIN_LOG", "info"),
        ];
        let city = City::with_settings(database, &settings).await;
        let seed = number("TIFFIN_TEST_SEED").unwrap_or_else(|| rand::rng().random());
        let wanted = number("TIFFIN_TEST_DOCUMENTS").map_or(DOCUMENTS, |wanted| usize::try_from(wanted).unwrap());
        println!("TIFFIN_TEST_SEED={seed}");

        let mut markers = Markers::from(100_000);
        let town = Town::create(&city, &mut markers).await;
        let schema = Schema::told_to(&city.anonymous()).await;
        let facts = Facts::read(&city).await;
        let values = Values { markers, ids: facts.ids.clone(), cursors: Vec::new() };
        let random = ChaCha8Rng::seed_from_u64(seed);
        let generator = Generator { schema: &schema, random, values, left_out: &LEFT_OUT };
        let mut run = Run { city: &city, town: &town, generator, facts, told: HashMap::new(), tally: BTreeMap::new(), faults: Vec::new() };
        let rounds = wanted.div_ceil(READS_OF_ROUND + WRITES_OF_ROUND);
        for _ in 0..rounds {
            run.read().await;
            run.write().await;
            assert!(run.faults.is_empty(), "TIFFIN_TEST_SEED={seed}\n{}", run.faults.join("\n\n"));
        }
        run.conclude(wanted);
        let log = city.server().log();
        let failures: Vec<_> =
            log.lines().filter(|line| line.contains("panicked") || line.contains("\"level\":\"ERROR\"")).take(3).collect();
        assert!(failures.is_empty(), "TIFFIN_TEST_SEED={seed}: {failures:#?}");
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

struct Run<'a> {
    city: &'a City,
    town: &'a Town,
    generator: Generator<'a>,
    facts: Facts,
    /// Places that drivers have told, and the driver of each.
    told: HashMap<String, i32>,
    /// Documents by viewer and by what came of them.
    tally: BTreeMap<(&'static str, String), usize>,
    faults: Vec<String>,
}

impl Run<'_> {
    /// Queries and subscriptions of everybody, side by side: nothing changes meanwhile.
    async fn read(&mut self) {
        let mut asked = Vec::new();
        for (name, person) in &self.town.people {
            for _ in 0..READS_OF_ROUND {
                let root = if self.generator.random.random_bool(0.06) { "Subscription" } else { "Query" };
                asked.push((*name, person, self.generator.document(root)));
            }
        }
        let answers =
            asked.iter().map(async |(name, person, document)| (*name, *person, document, ask(person, document).await));
        let answers: Vec<_> = stream::iter(answers).buffered(8).collect().await;
        for (name, person, document, answer) in answers {
            let moments = vec![(&self.facts, sight(&self.facts, person, document))];
            let known = Known { moments, asked: &document.asked(), told: &self.told };
            let fault = answer.as_ref().and_then(|answer| fault(self.generator.schema, document, answer, &known));
            self.take(name, document, answer, fault);
        }
    }

    /// Mutations of everybody, one after the other, for each may change what may be seen.
    async fn write(&mut self) {
        for _ in 0..WRITES_OF_ROUND {
            for (name, person) in &self.town.people {
                let document = self.generator.document("Mutation");
                if let Some(driver) = self.facts.driver_of(person.signed_in_user().map(|user| user.id)) {
                    self.told.extend(places_in(&document).map(|place| (place, driver)));
                }
                let answer = ask(person, &document).await;
                // One field may have changed something where the next one has failed, and the data is null.
                let has_run = answer.as_ref().is_some_and(|answer| answer.body.get("data").is_some());
                let now = if has_run { Some(Facts::read(self.city).await) } else { None };
                let moments = [Some(&self.facts), now.as_ref()].into_iter().flatten();
                let moments = moments.map(|facts| (facts, sight(facts, person, &document))).collect();
                let known = Known { moments, asked: &document.asked(), told: &self.told };
                let fault = answer.as_ref().and_then(|answer| fault(self.generator.schema, &document, answer, &known));
                self.take(name, &document, answer, fault);
                if let Some(now) = now {
                    self.facts = if self.town.restore(self.city).await { Facts::read(self.city).await } else { now };
                    self.generator.values.ids.clone_from(&self.facts.ids);
                }
            }
        }
    }

    fn take(&mut self, name: &'static str, document: &Document, answer: Option<Answer>, fault: Option<String>) {
        let result = answer.as_ref().map_or("silence".to_owned(), result);
        *self.tally.entry((name, result)).or_default() += 1;
        if let Some(answer) = &answer {
            collect_cursors(&answer.body["data"], &mut self.generator.values.cursors);
        }
        if let Some(fault) = fault {
            let body = answer.map(|answer| answer.body).unwrap_or_default();
            self.faults.push(format!("{name}: {fault}\n{}\n{body}", document.asked()));
        }
    }

    /// Prints what came of the documents: enough of them must have been answered with something.
    fn conclude(&self, wanted: usize) {
        for (name, _) in &self.town.people {
            let of_viewer: BTreeMap<_, _> = self
                .tally
                .iter()
                .filter(|((viewer, _), _)| viewer == name)
                .map(|((_, result), count)| (result, count))
                .collect();
            let sent: usize = of_viewer.values().copied().sum();
            println!("{name}: {sent} documents, {of_viewer:?}");
            let answered = of_viewer.get(&"data".to_owned()).copied().copied().unwrap_or_default();
            assert!(sent >= wanted && answered * 8 > sent, "{name} was answered {answered} of {sent} documents");
        }
    }
}

async fn ask(person: &Person, document: &Document) -> Option<Answer> {
    if document.root == "Subscription" {
        let events = person.subscribe(&document.text, document.variables.clone()).await;
        return match events.first_within(LISTENING).await {
            First::Answer(answer) => Some(answer),
            First::End | First::Nothing => None,
        };
    }
    Some(person.query(&document.text, document.variables.clone()).await)
}

fn sight(facts: &Facts, person: &Person, document: &Document) -> Sight {
    Sight::of(facts, person.signed_in_user().map(|user| user.id), document.root == "Subscription")
}

/// What is wrong with an answer, if anything is.
fn fault(schema: &Schema, document: &Document, answer: &Answer, known: &Known<'_>) -> Option<String> {
    let problems = answer.problems();
    if answer.status >= 500 || problems.iter().any(|problem| problem.code == "INTERNAL_SERVER_ERROR") {
        return Some(format!("the server failed with {}", answer.status));
    }
    if answer.body.get("data").is_none() && !problems.iter().all(|problem| REFUSALS.contains(&problem.code.as_str())) {
        return Some("a valid document was refused".to_owned());
    }
    let leaks = known.leaks(&answer.body);
    if !leaks.is_empty() {
        return Some(format!("what is not the viewer's: {leaks:?}"));
    }
    shape::fault(schema, document, &answer.body)
}

/// `data` where there is some, or the code of the first error.
fn result(answer: &Answer) -> String {
    let has_data = answer.body["data"].as_object().is_some_and(|data| data.values().any(|value| !value.is_null()));
    match answer.problems().first() {
        Some(problem) if !has_data => problem.code.clone(),
        None if !has_data => "null".to_owned(),
        _ => "data".to_owned(),
    }
}

/// The places that a document sends.
fn places_in(document: &Document) -> impl Iterator<Item = String> {
    let asked = document.asked();
    let numbers: Vec<f64> = asked
        .split(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
        .filter_map(|word| word.parse().ok())
        .collect();
    numbers.into_iter().filter_map(degrees_marker)
}

/// What looks like a cursor, to be used in a later document.
fn collect_cursors(value: &Value, cursors: &mut Vec<String>) {
    match value {
        Value::String(text) if (12..200).contains(&text.len()) && !text.contains([' ', ':', '~', '.', '@']) => {
            if cursors.len() < 500 && !cursors.contains(text) {
                cursors.push(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_cursors(item, cursors)),
        Value::Object(fields) => fields.values().for_each(|field| collect_cursors(field, cursors)),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => {}
    }
}
