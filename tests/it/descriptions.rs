//! Every element of the schema has a description, for GraphiQL, editors and generated code.

use serde_json::{Value, json};
use tiffin_tests::{City, Database, workspace};

const QUERY: &str = "{ __schema { types {
    name description
    fields { name description args { name description } }
    inputFields { name description }
    enumValues { name description }
} } }";

/// Of the specification itself.
const SPECIFIED: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

#[test]
fn everything_in_the_schema_is_described() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let answer = city.anonymous().query(QUERY, json!({})).await;
        let mut seen = 0;
        let mut missing = Vec::new();
        let mut look = |place: String, described: &Value| {
            seen += 1;
            let is_described = described["description"].as_str().is_some_and(|text| !text.trim().is_empty());
            missing.extend((!is_described).then_some(place));
        };
        for ty in answer.list("/__schema/types") {
            let name = text(ty);
            if name.starts_with("__") || SPECIFIED.contains(&name) {
                continue;
            }
            look(name.to_owned(), ty);
            for part in ["fields", "inputFields", "enumValues"].into_iter().flat_map(|part| list(&ty[part])) {
                let place = format!("{name}.{}", text(part));
                look(place.clone(), part);
                for argument in list(&part["args"]) {
                    look(format!("{place}({})", text(argument)), argument);
                }
            }
        }
        assert!(seen > 700, "{seen}");
        assert!(missing.is_empty(), "{} of {seen} have no description: {missing:#?}", missing.len());
    });
}

fn text(named: &Value) -> &str {
    named["name"].as_str().expect("what is named has a name")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn graphql_eslint_says_nothing_of_the_schema_but_what_is_listed() {
    tiffin_tests::run(async {
        let schema = workspace::root().join("schema.graphql");
        let printed = workspace::node_script("lint_schema.mjs", &[schema.to_str().expect("a path is text")]).await;
        let said: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        assert_eq!(
            said,
            json!({ "problems": [], "unneeded": [] }),
            "tests/node/lint_schema.mjs lists what may be said"
        );
    });
}
