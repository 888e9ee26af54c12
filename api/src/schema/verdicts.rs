//! Conformance: which documents are valid, compared with graphql-js 16 and 17. The cases are those of `tests/node/verdicts`, which are the
//! kinds of cases that graphql-js tests its own rules with, and random documents: `TIFFIN_TEST_DOCUMENTS` says how many of these,
//! `TIFFIN_TEST_SEED` which.

use std::fmt::Write;

use async_graphql::{Request, ServerError, Variables, indexmap::IndexMap};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tiffin_tests::{Script, workspace};

use super::{Mutation, Options, Query, Schema, Subscription, build};
use crate::{
    config::{Config, Environment, LimitsConfig},
    deadline::Deadline,
    graphql::{document::Checks, execute::Operation},
};

const DOCUMENTS: u64 = 2_000;

/// The page that tells of it.
const PAGE: &str = "docs/specification.md";

/// A document, and what each version of graphql-js finds wrong with it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    rule: String,
    document: String,
    problems: [Option<String>; 2],
    /// What the specification makes of it; none of a random one.
    intended: Option<bool>,
    /// Why graphql-js may say otherwise.
    why: Option<String>,
    #[serde(default)]
    variables: Json,
    operation_name: Option<String>,
    /// What each answers with; null where it does not.
    answers: Option<[Json; 2]>,
}

impl Judged {
    fn is_valid(&self) -> [bool; 2] {
        self.problems.each_ref().map(Option::is_none)
    }
}

#[derive(Default)]
struct Row {
    documents: usize,
    valid: usize,
    equal: [usize; 2],
}

struct Ours {
    schema: Schema,
    limits: LimitsConfig,
}

impl Ours {
    fn new() -> Self {
        let many = 1_000_000;
        let limits = LimitsConfig {
            document_bytes: many,
            document_tokens: many,
            depth: many,
            complexity: many,
            selections: many,
            aliases: many,
            directives: many,
            root_fields: many,
            ..Config::defaults(Environment::Development, true).limits
        };
        Ours { schema: build(Options { introspection: true, ..Options::default() }), limits }
    }

    async fn verdict(&self, text: &str) -> Result<(), Vec<ServerError>> {
        let checks: &Checks<Query, Mutation, Subscription> = self.schema.data().expect("the checks are the schema's");
        checks.validate_text(text, &self.limits).await
    }

    /// The answer's data, or null where it is refused.
    async fn answer(&self, judged: &Judged) -> Json {
        let mut request = Request::new(&judged.document).variables(Variables::from_json(judged.variables.clone()));
        request.operation_name = judged.operation_name.clone();
        match Operation::check(&self.schema, &self.limits, request, Deadline::from_now(&self.limits)).await {
            Ok(operation) => {
                let response = operation.run().await.expect("it is a query");
                assert!(response.errors.is_empty(), "{}: {:?}", judged.document, response.errors);
                json!(response)["data"].clone()
            }
            Err(_) => Json::Null,
        }
    }
}

/// Why a verdict on a random document may differ: the kinds of the page, which random documents run into as well.
fn is_known(judged: &Judged, ours: &Result<(), Vec<ServerError>>) -> bool {
    let says = |text: &str| matches!(ours, Err(errors) if errors.iter().any(|error| error.message.contains(text)));
    let [sixteen, seventeen] = judged.is_valid();
    let is_empty_set = says("expected a name, found \"}\"") && !sixteen;
    let is_typename = says("one is of type") && judged.document.contains("__typename") && sixteen && seventeen;
    is_empty_set || is_typename
}

/// An answer without what is no part of our schema: what is said of GraphQL's own types and directives, and the order where none is meant.
fn comparable(key: &str, answer: Json) -> Json {
    let is_own = |entry: &Json| {
        let name = entry["name"].as_str().unwrap_or_default();
        !name.starts_with("__") && !["Boolean", "Float", "ID", "Int", "String"].contains(&name)
    };
    match answer {
        Json::Object(fields) => fields.into_iter().map(|(key, field)| (key.clone(), comparable(&key, field))).collect(),
        Json::Array(directives) if key == "directives" => {
            let mut names: Vec<_> = directives.iter().map(|directive| directive["name"].to_string()).collect();
            names.sort();
            json!(names)
        }
        Json::Array(mut entries) => {
            entries.retain(is_own);
            if ["types", "possibleTypes", "interfaces"].contains(&key) {
                entries.sort_by_key(|entry| entry["name"].to_string());
            }
            entries.into_iter().map(|entry| comparable("", entry)).collect()
        }
        // Of an interface that implements none, the library says null.
        Json::Null if key == "interfaces" => json!([]),
        value => value,
    }
}

fn number(variable: &str, otherwise: impl FnOnce() -> u64) -> u64 {
    std::env::var(variable).map_or_else(|_| otherwise(), |text| text.parse().expect("it is a number"))
}

#[tokio::test]
async fn verdicts_are_those_of_graphql_js() {
    let seed = number("TIFFIN_TEST_SEED", rand::random) % (1 << 32);
    let count = number("TIFFIN_TEST_DOCUMENTS", || DOCUMENTS);
    println!("TIFFIN_TEST_SEED={seed}");
    let schema = workspace::root().join("schema.graphql");
    let schema = schema.to_str().expect("a path is text");
    let mut script = Script::start("verdicts.mjs", &[schema, &count.to_string(), &seed.to_string()]);
    let ours = Ours::new();
    let (mut rows, mut differing) = (IndexMap::<String, Row>::new(), String::new());
    let (mut faults, mut left_out) = (Vec::new(), 0);
    loop {
        let judged: Judged = script.next().await;
        if judged.rule == "End" {
            break;
        }
        let verdict = ours.verdict(&judged.document).await;
        let message = verdict.as_ref().err().map(|errors| errors[0].message.clone());
        if message.as_deref().is_some_and(|message| message.contains("nested more than")) {
            left_out += 1;
            continue;
        }
        let is_valid = verdict.is_ok();
        let row = rows.entry(judged.rule.clone()).or_default();
        row.documents += 1;
        row.valid += usize::from(is_valid);
        let mut equal = judged.is_valid().map(|theirs| theirs == is_valid);
        let mut is_right = judged.intended.is_none_or(|intended| intended == is_valid);
        if let Some(answers) = &judged.answers {
            let answer = comparable("", ours.answer(&judged).await);
            equal = answers.each_ref().map(|theirs| comparable("", theirs.clone()) == answer);
            if equal != [true; 2] {
                faults
                    .push(format!("{}\n  here: {answer}\n  16: {}\n  17: {}", judged.document, answers[0], answers[1]));
            }
        }
        for (equals, counted) in equal.iter().zip(&mut row.equal) {
            *counted += usize::from(*equals);
        }
        match &judged.why {
            Some(why) => {
                is_right &= equal != [true; 2];
                let said = |valid: bool| if valid { "valid" } else { "invalid" };
                let [sixteen, seventeen] = judged.is_valid().map(said);
                let line = format!("| `{}` | {} | {sixteen} | {seventeen} | {why} |", judged.document, said(is_valid));
                writeln!(differing, "{line}").expect("a text can be written to");
            }
            None => is_right &= equal == [true; 2] || judged.intended.is_none() && is_known(&judged, &verdict),
        }
        if !is_right && judged.answers.is_none() {
            let Judged { rule, document, problems, .. } = judged;
            faults.push(format!("{rule}: {document}\n  here: {message:?}\n  there: {problems:?}"));
        }
    }
    println!("{left_out} were nested too deep here");
    if let Some(random) = rows.shift_remove("Random") {
        println!(
            "random: {} documents, {} of them valid, equal to 16 and 17: {:?}",
            random.documents, random.valid, random.equal
        );
    }
    assert!(
        faults.is_empty(),
        "TIFFIN_TEST_SEED={seed}: {}\n{}",
        faults.len(),
        faults.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
    let mut table =
        "| rule | documents | valid | as graphql-js 16 | as graphql-js 17 |\n|---|---:|---:|---:|---:|\n".to_owned();
    for (rule, Row { documents, valid, equal: [sixteen, seventeen] }) in rows {
        writeln!(table, "| {rule} | {documents} | {valid} | {sixteen} | {seventeen} |")
            .expect("a text can be written to");
    }
    println!("{table}\n{differing}");
    let page = workspace::read(PAGE);
    assert!(page.contains(&table), "{PAGE} has to say:\n{table}");
    assert!(page.contains(&differing), "{PAGE} has to say:\n{differing}");
}
