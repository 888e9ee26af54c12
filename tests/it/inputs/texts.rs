//! Text and numbers as they come over the wire: what JSON can say and nothing else can, lengths in characters, and sizes.

use serde_json::{Value, json};
use tiffin_tests::{City, both_databases};

both_databases! {
    async fn a_text_may_have_as_many_characters_as_its_column_whatever_their_bytes(city: &City) {
        let restaurant = city.restaurant().create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let name = "🍜".repeat(100);
        let input = json!({
            "menuId": restaurant.menu_id(), "name": name, "description": "é".repeat(5000), "price": "999999.99",
            "category": "ỳ".repeat(50),
        });
        let document = "mutation($input: CreateDishInput!) { createDish(input: $input) { dish { id name description category price } } }";
        let answer = merchant.query(document, json!({"input": input})).await;
        for field in ["name", "description", "category", "price"] {
            assert_eq!(answer.at("/createDish/dish")[field], input[field]);
        }
        // It is found, renamed, and searched for by as much as can be searched for.
        let id = answer.text("/createDish/dish/id");
        let read = "query($id: ID!, $text: String!) { dish(id: $id) { name } dishes(filter: {search: $text}) { totalCount } }";
        let answer = merchant.query(read, json!({"id": id, "text": "🍜".repeat(100)})).await;
        assert_eq!((answer.text("/dish/name"), answer.at("/dishes/totalCount")), (name.as_str(), &json!(1)));
    }

    async fn any_text_that_json_can_carry_comes_back_as_it_was(city: &City) {
        let ann = city.customer("Ann").await;
        let document = "mutation($id: ID!, $name: String!) { updateCustomer(input: {id: $id, name: $name}) { customer { name } } }";
        for name in [
            "'; drop table customers; --", "\" \\ / % _ * ? $1 ${x} {{x}}", "<script>alert(1)</script>", "\u{202e}abc\u{200b}d",
            "a\u{1}b\u{7f}c", "👩‍👩‍👧‍👦", "\u{fffd}\u{ffff}\u{10ffff}", "ann\r\nX-Header: 1", "ﷺ", "null", "NaN",
        ] {
            let answer = ann.query(document, json!({"id": ann.customer_id(), "name": name})).await;
            assert_eq!(answer.text("/updateCustomer/customer/name"), name);
            let search = city.admin().await.query("query($text: String!) { customers(search: $text) { totalCount } }", json!({"text": name})).await;
            search.expect_success();
        }
    }

    async fn what_json_can_say_and_no_value_can_be_is_refused(city: &City) {
        let ann = city.customer("Ann").await;
        let before = city.contents().await;
        let document = "mutation($id: ID!, $name: String!) { updateCustomer(input: {id: $id, name: $name}) { customer { name } } }";
        let body = |name: &str| {
            format!(r#"{{"query": {}, "variables": {{"id": "{}", "name": {name}}}}}"#, json!(document), ann.customer_id())
        };
        // No JSON at all: answered by the transport, which has no code of a field.
        for name in [r#""\ud83c""#, r#""\udf5c\ud83c""#, r#""\ud83cabc""#, r#""\x""#, "NaN", "Infinity", "1e400", "-1e400", "01", "'a'", "\"a\nb\""] {
            let answer = ann.send_text(body(name)).await;
            answer.expect_code("BAD_USER_INPUT");
            assert_eq!(answer.status, 400, "{name}: {answer}");
        }
        // JSON, but no name.
        for name in [r#""\u0000""#, r#""Ann\u0000""#, "1", "1.0", "1E5", "123456789012345678901234567890", "[]", "{}", "false", "null"] {
            let answer = ann.send_text(body(name)).await;
            answer.expect_error("BAD_USER_INPUT", "name");
        }
        assert_eq!(city.contents().await, before);
        let answer = ann.send_text(body(r#""\ud83c\udf5c""#)).await;
        assert_eq!(answer.text("/updateCustomer/customer/name"), "🍜");
    }
}

/// What is longer than a request may be is refused before it is read; where requests may be long, by the field.
#[test]
fn a_megabyte_of_text_is_refused() {
    tiffin_tests::run(async {
        for database in [tiffin_tests::Database::Postgres, tiffin_tests::Database::Sqlite] {
            let city = City::with_settings(database, &[("TIFFIN_LIMITS_BODY_BYTES", "8000000")]).await;
            let restaurant = city.restaurant().with_dishes(1).create().await;
            let merchant = city.merchant_of(&restaurant).await;
            let before = city.contents().await;
            let long = "ỳ".repeat(1_000_000);
            let dish = |field: &str| {
                let mut input = json!({"menuId": restaurant.menu_id(), "name": "A", "price": "1", "category": "B"});
                input[field] = long.clone().into();
                json!({"input": input})
            };
            let create = "mutation($input: CreateDishInput!) { createDish(input: $input) { dish { id } } }";
            for field in ["menuId", "name", "description", "price", "category", "imageUrl"] {
                merchant.query(create, dish(field)).await.expect_error("BAD_USER_INPUT", field);
            }
            let lists: [(&str, Value); 4] = [
                ("query($text: String!) { dishes(filter: {search: $text}) { totalCount } }", json!("filter.search")),
                (
                    "query($text: String!) { dishes(filter: {category: $text}) { totalCount } }",
                    json!("filter.category"),
                ),
                ("query($text: String!) { dishes(after: $text) { totalCount } }", json!("after")),
                ("query($text: ID!) { node(id: $text) { id } }", json!("id")),
            ];
            for (document, field) in lists {
                let answer = merchant.query(document, json!({"text": long})).await;
                answer.expect_error("BAD_USER_INPUT", field.as_str().unwrap_or_default());
            }
            assert_eq!(city.contents().await, before);
        }
    });
}
