//! Introspection and suggestions of names: whether clients get them.

use serde_json::json;
use tiffin_tests::{City, Database, Person};

const QUESTIONS: &[&str] = &[
    "{ __schema { types { name } } }",
    r#"{ __type(name: "User") { fields { name } } }"#,
    "{ restaurants { totalCount } renamed: __schema { queryType { name } } }",
    "{ ...F } fragment F on Query { __schema { queryType { name } } }",
    "{ ... on Query { __schema { queryType { name } } } }",
    "mutation { __schema { queryType { name } } }",
    "query A { __typename } query B { __schema { queryType { name } } }",
];

async fn suggestion(person: &Person, document: &str) -> bool {
    let answer = person.query(document, json!({})).await;
    assert!(answer.problems().iter().all(|problem| problem.code == "GRAPHQL_VALIDATION_FAILED"), "{answer}");
    assert!(!answer.problems().is_empty(), "{answer}");
    answer.to_string().contains("Did you mean")
}

#[test]
fn in_production_the_schema_cannot_be_asked_for_unless_it_is_turned_on() {
    tiffin_tests::run(async {
        let mut city = City::with_settings(Database::Sqlite, &[("TIFFIN_ENV", "production")]).await;
        let anonymous = city.anonymous();
        for question in QUESTIONS {
            let body = json!({"query": question, "operationName": question.starts_with("query A").then_some("A")});
            let (answer, statements) = city.server().statements_during(anonymous.send(&body)).await;
            let refusal = answer.expect_code("GRAPHQL_VALIDATION_FAILED");
            assert!(refusal.message.contains("Introspection is turned off"), "{question}: {}", refusal.message);
            assert!(answer.body.get("data").is_none() && statements.count() == 0, "{question}: {answer} {statements}");
        }
        let types = "{ __typename restaurants { __typename nodes { __typename } } }";
        let answer = anonymous.query(types, json!({})).await;
        assert_eq!(answer.at("/restaurants/__typename"), &json!("RestaurantConnection"));
        for unknown in ["{ restaurant }", "{ restaurantz { totalCount } }", "{ restaurants(frist: 1) { totalCount } }"]
        {
            assert!(!suggestion(&anonymous, unknown).await, "{unknown}");
        }

        city.stop().await;
        let open = city.another_server_with(&[("TIFFIN_GRAPHQL_INTROSPECTION", "true")]).await;
        let answer = anonymous.at(&open).query("{ __schema { queryType { name } } }", json!({})).await;
        assert_eq!(answer.text("/__schema/queryType/name"), "Query");
    });
}

#[test]
fn in_development_an_unknown_name_is_told_what_it_could_have_been() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        assert!(suggestion(&city.anonymous(), "{ restaurantz { totalCount } }").await);
        // Not when there are so many that it costs.
        let many = format!("{{ {} }}", (0..40).map(|n| format!("restaurants{n} ")).collect::<String>());
        let answer = city.anonymous().query(&many, json!({})).await;
        assert!(answer.problems().len() == 40 && !answer.to_string().contains("Did you mean"), "{answer}");
    });
}
