//! Persisted documents: automatic ones, which a client has sent before, and trusted ones of the operator's own front ends.

use std::path::PathBuf;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tiffin_tests::{City, Database, workspace};

use crate::sockets::{NEWER, OLDER, Socket};

const NAME: &str = "query Name { restaurants { totalCount } }";

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What Apollo's clients write beside a query, or instead of it.
fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

fn request(city: &City, method: Method) -> RequestBuilder {
    reqwest::Client::new().request(method, city.server().url("/graphql")).header("Content-Type", "application/json")
}

async fn answer(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("the server answers");
    assert_eq!((response.status().as_u16(), &response.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    serde_json::from_str(&response.text().await.expect("the answer can be read")).expect("the answer is JSON")
}

async fn post(city: &City, body: &Value) -> Value {
    answer(request(city, Method::POST).body(body.to_string())).await
}

async fn get(city: &City, parameters: &[(&str, &str)]) -> Value {
    let url = reqwest::Url::parse_with_params(&city.server().url("/graphql"), parameters).expect("a valid URL");
    answer(reqwest::Client::new().get(url)).await
}

/// The message and the code of the only error, where nothing ran.
#[track_caller]
fn refusal(answer: &Value) -> (&str, &str) {
    assert!(answer.get("data").is_none() && answer["errors"].as_array().is_some_and(|all| all.len() == 1), "{answer}");
    let error = &answer["errors"][0];
    (error["message"].as_str().unwrap(), error["extensions"]["code"].as_str().unwrap())
}

const NOT_FOUND: (&str, &str) = ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND");
const NOT_SUPPORTED: (&str, &str) = ("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED");

fn counted() -> Value {
    json!({ "data": { "restaurants": { "totalCount": 0 } } })
}

#[test]
fn what_was_sent_with_its_hash_need_not_be_sent_again() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let alone = json!({ "extensions": persisted(&hash(NAME)) });
        assert_eq!(refusal(&post(&city, &alone).await), NOT_FOUND);
        let with_query = json!({ "query": NAME, "extensions": persisted(&hash(NAME)) });
        assert_eq!(post(&city, &with_query).await, counted());
        assert_eq!(post(&city, &alone).await, counted());
        let empty = json!({ "query": "", "operationName": "Name", "extensions": persisted(&hash(NAME)) });
        assert_eq!(post(&city, &empty).await, counted());
        let extensions = persisted(&hash(NAME)).to_string();
        assert_eq!(get(&city, &[("extensions", &extensions)]).await, counted());
        // The same by the name that GraphQL over HTTP has for it.
        let id = format!("sha256:{}", hash(NAME));
        assert_eq!(get(&city, &[("documentId", &id)]).await, counted());
        assert_eq!(post(&city, &json!({ "documentId": id })).await, counted());

        // By GET, too, it is learnt; and it costs what it is long, known or not.
        let another = NAME.replace("Name", "Another");
        let extensions = persisted(&hash(&another)).to_string();
        assert_eq!(refusal(&get(&city, &[("extensions", &extensions)]).await), NOT_FOUND);
        assert_eq!(get(&city, &[("query", &another), ("extensions", &extensions)]).await, counted());
        assert_eq!(get(&city, &[("extensions", &extensions)]).await, counted());
    });
}

#[test]
fn no_document_is_kept_under_the_hash_of_another() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let another = hash("{ another }");
        for wrong in [another.as_str(), "", "x", &another[1..], &format!("{}é", &another[2..])] {
            let mixed = json!({ "query": NAME, "extensions": persisted(wrong) });
            let answer = post(&city, &mixed).await;
            assert_eq!(refusal(&answer).1, "BAD_USER_INPUT", "{answer}");
            assert_eq!(answer["errors"][0]["extensions"]["field"], "extensions.persistedQuery.sha256Hash");
            assert_eq!(refusal(&post(&city, &json!({ "extensions": persisted(wrong) })).await), NOT_FOUND);
        }
        let mixed = json!({ "query": NAME, "documentId": format!("sha256:{another}") });
        assert_eq!(refusal(&post(&city, &mixed).await).1, "BAD_USER_INPUT");
        // What is refused is not kept either.
        for refused in ["{", "{ unknown }", "query($first: Int!) { dishes(first: $first) { totalCount } }"] {
            let extensions = persisted(&hash(refused));
            refusal(&post(&city, &json!({ "query": refused, "extensions": extensions })).await);
            assert_eq!(refusal(&post(&city, &json!({ "extensions": extensions })).await), NOT_FOUND, "{refused}");
        }
    });
}

#[test]
fn batches_and_sockets_take_names_as_well() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_LIMITS_BATCH_OPERATIONS", "3")]).await;
        let (alone, extensions) = (json!({ "extensions": persisted(&hash(NAME)) }), persisted(&hash(NAME)));
        let with_query = json!({ "query": NAME, "extensions": extensions });
        let answers = post(&city, &json!([alone, with_query, alone])).await;
        assert_eq!(refusal(&answers[0]), NOT_FOUND);
        assert_eq!((&answers[1], &answers[2]), (&counted(), &counted()));

        for (protocol, start, next) in [(NEWER, "subscribe", "next"), (OLDER, "start", "data")] {
            let mut socket = Socket::of(&city.anonymous(), city.server(), protocol).await;
            let asked = |payload: &Value| json!({ "type": start, "id": "a", "payload": payload });
            let unknown = json!({ "query": "", "extensions": persisted(&hash("{ unknown }")) });
            socket.say(asked(&unknown)).await;
            let error = socket.hear().await;
            let error = error["payload"].get(0).unwrap_or(&error["payload"]);
            assert_eq!(
                (error["message"].as_str(), error["extensions"]["code"].as_str()),
                (Some(NOT_FOUND.0), Some(NOT_FOUND.1))
            );
            // The client of graphql-ws always sends a query.
            for known in [
                &alone,
                &json!({ "query": "", "extensions": extensions }),
                &json!({ "documentId": format!("sha256:{}", hash(NAME)) }),
            ] {
                socket.say(asked(known)).await;
                assert_eq!(socket.hear().await, json!({ "type": next, "id": "a", "payload": counted() }), "{protocol}");
                assert_eq!(socket.hear().await["type"], "complete");
            }
        }
    });
}

#[test]
fn published_clients_send_a_document_once() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let query = "query { restaurants { totalCount } }";
        let printed = workspace::node_script("persisted.mjs", &[&city.server().url("/graphql"), query]).await;
        let outcomes: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        for client in ["apollo", "apolloByGet", "urql", "urqlByGet"] {
            let told = json!([["restaurants"], ["restaurants"], ["restaurants"]]);
            let sent = json!(["hash", "hash and query", "hash", "hash"]);
            assert_eq!(outcomes[client], json!({ "told": told, "sent": sent }), "{client}");
        }

        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_DOCUMENTS_AUTOMATIC", "false")]).await;
        let printed = workspace::node_script("persisted.mjs", &[&city.server().url("/graphql"), query]).await;
        let outcomes: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        for client in ["apollo", "apolloByGet", "urql", "urqlByGet"] {
            // Where there is no such thing, the first answer says so, and a client asks as it would have otherwise.
            assert_eq!(outcomes[client]["sent"], json!(["hash", "query", "query", "query"]), "{client}");
        }
        let alone = json!({ "extensions": persisted(&hash(NAME)) });
        assert_eq!(refusal(&post(&city, &alone).await), NOT_SUPPORTED);
        let with_query = json!({ "query": NAME, "extensions": persisted(&hash(NAME)) });
        assert_eq!(post(&city, &with_query).await, counted());
        assert_eq!(refusal(&post(&city, &alone).await), NOT_SUPPORTED);
    });
}

/// Manifests as the three tools write them, and the setting that names them.
struct Manifests {
    folder: TempDir,
    paths: Vec<PathBuf>,
}

impl Manifests {
    fn new() -> Self {
        Manifests { folder: TempDir::new().expect("a folder can be made"), paths: Vec::new() }
    }

    fn with(mut self, manifest: Value) -> Self {
        let path = self.folder.path().join(format!("{}.json", self.paths.len()));
        std::fs::write(&path, manifest.to_string()).expect("a file can be written");
        self.paths.push(path);
        self
    }

    fn setting(&self) -> (&'static str, String) {
        let paths: Vec<_> = self.paths.iter().map(|path| path.display().to_string()).collect();
        ("TIFFIN_DOCUMENTS_MANIFESTS", paths.join(","))
    }
}

const OF_APOLLO: &str = "query OfApollo { restaurants { totalCount } }";
const OF_RELAY: &str = "query OfRelay($name: Boolean = true) { restaurants { totalCount @include(if: $name) } }";
const OF_CODEGEN: &str = "query OfCodegen { restaurants { totalCount } } query Other { __typename }";

fn manifests() -> Manifests {
    let operation = json!({ "id": hash(OF_APOLLO), "name": "OfApollo", "type": "query", "body": OF_APOLLO });
    Manifests::new()
        .with(json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation] }))
        .with(json!({ "0123456789abcdef0123456789abcdef": OF_RELAY, "x-app:relay.1": OF_RELAY }))
        .with(json!({ "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3": OF_CODEGEN }))
}

#[test]
fn the_documents_of_front_ends_are_known_by_their_names() {
    tiffin_tests::run(async {
        let manifests = manifests();
        let (name, paths) = manifests.setting();
        let city =
            City::with_settings(Database::Sqlite, &[(name, paths.as_str()), ("TIFFIN_DOCUMENTS_AUTOMATIC", "false")])
                .await;
        for id in [
            &format!("sha256:{}", hash(OF_APOLLO)),
            &hash(OF_APOLLO),
            "0123456789abcdef0123456789abcdef",
            "x-app:relay.1",
            // The names by which GraphQL over HTTP knows every document.
            &format!("sha256:{}", hash(OF_RELAY)),
        ] {
            assert_eq!(post(&city, &json!({ "documentId": id })).await, counted(), "{id}");
            assert_eq!(get(&city, &[("documentId", id), ("operationName", "")]).await, counted(), "{id}");
        }
        let codegen = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3";
        let body = json!({ "extensions": persisted(codegen), "operationName": "OfCodegen" });
        assert_eq!(post(&city, &body).await, counted());
        let relay = json!({ "documentId": "x-app:relay.1", "variables": { "name": false } });
        assert_eq!(post(&city, &relay).await, json!({ "data": { "restaurants": {} } }));
        for unknown in ["", "x-app:relay.2", "nobody", &format!("sha256:{}", hash(NAME))] {
            assert_eq!(refusal(&post(&city, &json!({ "documentId": unknown })).await), NOT_FOUND, "{unknown}");
        }
        assert_eq!(post(&city, &json!({ "query": NAME })).await, counted());
        let mixed = json!({ "query": NAME, "documentId": "x-app:relay.1" });
        assert_eq!(refusal(&post(&city, &mixed).await).1, "BAD_USER_INPUT");
    });
}

#[test]
fn nothing_else_runs_where_only_they_may() {
    tiffin_tests::run(async {
        let manifests = manifests();
        let (name, paths) = manifests.setting();
        let settings = [(name, paths.as_str()), ("TIFFIN_DOCUMENTS_TRUSTED_ONLY", "true")];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        assert_eq!(post(&city, &json!({ "documentId": hash(OF_APOLLO) })).await, counted());
        // The very text is as good as its name.
        assert_eq!(post(&city, &json!({ "query": OF_APOLLO })).await, counted());
        for refused in [
            json!({ "query": NAME }),
            json!({ "query": format!("{OF_APOLLO} ") }),
            json!({ "query": NAME, "extensions": persisted(&hash(NAME)) }),
            json!({ "query": NAME, "documentId": "nobody" }),
            json!({ "query": "{ __schema { queryType { name } } }" }),
            json!({ "query": "" }),
        ] {
            assert_eq!(refusal(&post(&city, &refused).await).1, "FORBIDDEN", "{refused}");
        }
        assert_eq!(refusal(&post(&city, &json!({ "extensions": persisted(&hash(NAME)) })).await), NOT_FOUND);
        let mut socket = Socket::of(&city.anonymous(), city.server(), NEWER).await;
        socket.subscribe("a", NAME, Value::Null).await;
        let error = socket.hear().await;
        assert_eq!(error["payload"][0]["extensions"]["code"], "FORBIDDEN", "{error}");
    });
}

#[test]
fn admins_may_be_let_off_and_let_nobody_else_in() {
    tiffin_tests::run(async {
        let manifests = manifests();
        let (name, paths) = manifests.setting();
        let settings = [
            (name, paths.as_str()),
            ("TIFFIN_DOCUMENTS_TRUSTED_ONLY", "true"),
            ("TIFFIN_DOCUMENTS_ANY_FROM_ADMINS", "true"),
        ];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let (admin, ann) = (city.admin().await, city.customer("Ann").await);
        assert_eq!(admin.query(NAME, json!({})).await.at("/restaurants/totalCount"), &json!(0));
        for refused in [&ann, &city.anonymous(), &ann.with_access_token("no token")] {
            refused.query(NAME, json!({})).await.expect_code("FORBIDDEN");
        }
        // What an admin sends with its hash is known to nobody by it.
        let named = json!({ "query": NAME, "extensions": persisted(&hash(NAME)) });
        let token = format!("Bearer {}", admin.access_token().expect("signed in"));
        let sent = request(&city, Method::POST).header("Authorization", token).body(named.to_string());
        assert_eq!(answer(sent).await, counted());
        assert_eq!(refusal(&post(&city, &json!({ "extensions": persisted(&hash(NAME)) })).await), NOT_FOUND);
    });
}

#[test]
fn a_document_that_would_be_refused_is_said_at_the_start() {
    tiffin_tests::run(async {
        let manifests = manifests().with(json!({
            "of.tomorrow": "query Tomorrow { restaurants { nodes { isOpenTomorrow } } }",
            "of.today": "query Today($id: ID!) { restaurant(id: $id) { name } }",
            "of.two": "query One { __typename } query Two($id: ID!) { dish(id: $id) { nothing } }",
        }));
        let (name, paths) = manifests.setting();
        let city = City::with_settings(Database::Sqlite, &[(name, paths.as_str())]).await;
        let said: Vec<_> =
            city.server().log().lines().filter(|line| line.contains("would be refused")).map(str::to_owned).collect();
        assert_eq!(said.len(), 2, "{said:#?}");
        for (document, problem) in [("of.tomorrow", "isOpenTomorrow"), ("of.two", "nothing")] {
            assert!(said.iter().any(|line| line.contains(document) && line.contains(problem)), "{document}: {said:#?}");
        }
        // They are refused when they are asked for, and nothing else is.
        assert_eq!(refusal(&post(&city, &json!({ "documentId": "of.tomorrow" })).await).1, "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(post(&city, &json!({ "documentId": hash(OF_APOLLO) })).await, counted());
    });
}
