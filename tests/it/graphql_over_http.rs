//! GraphQL over HTTP by its specification, and what it leaves to the server: no foreign page writes, and nothing is too much.

use std::time::{Duration, Instant};

use entity::sea_orm_active_enums::OrderStatus;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tiffin_tests::{City, Database, workspace};

const JSON: &str = "application/json";
const RESPONSE: &str = "application/graphql-response+json";

async fn city() -> City {
    City::new(Database::Sqlite).await
}

fn request(city: &City, method: Method) -> RequestBuilder {
    reqwest::Client::new().request(method, city.server().url("/graphql"))
}

fn post(city: &City, accept: &str, body: &str) -> RequestBuilder {
    let request = request(city, Method::POST).header("Accept", accept);
    request.header("Content-Type", JSON).body(body.to_owned())
}

/// The status, and the body of which everything that is answered must be JSON.
async fn answer(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await.expect("the server answers")).await
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let media = response.headers()["content-type"].to_str().expect("a media type is text").to_owned();
    assert!(media.starts_with("application/") && media.ends_with("json; charset=utf-8"), "{media}");
    let text = response.text().await.expect("the answer can be read");
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} without JSON: {text}"));
    (status, body)
}

#[track_caller]
fn expect_refused((status, body): &(u16, Value), expected: u16) {
    assert_eq!(*status, expected, "{body}");
    assert!(body.get("data").is_none(), "{body}");
    assert!(body["errors"][0]["extensions"]["code"].is_string(), "{body}");
}

#[test]
fn the_published_audit_passes() {
    tiffin_tests::run(async {
        let city = city().await;
        let printed = workspace::node_script("audit.mjs", &[&city.server().url("/graphql")]).await;
        assert!(printed.contains("61 of 61 passed"), "{printed}");
    });
}

#[test]
fn the_published_introspection_query_is_within_the_limits() {
    tiffin_tests::run(async {
        let city = city().await;
        let printed = workspace::node_script("introspect.mjs", &[&city.server().url("/graphql")]).await;
        assert!(printed.ends_with("types\n"), "{printed}");
    });
}

#[test]
fn the_status_tells_whether_the_operation_ran() {
    tiffin_tests::run(async {
        let city = city().await;
        for refused in [
            "{",
            "{ unknown }",
            "{ order(id: 1.5) { id } }",
            "subscription { orderStatusChanged(orderId: 1) { sequence } }",
            "query A { __typename } query B { __typename }",
        ] {
            let body = json!({ "query": refused }).to_string();
            expect_refused(&answer(post(&city, RESPONSE, &body)).await, 400);
            expect_refused(&answer(post(&city, JSON, &body)).await, 200);
        }
        let failed = json!({ "query": "{ order(id: \"Order:1\") { id } }" }).to_string();
        for accept in [RESPONSE, JSON] {
            let (status, body) = answer(post(&city, accept, &failed)).await;
            assert_eq!((status, &body["data"]), (200, &json!({ "order": null })), "{body}");
        }
    });
}

#[test]
fn what_is_no_graphql_request_is_refused_in_json() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_LIMITS_BODY_BYTES", "10000")]).await;
        let query = json!({ "query": "{ __typename }" });
        let long_batch = json!(vec![Value::Null; 1_001]).to_string();
        for body in [
            "",
            "{",
            "null",
            "[]",
            "1",
            "{}",
            r#"{"query":1}"#,
            r#"{"query":"{ __typename }","variables":[]}"#,
            r#"{"query":"{ __typename }","operationName":1}"#,
            &"[".repeat(9_000),
            &long_batch,
        ] {
            for accept in [RESPONSE, JSON] {
                expect_refused(&answer(post(&city, accept, body)).await, 400);
            }
        }
        let long = json!({ "query": "{ __typename }", "extensions": { "x": "x".repeat(10_000) } });
        expect_refused(&answer(post(&city, JSON, &long.to_string())).await, 413);
        expect_refused(&answer(post(&city, "text/html", &query.to_string())).await, 406);
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let response = request(&city, method).send().await.expect("the server answers");
            assert_eq!(response.headers()["allow"], "GET, POST");
            expect_refused(&read(response).await, 405);
        }
    });
}

#[test]
fn a_foreign_page_cannot_write() {
    tiffin_tests::run(async {
        let city = city().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).status(OrderStatus::Pending).create().await;
        let cancel = format!("cancelOrder(input: {{orderId: \"{}\"}}) {{ order {{ id }} }}", order.id());
        let signed_in = |request: RequestBuilder| request.bearer_auth(ann.access_token().expect("Ann is signed in"));

        for (query, name) in [
            (format!("mutation {{ {cancel} }}"), None),
            (format!("mutation Named {{ {cancel} }}"), None),
            (format!("mutation Named {{ {cancel} }}"), Some("Named")),
            (format!("query Other {{ __typename }} mutation Named {{ {cancel} }}"), Some("Named")),
            (format!("mutation {{ ...F }} fragment F on Mutation {{ {cancel} }}"), None),
        ] {
            let mut parameters = vec![("query", query.as_str())];
            parameters.extend(name.map(|name| ("operationName", name)));
            let url = reqwest::Url::parse_with_params(&city.server().url("/graphql"), parameters);
            let get = reqwest::Client::new().get(url.expect("a valid URL"));
            let response = signed_in(get).send().await.expect("the server answers");
            assert_eq!(response.headers()["allow"], "POST", "{query}");
            expect_refused(&read(response).await, 405);
        }

        let query = format!("mutation {{ {cancel} }}");
        let body = json!({ "query": query }).to_string();
        for method in [Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
            let url = reqwest::Url::parse_with_params(&city.server().url("/graphql"), [("query", &query)]);
            let asked = reqwest::Client::new().request(method.clone(), url.expect("a valid URL"));
            let asked = asked.header("Content-Type", JSON).header("Origin", "https://evil.example").body(body.clone());
            let response = signed_in(asked).send().await.expect("the server answers");
            // What asks for a preflight is told what pages may do, and nothing runs.
            assert_eq!(response.status(), if method == Method::OPTIONS { 200 } else { 405 }, "{method}");
            assert!(!response.text().await.expect("the answer can be read").contains("data"), "{method}");
        }
        for media in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain; application/json",
            "",
        ] {
            let bodies = [
                body.clone(),
                format!("query={query}"),
                format!("--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{body}\r\n--x--"),
            ];
            for body in bodies {
                let posted = request(&city, Method::POST).header("Content-Type", media).body(body);
                expect_refused(&answer(signed_in(posted)).await, 415);
            }
        }
        let status = ann.query("query($id: ID!) { order(id: $id) { status } }", json!({ "id": order.id() })).await;
        assert_eq!(status.text("/order/status"), "PENDING");
    });
}

#[test]
fn a_batch_runs_where_it_is_configured_and_nowhere_else() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_LIMITS_BATCH_OPERATIONS", "3")]).await;
        let one = json!({ "query": "{ __typename }" });
        let refused = json!({ "query": "{ unknown }" });
        let subscription = json!({ "query": "subscription { orderStatusChanged(orderId: 1) { status } }" });
        let (status, body) = answer(post(&city, RESPONSE, &json!([one, refused, subscription]).to_string())).await;
        assert_eq!((status, &body[0]), (200, &json!({ "data": { "__typename": "Query" } })), "{body}");
        for refused in [&body[1], &body[2]] {
            assert!(refused.get("data").is_none() && refused["errors"][0]["extensions"]["code"].is_string(), "{body}");
        }
        for bad in [json!([]), json!([one, 1]), json!([[one]])] {
            expect_refused(&answer(post(&city, JSON, &bad.to_string())).await, 400);
        }
    });
}

/// The message that Apollo Client shows of each request of a batch.
async fn batched(city: &City, requests: usize) -> Vec<String> {
    let arguments = [&city.server().url("/graphql"), &requests.to_string()];
    let printed = workspace::node_script("batch.mjs", &arguments.map(String::as_str)).await;
    serde_json::from_str(&printed).expect("the script prints JSON")
}

#[test]
fn the_published_client_shows_why_a_batch_is_refused() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_LIMITS_BATCH_OPERATIONS", "3")]).await;
        assert_eq!(batched(&city, 3).await, ["0 restaurants"; 3]);
        assert_eq!(batched(&city, 4).await, ["A batch has 1 to 3 requests, not 4."; 4]);
        let city = City::new(Database::Sqlite).await;
        assert_eq!(batched(&city, 2).await, ["Batches are not supported: send one request at a time."; 2]);
    });
}

#[test]
fn whole_numbers_may_be_written_with_a_point() {
    tiffin_tests::run(async {
        let city = city().await;
        city.restaurant().with_dishes(3).create().await;
        let query =
            "query($first: Int, $filter: DishFilter) { dishes(first: $first, filter: $filter) { nodes { id } } }";
        let asked = |variables: &str| format!(r#"{{"query":"{query}","variables":{variables}}}"#);
        for (variables, rows) in [(r#"{"first":2.0}"#, 2), (r#"{"first":-0}"#, 0), (r#"{"first":1e0}"#, 1)] {
            let (status, body) = answer(post(&city, JSON, &asked(variables))).await;
            assert_eq!(status, 200, "{body}");
            assert_eq!(body["data"]["dishes"]["nodes"].as_array().map(Vec::len), Some(rows), "{variables}: {body}");
        }
        let refused = answer(post(&city, RESPONSE, &asked(r#"{"first":2.5}"#))).await;
        expect_refused(&refused, 400);
        assert_eq!(refused.1["errors"][0]["extensions"]["field"], "first", "{}", refused.1);
        // What is written in the document goes by its grammar.
        let literal = json!({ "query": "{ dishes(first: 2.0) { nodes { id } } }" }).to_string();
        expect_refused(&answer(post(&city, RESPONSE, &literal)).await, 400);
    });
}

#[test]
fn queries_run_by_get() {
    tiffin_tests::run(async {
        let city = city().await;
        let query = "query A($yes: Boolean!) { __typename @include(if: $yes) } query B { b: __typename }";
        let parameters = [("query", query), ("operationName", "A"), ("variables", r#"{"yes":true}"#)];
        let url = reqwest::Url::parse_with_params(&city.server().url("/graphql"), parameters);
        let (status, body) = answer(reqwest::Client::new().get(url.expect("a valid URL"))).await;
        assert_eq!((status, body), (200, json!({ "data": { "__typename": "Query" } })));
        let parameters = [("query", "query A { __typename }"), ("operationName", ""), ("variables", "{}")];
        let url = reqwest::Url::parse_with_params(&city.server().url("/graphql"), parameters);
        let (status, body) = answer(reqwest::Client::new().get(url.expect("a valid URL"))).await;
        assert_eq!((status, body), (200, json!({ "data": { "__typename": "Query" } })));
    });
}

#[test]
fn a_document_that_grows_when_it_is_spread_costs_nothing() {
    tiffin_tests::run(async {
        let city = city().await;
        let mut bomb = "{ ...F0 }".to_owned();
        for n in 0..40 {
            bomb += &format!(" fragment F{n} on Query {{ ...F{0} ...F{0} }}", n + 1);
        }
        bomb += " fragment F40 on Query { __typename }";
        let started = Instant::now();
        city.anonymous().query(&bomb, json!({})).await.expect_code("QUERY_TOO_COMPLEX");
        assert!(started.elapsed() < Duration::from_secs(2));

        let wraps = "{ restaurants(first: 100) { nodes { orders(first: 100) { nodes { events { id } } } menu { dishes(first: 100) { nodes { id } } } reviews(first: 100) { nodes { restaurant { reviews(first: 100) { nodes { id } } } } } } } }";
        city.anonymous().query(wraps, json!({})).await.expect_code("QUERY_TOO_COMPLEX");
        let nested = format!("{{ order(id: {}1{}) {{ id }} }}", "[".repeat(5_000), "]".repeat(5_000));
        city.anonymous().query(&nested, json!({})).await.expect_code("QUERY_TOO_COMPLEX");
    });
}

#[test]
fn a_mutation_selected_twice_happens_once() {
    tiffin_tests::run(async {
        let city = city().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let document = "mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id } } ...F placeOrder(input: $input) { order { status } } }
            fragment F on Mutation { placeOrder(input: $input) { order { totalAmount } } }";
        let input = json!({
            "restaurantId": restaurant.id(),
            "items": [{ "dishId": restaurant.dish_id(0), "quantity": 1 }],
            "deliveryAddress": { "line1": "1 Lake Road", "city": "Hà Nội" },
        });
        let answer = ann.query(document, json!({ "input": input })).await;
        assert_eq!(answer.text("/placeOrder/order/status"), "PENDING");
        let orders = ann.query("{ orders { totalCount } }", json!({})).await;
        assert_eq!(orders.at("/orders/totalCount"), &json!(1));
    });
}
