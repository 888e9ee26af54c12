//! What whoever runs the server does with its commands, to the end: a printed configuration that is started from, and cities that are made.

use serde_json::json;
use tiffin_tests::{City, Database, Person, Server, Settings, run_command, scratch_postgres};

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_server_starts_from_the_configuration_that_was_printed() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let secrets = settings(&[
            ("DATABASE_URL", city.setting("DATABASE_URL")),
            ("TIFFIN_ACCOUNTS_TOKEN_KEYS", city.setting("TIFFIN_ACCOUNTS_TOKEN_KEYS")),
        ]);
        let others = settings(&[
            ("REDIS_URL", city.setting("REDIS_URL")),
            ("TIFFIN_BROKER_PREFIX", city.setting("TIFFIN_BROKER_PREFIX")),
            ("TIFFIN_LISTEN", "localhost:0"),
            ("TIFFIN_HTTP_TRUSTED_PROXIES", "10.0.0.1"),
            ("TIFFIN_GRAPHQL_INTROSPECTION", "true"),
        ]);
        let all = [secrets.clone(), others].concat();
        let printed = run_command(directory.path(), &all, &["config"]).await.expect_success();
        std::fs::write(directory.path().join("tiffin.toml"), printed).expect("a file can be written");

        let server = Server::start(directory.path(), &secrets).await;
        let asked = Person::anonymous(&server).query("{ __schema { queryType { name } } }", json!({})).await;
        assert_eq!(asked.text("/__schema/queryType/name"), "Query");
        assert_eq!(
            reqwest::get(server.url("/")).await.expect("the server answers").status().as_u16(),
            404,
            "it is production"
        );
    });
}

#[test]
fn the_big_city_is_refused_before_anything_is_made() {
    tiffin_tests::run(async {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let refused = run_command(directory.path(), &Vec::new(), &["seed", "--scale", "0.01"]).await;
        let said = refused.expect_failure("hunter2");
        assert!(said.contains("the big city is for PostgreSQL: set DATABASE_URL"), "{said}");
        assert!(directory.path().read_dir().expect("a folder").next().is_none(), "nothing is left behind");
    });
}

#[test]
fn whom_the_cities_are_announced_with_can_sign_in() {
    tiffin_tests::run(async {
        for command in [&["seed"][..], &["seed", "--scale", "0.001"]] {
            let directory = tempfile::tempdir().expect("a temporary directory can be made");
            let database = scratch_postgres().await;
            let mut all = settings(&[("DATABASE_URL", &database.url), ("TIFFIN_ENV", "development")]);
            run_command(directory.path(), &all, &["migrate", "up"]).await.expect_success();
            let printed = run_command(directory.path(), &all, command).await.expect_success();
            let people: Vec<_> = printed.split_whitespace().filter(|word| word.contains('@')).collect();
            assert_eq!(people.len(), 4, "{printed}");

            all.extend(settings(&[("TIFFIN_LISTEN", "127.0.0.1:0"), ("TIFFIN_LOG_FORMAT", "json")]));
            let server = Server::start(directory.path(), &all).await;
            for person in people {
                let person = Person::signing_in(&server, person.trim_end_matches([',', '.']), "tiffin-demo").await;
                person.query("{ me { role } }", json!({})).await.expect_success();
            }
        }
        // In production nobody is named.
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let database = scratch_postgres().await;
        let all = settings(&[("DATABASE_URL", &database.url), ("TIFFIN_ENV", "production")]);
        run_command(directory.path(), &all, &["migrate", "up"]).await.expect_success();
        let command = ["seed", "--scale", "0.001", "--yes"];
        let printed = run_command(directory.path(), &all, &command).await.expect_success();
        assert!(!printed.contains('@') && printed.contains("tiffin admin"), "{printed}");
    });
}
