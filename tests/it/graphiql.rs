//! The GraphiQL page: how it stays signed in, by its own scripts under Node.js, and how it is used, in a browser.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use tiffin_tests::{City, Database, PATIENCE, Server, Settings, workspace};

const EMAIL: &str = "ann@example.com";
const PASSWORD: &str = "tiffin-demo";

/// The answers to the documents, asked one after the other by the page with this in its Headers pane.
async fn play(city: &City, authorization: &str, documents: Value) -> Vec<Value> {
    let arguments = [&city.server().url("/"), PASSWORD, authorization, &documents.to_string()];
    let printed = workspace::node_script("graphiql.mjs", &arguments).await;
    serde_json::from_str(&printed).expect("the script prints JSON")
}

#[test]
fn the_page_renews_its_session_and_opens_another_where_that_has_ended() {
    tiffin_tests::run(async {
        // Shorter than the time before its end at which the page renews a token.
        let settings = [("TIFFIN_ACCOUNTS_ACCESS_TOKEN_SECONDS", "25")];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { session { user { id } } } }";
        let input = json!({"input": {"email": EMAIL, "password": PASSWORD, "name": "Ann"}});
        city.anonymous().query(sign_up, input).await.expect_success();

        let sessions = "{ sessions { id createdAt lastUsedAt isCurrent } }";
        let documents = json!([sessions, sessions, "mutation { revokeAllSessions(input: {}) { revoked } }", sessions,]);
        let answers = play(&city, &format!("Bearer {{{{{EMAIL}}}}}"), documents).await;
        let current = |answer: &Value| {
            let sessions = answer["data"]["sessions"].as_array().unwrap_or_else(|| panic!("no sessions: {answers:#?}"));
            sessions.iter().find(|session| session["isCurrent"] == true).expect("the one that asks").clone()
        };
        let (first, second, fourth) = (current(&answers[0]), current(&answers[1]), current(&answers[3]));
        assert_eq!(first["id"], second["id"]);
        assert_ne!(second["createdAt"], second["lastUsedAt"], "it was renewed");
        assert_eq!(answers[2]["data"]["revokeAllSessions"]["revoked"], 2, "the page's, and the one of signing up");
        assert_ne!(second["id"], fourth["id"]);
    });
}

#[test]
fn the_page_sends_what_names_no_account_as_it_is_and_says_who_cannot_sign_in() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let answers = play(&city, "Bearer nonsense", json!(["{ me { id } }"])).await;
        assert_eq!(answers[0]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        let unknown = play(&city, "Bearer {{nobody@example.com}}", json!(["{ me { id } }"])).await;
        assert_eq!(
            unknown[0]["failed"],
            "nobody@example.com cannot sign in: The e-mail address or the password is wrong."
        );
    });
}

#[test]
fn what_it_keeps_of_its_tabs_is_what_its_own_tests_say() {
    let script = workspace::root().join("api/assets/graphiql/page.test.mjs");
    let output = Command::new("node").arg("--test").arg(script).output().expect("Node.js starts: run ./test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn people_use_it_on_a_desktop_and_on_a_phone() {
    tiffin_tests::run(async {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let server = demo(directory.path()).await;
        let pictures = workspace::build_directory().join("graphiql");
        std::fs::create_dir_all(&pictures).expect("a folder can be made");
        let patience = PATIENCE.as_millis().to_string();
        let arguments = [&server.url("/"), &*patience, pictures.to_str().expect("a folder has a plain name")];
        println!(
            "{}pictures are in {}",
            workspace::node_script("graphiql_page.mjs", &arguments).await,
            pictures.display()
        );
    });
}

/// The demo, as `cargo run` starts it.
async fn demo(directory: &Path) -> Server {
    let data = directory.join("data");
    let settings = [
        ("TIFFIN_LISTEN", "127.0.0.1:0"),
        ("TIFFIN_LOG_FORMAT", "json"),
        ("TIFFIN_DATABASE_DATA_DIRECTORY", data.to_str().expect("a temporary folder has a plain name")),
    ];
    let settings: Settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Server::start(directory, &settings).await
}
