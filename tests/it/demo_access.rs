//! Access to the demo's accounts: who can sign in as one of them, in which environment, and where no city is made.

use entity::{
    account_tokens, drivers, identities, orders,
    sea_orm_active_enums::{AccountTokenPurpose, DriverStatus, OrderStatus},
    sessions, users,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, Person, Server, both_databases, run_command};

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

        if database == Database::Sqlite {
            city.stop().await;
        }
        let mut production = city.another_server_with(PRODUCTION).await;
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
        let assigned = orders::Entity::find()
            .filter(orders::Column::DriverId.is_not_null())
            .filter(orders::Column::Status.is_in([OrderStatus::Confirmed, OrderStatus::Preparing, OrderStatus::Ready]));
        assert_eq!(assigned.count(city.db()).await.unwrap(), 0, "what they have not picked up waits for others");
        // Whoever is real goes on, and the operator is told.
        real.at(&production).query("{ me { role } }", json!({})).await.expect_success();
        assert!(production.log().contains("this database holds the demo city"), "it is said");
        // It is done, and said, once.
        production.stop().await;
        let mut again = city.another_server_with(PRODUCTION).await;
        assert!(!again.log().contains("this database holds the demo city"));
        again.stop().await;

        // A developer gets in again, with nothing from before; and production ends that again.
        city.restart().await;
        expect_all_outside(city.server(), &sessions).await;
        let later = sessions_of_all(city.server()).await;
        let admin = Person::anonymous(city.server()).with_access_token(&later[3].0);
        assert_eq!(admin.query("{ me { role } }", json!({})).await.text("/me/role"), "ADMIN");
        city.stop().await;
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
