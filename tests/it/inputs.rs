//! Input validation: every place that takes a value × every class of bad value that it can have, each with the code and the field to blame;
//! on both databases, as variables and written into the document; and nothing is written for any of them.

mod classes;
pub(crate) mod operations;
mod refusals;
pub(crate) mod schema;
mod table;
mod texts;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tiffin_tests::{Answer, City, OpenIdProvider, both_databases};

use classes::{Bad, of_kind, of_type, unknown};
pub(crate) use classes::{BadValue, Kind};
use operations::{Form, Operation, operations};
use schema::{Place, Schema, verbatim, with};
use table::{kind_of, unused};

#[test]
fn every_input_of_the_schema_is_in_the_table() {
    let places = Schema::read().places();
    assert!(places.len() > 150, "{} places that take values", places.len());
    let mut unknown: Vec<_> = places.iter().map(|place| &place.owner).filter(|name| kind_of(name).is_none()).collect();
    unknown.dedup();
    assert!(unknown.is_empty(), "say what these inputs are about, in table.rs: {unknown:#?}");
    assert_eq!(unused(places.iter().map(|place| place.owner.as_str())), Vec::<&str>::new());
}

both_databases! {
    async fn every_bad_value_is_refused_with_its_code_and_field(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = &City::with_settings(database, &provider.settings()).await;
        let schema = Schema::read();
        let places = schema.places();
        let operations = operations(city, &provider).await;
        let before = city.contents().await;

        let mut attempts = Vec::new();
        for place in &places {
            let operation = operations.iter().find(|operation| operation.field == place.field);
            let operation = operation.unwrap_or_else(|| panic!("add {} to operations.rs", place.field));
            let kind = kind_of(&place.owner).unwrap_or_else(|| panic!("add {} to table.rs", place.owner));
            let bad_values = of_type(&schema, place).into_iter().chain(of_kind(kind));
            attempts.extend(bad_values.flat_map(|bad| Attempt::forms(operation, place.clone(), &bad)));
            // A name that no field has, beside those that are good.
            if let Some(surprise) = schema.unknown_field(place) {
                let bad_values = unknown();
                attempts.extend(bad_values.iter().flat_map(|bad| Attempt::forms(operation, surprise.clone(), bad)));
            }
        }
        let attempts = attempts.iter().map(|attempt| attempt.problem(&schema));
        let problems: Vec<_> = stream::iter(attempts).buffer_unordered(8).filter_map(async |problem| problem).collect().await;
        assert!(problems.is_empty(), "{} of the bad values:\n{}", problems.len(), problems.join("\n"));
        assert_eq!(city.contents().await, before);

        // What the bad values were put into was good.
        for operation in &operations {
            for form in [Form::Document, Form::Variables] {
                let is_mutation = operation.field.starts_with("Mutation.");
                if form == Form::Document || !is_mutation {
                    operation.run(&schema, &operation.arguments, form, "").await.expect_success();
                }
            }
        }
    }
}

/// One bad value at one place, in one form.
struct Attempt<'a> {
    operation: &'a Operation,
    place: Place,
    arguments: Value,
    form: Form,
    written: &'static str,
    bad: Bad,
}

impl<'a> Attempt<'a> {
    fn forms(operation: &'a Operation, place: Place, bad: &Bad) -> Vec<Self> {
        let attempt = |value: Option<Value>, form, written| Attempt {
            operation,
            place: place.clone(),
            arguments: with(&operation.arguments, &place.path, value),
            form,
            written,
            bad: bad.clone(),
        };
        match &bad.value {
            BadValue::Either(value) => {
                [Form::Variables, Form::Document].map(|form| attempt(Some(value.clone()), form, "")).into()
            }
            BadValue::Sent(value) => vec![attempt(Some(value.clone()), Form::Variables, "")],
            BadValue::Written(text) => vec![attempt(Some(verbatim()), Form::Document, *text)],
            BadValue::Absent => [Form::Variables, Form::Document].map(|form| attempt(None, form, "")).into(),
        }
    }

    /// What is wrong with the answer; nothing when it is the right refusal.
    async fn problem(&self, schema: &Schema) -> Option<String> {
        let absent = matches!(self.bad.value, BadValue::Absent);
        let answer = match (absent && self.place.is_argument(), self.form) {
            (true, Form::Variables) => self.operation.run_without(schema, &self.place.path[0]).await,
            _ => self.operation.run(schema, &self.arguments, self.form, self.written).await,
        };
        let blamed = [self.place.blamed(), self.bad.within.to_owned()];
        let blamed = blamed.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
        // Whether an argument is there is what validation sees in the document itself.
        let by_validation = absent && self.place.is_argument() && self.form == Form::Document;
        let expected = match self.bad.code {
            _ if by_validation => ("GRAPHQL_VALIDATION_FAILED", None),
            "GRAPHQL_PARSE_FAILED" | "GRAPHQL_VALIDATION_FAILED" => (self.bad.code, None),
            code => (code, Some(blamed)),
        };
        let wrong = wrong_with(&answer, expected.0, expected.1.as_deref())?;
        let value = format!("{:?}", self.bad.value);
        let value: String = value.chars().take(90).collect();
        Some(format!("{} {} {:?} {value}: {wrong}", self.place.field, self.place.path.join("."), self.form))
    }
}

/// What is wrong with an answer that has to be exactly one refusal, in words for people and without the inside of the server.
fn wrong_with(answer: &Answer, code: &str, field: Option<&str>) -> Option<String> {
    let problems = answer.problems();
    let refused = answer.status == 200
        && matches!(problems.as_slice(), [problem] if problem.code == code && problem.field.as_deref() == field);
    if !refused {
        let said: Vec<_> = problems.iter().map(|said| (&said.code, &said.field, &said.message)).collect();
        return Some(format!("expected {code} for {field:?}, got {} {said:?}", answer.status));
    }
    let message = &problems[0].message;
    leaked(message).map(|inside| format!("`{inside}` is in the message {message:?}"))
}

/// What an argument or input field (`Query.order.id`, `PlaceOrderInput.items`) is about.
pub(crate) fn meaning_of(owner: &str) -> Option<Kind> {
    kind_of(owner)
}

/// Values that nothing of this kind can have.
pub(crate) fn bad_values(kind: Kind) -> Vec<BadValue> {
    of_kind(kind).into_iter().map(|bad| bad.value).collect()
}

/// A word of the inside in a message.
pub(crate) fn leaked(message: &str) -> Option<&'static str> {
    let inside = [
        "constraint",
        "sqlstate",
        "sqlx",
        "sea_orm",
        "sea-orm",
        "unique",
        "violates",
        "sqlite",
        "postgres",
        "panicked",
        "relation",
        "column",
        "select ",
        "insert ",
        "update ",
        "byte sequence",
        "serde",
        "async_graphql",
        "order_items",
        "order_events",
        "restaurant_members",
        "::",
        "expected value",
        "line 1",
    ];
    let message = message.to_lowercase();
    inside.into_iter().find(|word| message.contains(word))
}
