//! What `docker/compose.yaml` gives the server. It is read as Compose reads it; no container is started.

use std::collections::BTreeMap;

use entity::users;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use serde_json::json;
use tiffin_tests::{City, Database, Person, Server, Settings, workspace};

/// What compose or the image decides: where the parts are that it starts.
const DECIDED: [&str; 6] = [
    "DATABASE_URL",
    "DATABASE_DIRECT_URL",
    "REDIS_URL",
    "TIFFIN_BROKER_CLUSTER",
    "TIFFIN_DATABASE_DATA_DIRECTORY",
    "TIFFIN_LISTEN",
];
const SECRETS: &str = "POSTGRES_PASSWORD=x\nTIFFIN_ACCOUNTS_TOKEN_KEYS=2026=aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW";

/// What the server is given where these variables are set for Compose.
fn composed(variables: &BTreeMap<String, String>) -> Result<Settings, String> {
    let text = workspace::read("docker/compose.yaml");
    let mut settings = Vec::new();
    let lines = text.lines().skip_while(|line| *line != "    environment:").skip(1);
    for line in lines.take_while(|line| line.starts_with("      ")).map(str::trim) {
        if line.starts_with('#') {
            continue;
        }
        // A name without a value is passed on where it is set.
        let given = match line.split_once(": ") {
            Some((name, value)) => Some((name.to_owned(), interpolated(value, variables)?)),
            None => {
                let name = line.strip_suffix(':').expect("a name ends with a colon");
                variables.get(name).map(|value| (name.to_owned(), value.clone()))
            }
        };
        settings.extend(given);
    }
    Ok(settings)
}

/// `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, as Compose reads them.
fn interpolated(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let Some((before, rest)) = text.split_once("${") else { return Ok(text.to_owned()) };
    let (inner, after) = rest.split_once('}').expect("a variable ends");
    let (name, other) = inner.split_once(':').unwrap_or((inner, "-"));
    let value = match (variables.get(name).filter(|value| !value.is_empty()), other.split_at(1)) {
        (Some(value), _) => value.clone(),
        (None, ("-", default)) => default.to_owned(),
        (None, ("?", message)) => return Err(message.to_owned()),
        (None, _) => panic!("{text} is not understood"),
    };
    Ok(format!("{before}{value}{}", interpolated(after, variables)?))
}

fn variables(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A server that compose gives these settings, but for where the tests' parts are.
async fn started(city: &City, settings: &Settings) -> Result<Server, String> {
    let ours = ["DATABASE_URL", "REDIS_URL", "TIFFIN_BROKER_PREFIX", "TIFFIN_LISTEN"];
    let kept = settings.iter().filter(|(name, _)| !ours.contains(&name.as_str())).cloned();
    let ours = ours.map(|name| (name.to_owned(), city.setting(name).to_owned()));
    Server::try_start(city.directory(), &kept.chain(ours).collect()).await
}

#[test]
fn compose_is_a_trial_only_where_that_is_said() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let said = composed(&BTreeMap::new()).expect_err("nothing is set");
        assert!(said.contains("POSTGRES_PASSWORD"), "{said}");
        let real = composed(&variables(SECRETS)).expect("enough is set");
        let server = started(&city, &real).await.expect("it starts");
        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 0, "nobody is made up");
        let schema = Person::anonymous(&server).query("{ __schema { queryType { name } } }", json!({})).await;
        assert!(!schema.problems().is_empty(), "it is production");

        let trial = variables(&workspace::read("docker/trial.env"));
        assert_ne!(trial.get("COMPOSE_PROJECT_NAME").map(String::as_str), Some("tiffin"), "its data is its own");
        let trial = composed(&trial).expect("enough is set");
        let server = started(&city, &trial).await.expect("it starts");
        Person::signing_in(&server, "admin@demo.tiffin.example", "tiffin-demo").await;
    });
}

#[test]
fn compose_passes_every_variable_on() {
    let reference = workspace::read("docs/operations.md");
    let table = reference.split("<!-- configuration -->").nth(1).expect("the table stands between two markers");
    let known = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for name in known.filter(|name| !DECIDED.contains(name)) {
        let mut set = variables(SECRETS);
        set.insert(name.to_owned(), "the operator's".to_owned());
        let given = composed(&set).expect("enough is set");
        let is_passed_on = given.iter().any(|(given, value)| given == name && value == "the operator's");
        assert!(is_passed_on, "docker/compose.yaml does not pass {name} on: name it under `environment`");
    }
    // What is not set must not be set to nothing, in case that means something one day.
    let given = composed(&variables(SECRETS)).expect("enough is set");
    assert!(given.iter().all(|(_, value)| !value.is_empty()), "{given:?}");
}

#[test]
fn the_password_of_the_database_may_hold_anything() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let (role, password) = (format!("composed_{}", std::process::id()), "p/a@s:s?w#o%r&d $x");
        // It owns nothing, for the tables are there already.
        let make = format!("create role {role} login superuser password '{password}'");
        city.db().execute_unprepared(&make).await.expect("a role can be made");

        let mut set = variables(SECRETS);
        set.insert("POSTGRES_PASSWORD".to_owned(), password.to_owned());
        let mut given = composed(&set).expect("enough is set");
        let url = given.iter().find(|(name, _)| name == "DATABASE_URL").expect("there is a database");
        assert_eq!(url.1, "postgres://tiffin@postgres:5432/tiffin", "nothing is put into the address");
        let mut there: reqwest::Url = city.setting("DATABASE_URL").parse().expect("a URL");
        there.set_username(&role).expect("a name");
        there.set_password(None).expect("a password");
        given.retain(|(name, _)| !["DATABASE_URL", "REDIS_URL"].contains(&name.as_str()));
        given.extend([
            ("DATABASE_URL".to_owned(), there.into()),
            ("TIFFIN_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ]);
        let server = Server::try_start(city.directory(), &given).await.expect("it signs in at the database");
        Person::anonymous(&server).query("{ restaurants { totalCount } }", json!({})).await.expect_success();
        drop(server);
        city.db().execute_unprepared(&format!("drop role {role}")).await.expect("a role can be dropped");
    });
}
