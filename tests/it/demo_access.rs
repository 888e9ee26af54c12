//! Who gets in as one of the demo's people, in which environment, and that no city is made up where nobody wants one.

use std::collections::BTreeMap;

use entity::{
    account_tokens, drivers, identities,
    sea_orm_active_enums::{AccountTokenPurpose, DriverStatus},
    sessions, users,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, Person, Server, both_databases, run_command, workspace};

use crate::sockets::{NEWER, Socket};

const WITH_DEMO: &[(&str, &str)] = &[("TIFFIN_DEMO_SEED", "true")];
const PRODUCTION: &[(&str, &str)] = &[("TIFFIN_ENV", "production"), ("TIFFIN_DEMO_SEED", "false")];
const NAMES: [&str; 4] = ["customer", "merchant", "driver", "admin"];

fn email(name: &str) -> String {
    format!("{name}@demo.tiffin.example")
}

async fn sign_in(server: &Server, name: &str) -> Answer {
    let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken refreshToken } } }";
    let input = json!({"email": email(name), "password": "tiffin-demo"});
    Person::anonymous(server).query(document, json!({"input": input})).await
}

async fn refresh(server: &Server, token: &str) -> Answer {
    let document =
        "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { session { accessToken } } }";
    Person::anonymous(server).query(document, json!({"token": token})).await
}

/// What a developer has of the demo's people: their access tokens and refresh tokens.
async fn sessions_of_all(server: &Server) -> Vec<(String, String)> {
    let mut sessions = Vec::new();
    for name in NAMES {
        let answer = sign_in(server, name).await;
        let token = |name: &str| answer.text(&format!("/signIn/session/{name}")).to_owned();
        sessions.push((token("accessToken"), token("refreshToken")));
    }
    sessions
}

async fn expect_all_outside(server: &Server, sessions: &[(String, String)]) {
    for (access_token, refresh_token) in sessions {
        refresh(server, refresh_token).await.expect_code("UNAUTHENTICATED");
        let person = Person::anonymous(server).with_access_token(access_token);
        person.query("{ me { role } }", json!({})).await.expect_code("UNAUTHENTICATED");
        let mut socket = Socket::open(server, NEWER).await;
        socket.say(json!({"type": "connection_init", "payload": person.connection_init()})).await;
        socket.expect_close(4403, "Forbidden").await;
    }
}

async fn made_up(city: &City) -> Vec<users::Model> {
    let made_up = users::Entity::find().filter(users::Column::Email.ends_with("@demo.tiffin.example"));
    made_up.all(city.db()).await.unwrap()
}

both_databases! {
    async fn nobody_of_the_demo_gets_into_production_in_any_way(database: Database) {
        let mut city = City::with_settings(database, WITH_DEMO).await;
        let sessions = sessions_of_all(city.server()).await;
        let admin = made_up(&city).await.into_iter().find(|user| user.email == email("admin")).expect("there");
        let link = city.account_token(&admin, AccountTokenPurpose::ResetPassword).await;
        let identity = identities::ActiveModel {
            issuer: Set("https://accounts.example".to_owned()),
            subject: Set("1".to_owned()),
            user_id: Set(admin.id),
            created_at: Set(admin.created_at),
        };
        identity.insert(city.db()).await.unwrap();
        let real = city.admin().await;
        // A socket of theirs at a server that goes on.
        let lingering = Person::anonymous(city.server()).with_access_token(&sessions[3].0);
        let lingering = Socket::of(&lingering, city.server(), NEWER).await;

        let production = city.another_server_with(PRODUCTION).await;
        if database == Database::Postgres {
            lingering.expect_close(4403, "Session ended").await;
        }
        expect_all_outside(&production, &sessions).await;
        for name in NAMES {
            sign_in(&production, name).await.expect_code("UNAUTHENTICATED");
        }
        let reset = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { user { id } } }";
        let input = json!({"token": link, "newPassword": "a long enough password"});
        Person::anonymous(&production).query(reset, json!({"input": input})).await.expect_error("BAD_USER_INPUT", "token");
        assert!(made_up(&city).await.iter().all(|user| !user.is_active && user.password_hash.is_none()));
        assert_eq!(account_tokens::Entity::find().count(city.db()).await.unwrap(), 0);
        assert_eq!(identities::Entity::find().count(city.db()).await.unwrap(), 0);
        let waiting = drivers::Entity::find().filter(drivers::Column::Status.eq(DriverStatus::Available));
        assert_eq!(waiting.count(city.db()).await.unwrap(), 0);
        // Whoever is real goes on, and the operator is told.
        real.at(&production).query("{ me { role } }", json!({})).await.expect_success();
        assert!(production.log().contains("this database holds the demo city"), "it is said");
        // It is done, and said, once.
        let again = city.another_server_with(PRODUCTION).await;
        assert!(!again.log().contains("this database holds the demo city"));

        // A developer gets in again, with nothing from before; and production ends that again.
        city.restart().await;
        expect_all_outside(city.server(), &sessions).await;
        let later = sessions_of_all(city.server()).await;
        let admin = Person::anonymous(city.server()).with_access_token(&later[3].0);
        assert_eq!(admin.query("{ me { role } }", json!({})).await.text("/me/role"), "ADMIN");
        let production = city.another_server_with(PRODUCTION).await;
        expect_all_outside(&production, &later).await;
    }

    async fn a_developers_own_password_is_left_alone(database: Database) {
        let mut city = City::with_settings(database, WITH_DEMO).await;
        let admin = Person::anonymous(city.server())
            .with_access_token(sign_in(city.server(), "admin").await.text("/signIn/session/accessToken"));
        let change = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { user { id } } }";
        let input = json!({"currentPassword": "tiffin-demo", "newPassword": "a password of my own"});
        admin.query(change, json!({"input": input})).await.expect_success();
        city.restart().await;
        sign_in(city.server(), "admin").await.expect_code("UNAUTHENTICATED");
        admin.at(city.server()).query("{ me { role } }", json!({})).await.expect_success();
        assert_eq!(sessions::Entity::find().filter(sessions::Column::EndedAt.is_not_null()).count(city.db()).await.unwrap(), 0);
    }

    async fn production_makes_up_no_city(database: Database) {
        let city = City::new(database).await;
        let refused = [
            (vec!["serve"], ("TIFFIN_DEMO_SEED", "true"), "demo.seed"),
            (vec!["serve"], ("TIFFIN_DEMO_LIVE", "true"), "demo.live"),
            (vec!["seed"], ("TIFFIN_DEMO_SEED", "false"), "--yes"),
        ];
        for (command, setting, said) in refused {
            let mut settings: Vec<_> = ["DATABASE_URL", "TIFFIN_ACCOUNTS_TOKEN_KEYS", "TIFFIN_LISTEN"]
                .map(|name| (name.to_owned(), city.setting(name).to_owned()))
                .to_vec();
            settings.push((setting.0.to_owned(), setting.1.to_owned()));
            // With a database of its own and nothing else said, it is production.
            let sentence = run_command(city.directory(), &settings, &command).await.expect_failure("@@");
            assert!(sentence.contains(said), "{sentence}");
        }
        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 0);
    }
}

/// What `docker/compose.yaml` gives the server, where these variables are set for it.
fn composed(variables: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
    let text = workspace::read("docker/compose.yaml");
    let mut settings = Vec::new();
    let lines = text.lines().skip_while(|line| *line != "    environment:").skip(1);
    for line in lines.take_while(|line| line.starts_with("      ")) {
        let Some((name, value)) = line.trim().split_once(": ").filter(|(name, _)| !name.starts_with('#')) else {
            continue;
        };
        settings.push((name.to_owned(), interpolated(value, variables)?));
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

#[test]
fn compose_is_a_trial_only_where_that_is_said() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let started = async |settings: &[(String, String)]| {
            let ours = ["DATABASE_URL", "REDIS_URL", "TIFFIN_BROKER_PREFIX", "TIFFIN_LISTEN"];
            let kept = settings.iter().filter(|(name, _)| !ours.contains(&name.as_str())).cloned();
            let ours = ours.map(|name| (name.to_owned(), city.setting(name).to_owned()));
            Server::try_start(city.directory(), &kept.chain(ours).collect()).await
        };
        let said = composed(&BTreeMap::new()).expect_err("nothing is set");
        assert!(said.contains("POSTGRES_PASSWORD"), "{said}");
        let real = variables("POSTGRES_PASSWORD=x\nTIFFIN_ACCOUNTS_TOKEN_KEYS=2026=aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW");
        let real = composed(&real).expect("enough is set");
        let server = started(&real).await.expect("it starts");
        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 0, "nobody is made up");
        let schema = Person::anonymous(&server).query("{ __schema { queryType { name } } }", json!({})).await;
        assert!(!schema.problems().is_empty(), "it is production");

        let trial = variables(&workspace::read("docker/trial.env"));
        assert_ne!(trial.get("COMPOSE_PROJECT_NAME").map(String::as_str), Some("tiffin"), "its data is its own");
        let trial = composed(&trial).expect("enough is set");
        let server = started(&trial).await.expect("it starts");
        let admin = sign_in(&server, "admin").await;
        assert_ne!(admin.at("/signIn/session/accessToken"), &Value::Null);
    });
}
