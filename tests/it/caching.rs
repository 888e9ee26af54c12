//! HTTP caching: which answers may be stored, by whom, and how they are revalidated.

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tiffin_tests::{City, Database};

const LIST: &str =
    "{ restaurants { nodes { id name menu { dishes(first: 50) { nodes { id name description price } } } } } }";

async fn city() -> City {
    City::with_settings(Database::Sqlite, &[("TIFFIN_HTTP_PUBLIC_MAX_AGE_SECONDS", "60")]).await
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header is text"))
    }

    /// What the answer depends on, in lower case and in order.
    fn varies(&self) -> Vec<String> {
        let lines = self.headers.get_all("vary").iter().map(|line| line.to_str().expect("a header is text"));
        let mut names: Vec<_> = lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_lowercase()).collect();
        names.sort();
        names
    }
}

async fn get(city: &City, query: &str, headers: &[(&str, &str)]) -> Got {
    let url = reqwest::Url::parse_with_params(&city.server().url("/graphql"), [("query", query)]);
    let mut request = reqwest::Client::new().get(url.expect("a valid URL"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    Got { status, headers, body: response.bytes().await.expect("the answer can be read").into() }
}

#[test]
fn public_lists_are_kept_until_they_change() {
    tiffin_tests::run(async {
        let city = city().await;
        let restaurant = city.restaurant().with_dishes(20).create().await;
        let staff = city.merchant_of(&restaurant).await;
        let first = get(&city, LIST, &[]).await;
        assert_eq!((first.status, first.header("cache-control")), (StatusCode::OK, "public, max-age=60"));
        assert_eq!(first.varies(), ["accept", "accept-encoding", "authorization", "origin"]);
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"'), "a strong name: {tag}");

        for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let again = get(&city, LIST, &[("if-none-match", &known)]).await;
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
            assert_eq!((again.header("etag"), again.header("cache-control")), (&*tag, "public, max-age=60"));
            assert_eq!(again.varies(), first.varies());
        }

        // Other bytes have other names.
        let compressed = get(&city, LIST, &[("accept-encoding", "gzip")]).await;
        assert_eq!(compressed.header("content-encoding"), "gzip");
        let of_compressed = compressed.header("etag").to_owned();
        assert_ne!(of_compressed, tag);
        assert_eq!(compressed.varies(), first.varies());
        let again = get(&city, LIST, &[("accept-encoding", "gzip"), ("if-none-match", &of_compressed)]).await;
        assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, &*of_compressed));
        let newer = get(&city, LIST, &[("accept", "application/graphql-response+json")]).await;
        assert_ne!(newer.header("etag"), tag);

        let change = "mutation($id: ID!) { updateDish(input: { id: $id, name: \"Another name\" }) { dish { id } } }";
        staff.query(change, json!({ "id": restaurant.dish_id(0) })).await.expect_success();
        let changed = get(&city, LIST, &[("if-none-match", &tag)]).await;
        assert_eq!(changed.status, StatusCode::OK);
        assert_ne!(changed.header("etag"), tag);
    });
}

#[test]
fn nothing_else_is_kept_by_anybody() {
    tiffin_tests::run(async {
        let city = city().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let dishes = "{ dishes { nodes { name } } }";
        let node = format!("{{ node(id: \"{}\") {{ id }} }}", restaurant.id());
        let refused = [
            "{ me { id } }",
            "{ restaurants { totalCount } orders { totalCount } }",
            "{ restaurants { totalCount } ... on Query { customers { totalCount } } }",
            "{ restaurant(id: \"Restaurant:99999\") { name } }",
            "{ restaurants { totalCount } dish(id: \"nonsense\") { name } }",
            "{ __schema { queryType { name } } }",
            "{ unknown }",
            "{",
            "",
            "mutation { __typename }",
            "subscription { orderStatusChanged(orderId: 1) { sequence } }",
            &node,
        ];
        for query in refused {
            let got = get(&city, query, &[]).await;
            assert_eq!((got.header("cache-control"), got.header("etag")), ("no-store", ""), "{query}");
        }
        assert_eq!(get(&city, dishes, &[]).await.header("cache-control"), "public, max-age=60");
        let good = format!("Bearer {}", ann.access_token().expect("Ann is signed in"));
        for token in [good.as_str(), "Bearer nobody", ""] {
            let got = get(&city, dishes, &[("authorization", token)]).await;
            assert_eq!((got.header("cache-control"), got.header("etag")), ("no-store", ""), "{token}");
        }
        let posted = city.anonymous().query(dishes, Value::Null).await;
        assert_eq!(posted.headers["cache-control"], "no-store");

        let unset = City::new(Database::Sqlite).await;
        let got = get(&unset, dishes, &[]).await;
        assert_eq!((got.header("cache-control"), got.header("etag")), ("no-store", ""));
    });
}
