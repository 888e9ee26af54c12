//! OpenID Connect sign-in, with a real provider.

use std::io::ErrorKind;

use entity::{identities, open_id_sign_ins, users};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, PaginatorTrait, sea_query::Expr};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, Mailbox, OpenIdProvider, Person, Returned, both_databases, run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const REDIRECT_URL: &str = OpenIdProvider::REDIRECT_URL;

/// A city that signs people in with this provider.
async fn city_with(database: Database, provider: &OpenIdProvider) -> City {
    City::with_settings(database, &provider.settings()).await
}

/// What the browser keeps of a sign-in that it has started.
struct Started {
    authorization_url: String,
    secret: String,
}

impl Started {
    /// A further parameter, or another value of one that is there.
    fn with(&self, name: &str, value: &str) -> String {
        let mut url: reqwest::Url = self.authorization_url.parse().unwrap();
        let others: Vec<_> = url.query_pairs().into_owned().filter(|(other, _)| other != name).collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
        url.into()
    }
}

async fn try_to_start(browser: &Person, redirect_url: &str) -> Answer {
    let document = "mutation($input: StartOpenIdSignInInput!) { \
         startOpenIdSignIn(input: $input) { authorizationUrl secret } }";
    browser.query(document, json!({"input": {"redirectUrl": redirect_url}})).await
}

async fn start(browser: &Person) -> Started {
    let answer = try_to_start(browser, REDIRECT_URL).await;
    Started {
        authorization_url: answer.text("/startOpenIdSignIn/authorizationUrl").to_owned(),
        secret: answer.text("/startOpenIdSignIn/secret").to_owned(),
    }
}

async fn complete(browser: &Person, secret: &str, Returned { state, code }: &Returned) -> Answer {
    let document = "mutation($input: CompleteOpenIdSignInInput!) { completeOpenIdSignIn(input: $input) { \
         session { refreshToken user { id email name role emailVerified } } } }";
    browser.query(document, json!({"input": {"secret": secret, "state": state, "code": code}})).await
}

/// All of it, as somebody with this subject.
async fn sign_in(browser: &Person, provider: &OpenIdProvider, subject: &str) -> Answer {
    let started = start(browser).await;
    let returned = provider.sign_in(&started.authorization_url, subject).await;
    complete(browser, &started.secret, &returned).await
}

fn ann() -> Value {
    json!({"email": "ann@example.com", "email_verified": true, "name": "Ann"})
}

fn user_of(answer: &Answer) -> &Value {
    answer.at("/completeOpenIdSignIn/session/user")
}

async fn sign_up(browser: &Person, email: &str) -> Answer {
    let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { refreshToken user { id } } } }";
    browser.query(document, json!({"input": {"email": email, "password": "correct horse", "name": "Eve"}})).await
}

async fn sign_in_with_password(browser: &Person, email: &str) -> Answer {
    let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { user { id } } } }";
    browser.query(document, json!({"input": {"email": email, "password": "correct horse"}})).await
}

async fn refresh(browser: &Person, token: &str) -> Answer {
    let document =
        "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { session { refreshToken } } }";
    browser.query(document, json!({"token": token})).await
}

both_databases! {
    async fn a_new_person_gets_an_account_and_the_same_one_again_when_their_address_has_changed(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        let browser = city.anonymous();
        let answer = browser.query("{ signInProviders { name } }", json!({})).await;
        assert_eq!(answer.at("/signInProviders"), &json!([{"name": "Example"}]));

        provider.person("1", ann()).await;
        let first = sign_in(&browser, &provider, "1").await;
        let id = first.text("/completeOpenIdSignIn/session/user/id").to_owned();
        let expected = json!({
            "id": id, "email": "ann@example.com", "name": "Ann", "role": "CUSTOMER", "emailVerified": true,
        });
        assert_eq!(user_of(&first), &expected);
        refresh(&browser, first.text("/completeOpenIdSignIn/session/refreshToken")).await.expect_success();

        // Whatever the provider says of the address now: it is the same person.
        provider.person("1", json!({"email": "new@example.com", "email_verified": false})).await;
        assert_eq!(user_of(&sign_in(&browser, &provider, "1").await), &expected);
        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 1);
    }

    async fn claims_may_come_in_the_token(database: Database) {
        let provider = OpenIdProvider::start_with_claims_in_token().await;
        let city = city_with(database, &provider).await;
        provider.person("1", ann()).await;
        let answer = sign_in(&city.anonymous(), &provider, "1").await;
        assert_eq!(user_of(&answer)["email"], "ann@example.com");
    }

    async fn whoever_has_verified_the_address_keeps_the_account_and_is_told(database: Database) {
        let (provider, mailbox) = (OpenIdProvider::start().await, Mailbox::start().await);
        let city = City::with_settings(database, &[provider.settings(), mailbox.settings()].concat()).await;
        let browser = city.anonymous();
        let session = sign_up(&browser, "Ann@Example.com").await;
        let token = mailbox.next_letter_to("Ann@Example.com").await.token();
        let document = "mutation($token: String!) { verifyEmail(input: {token: $token}) { user { id } } }";
        browser.query(document, json!({"token": token})).await.expect_success();

        provider.person("1", ann()).await;
        let answer = sign_in(&browser, &provider, "1").await;
        assert_eq!(user_of(&answer)["id"], *session.at("/signUp/session/user/id"));
        let letter = mailbox.next_letter_to("Ann@Example.com").await;
        assert!(letter.subject.contains("new way to sign in") && letter.text.contains("with Example"), "{letter:#?}");
        // What was theirs before is still theirs.
        sign_in_with_password(&browser, "ann@example.com").await.expect_success();
        refresh(&browser, session.text("/signUp/session/refreshToken")).await.expect_success();
    }

    async fn whoever_took_the_address_without_verifying_it_loses_the_account_to_its_owner(database: Database) {
        let (provider, mailbox) = (OpenIdProvider::start().await, Mailbox::start().await);
        let city = City::with_settings(database, &[provider.settings(), mailbox.settings()].concat()).await;
        let (eve, owner) = (city.anonymous(), city.anonymous());
        let session = sign_up(&eve, "ann@example.com").await;
        let token = mailbox.next_letter_to("ann@example.com").await.token();
        sign_in_with_password(&eve, "ann@example.com").await.expect_success();

        provider.person("1", ann()).await;
        let answer = sign_in(&owner, &provider, "1").await;
        assert_eq!(user_of(&answer)["id"], *session.at("/signUp/session/user/id"));
        assert_eq!(user_of(&answer)["emailVerified"], true);

        refresh(&eve, session.text("/signUp/session/refreshToken")).await.expect_code("UNAUTHENTICATED");
        sign_in_with_password(&eve, "ann@example.com").await.expect_code("UNAUTHENTICATED");
        let document = "mutation($token: String!) { verifyEmail(input: {token: $token}) { user { id } } }";
        eve.query(document, json!({"token": token})).await.expect_error("BAD_USER_INPUT", "token");
        refresh(&owner, answer.text("/completeOpenIdSignIn/session/refreshToken")).await.expect_success();
    }

    async fn an_address_that_the_provider_has_not_verified_gets_nobody_in(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        let browser = city.anonymous();
        for claims in [
            json!({"email": "ann@example.com", "email_verified": false}),
            json!({"email": "ann@example.com"}),
            json!({"name": "Ann"}),
            json!({"email": "ann", "email_verified": true}),
        ] {
            provider.person("1", claims.clone()).await;
            let problem = sign_in(&browser, &provider, "1").await.expect_code("FORBIDDEN");
            assert!(problem.message.contains("verify it there"), "{claims}: {}", problem.message);
        }
        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 0);
    }

    async fn an_account_is_linked_to_one_person_of_the_provider(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        let browser = city.anonymous();
        provider.person("1", ann()).await;
        sign_in(&browser, &provider, "1").await.expect_success();
        provider.person("2", ann()).await;
        sign_in(&browser, &provider, "2").await.expect_code("CONFLICT");
        assert_eq!(identities::Entity::find().count(city.db()).await.unwrap(), 1);
    }

    async fn two_first_sign_ins_at_once_are_one_person(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        provider.person("1", ann()).await;
        let another_server = city.elsewhere().await;
        let (one, other) = (city.anonymous(), city.anonymous().at(&another_server));
        let (first, second) = (start(&one).await, start(&other).await);
        let first_back = provider.sign_in(&first.authorization_url, "1").await;
        let second_back = provider.sign_in(&second.authorization_url, "1").await;
        let (first, second) = tokio::join!(
            complete(&one, &first.secret, &first_back),
            complete(&other, &second.secret, &second_back),
        );
        assert_eq!(user_of(&first), user_of(&second));
    }

    async fn somebody_who_is_not_active_stays_outside(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        let browser = city.anonymous();
        provider.person("1", ann()).await;
        sign_in(&browser, &provider, "1").await.expect_success();
        deactivate(&city, "ann@example.com").await;
        sign_in(&browser, &provider, "1").await.expect_code("FORBIDDEN");

        provider.person("2", json!({"email": "eve@example.com", "email_verified": true})).await;
        sign_up(&browser, "eve@example.com").await.expect_success();
        deactivate(&city, "eve@example.com").await;
        sign_in(&browser, &provider, "2").await.expect_code("FORBIDDEN");
    }

    async fn a_sign_in_is_completed_once_in_time_by_the_browser_that_started_it(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        // Any process completes it.
        let another_server = city.elsewhere().await;
        let (browser, elsewhere) = (city.anonymous(), city.anonymous().at(&another_server));
        provider.person("1", ann()).await;

        let (started, other) = (start(&browser).await, start(&browser).await);
        let returned = provider.sign_in(&started.authorization_url, "1").await;
        let unknown = Returned { state: "unknown".to_owned(), ..returned.clone() };
        complete(&browser, &started.secret, &unknown).await.expect_error("BAD_USER_INPUT", "state");
        // Somebody who is made to open the address that another came back to has another secret, or none.
        complete(&browser, &other.secret, &returned).await.expect_error("BAD_USER_INPUT", "state");
        complete(&browser, "", &returned).await.expect_error("BAD_USER_INPUT", "state");
        complete(&elsewhere, &started.secret, &returned).await.expect_success();
        complete(&browser, &started.secret, &returned).await.expect_error("BAD_USER_INPUT", "state");

        let started = start(&browser).await;
        let returned = provider.sign_in(&started.authorization_url, "1").await;
        let past = chrono::DateTime::UNIX_EPOCH;
        let expired = open_id_sign_ins::Entity::update_many()
            .col_expr(open_id_sign_ins::Column::ExpiresAt, Expr::val(past));
        expired.exec(city.db()).await.unwrap();
        complete(&browser, &started.secret, &returned).await.expect_error("BAD_USER_INPUT", "state");
    }

    async fn what_belongs_to_another_sign_in_is_not_taken(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        let browser = city.anonymous();
        provider.person("1", ann()).await;

        let started = start(&browser).await;
        let made_up = Returned {
            code: "made-up".to_owned(),
            ..provider.sign_in(&started.authorization_url, "1").await
        };
        complete(&browser, &started.secret, &made_up).await.expect_error("BAD_USER_INPUT", "code");

        // A code that the provider gave for another sign-in: PKCE tells.
        let (started, other) = (start(&browser).await, start(&browser).await);
        let returned = provider.sign_in(&started.authorization_url, "1").await;
        let injected = Returned { code: provider.sign_in(&other.authorization_url, "1").await.code, ..returned };
        complete(&browser, &started.secret, &injected).await.expect_error("BAD_USER_INPUT", "code");

        // A token that the provider made for another sign-in: the nonce tells.
        let started = start(&browser).await;
        let returned = provider.sign_in(&started.with("nonce", "another"), "1").await;
        complete(&browser, &started.secret, &returned).await.expect_code("UNAUTHENTICATED");

        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 0);
        let log = city.server().log();
        assert!(!log.contains(&returned.code) && !log.contains("hunter2"), "the log tells nothing secret");
    }

    async fn new_keys_of_the_provider_are_taken_up(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        let browser = city.anonymous();
        provider.person("1", ann()).await;
        sign_in(&browser, &provider, "1").await.expect_success();
        provider.change_keys().await;
        sign_in(&browser, &provider, "1").await.expect_success();
    }

    async fn nobody_makes_an_account_where_the_operator_does(database: Database) {
        let provider = OpenIdProvider::start().await;
        let closed = [("TIFFIN_ACCOUNTS_SIGN_UP".to_owned(), "false".to_owned())];
        let city = City::with_settings(database, &[provider.settings(), closed.to_vec()].concat()).await;
        provider.person("1", ann()).await;
        sign_in(&city.anonymous(), &provider, "1").await.expect_code("FORBIDDEN");
    }

    async fn whoever_signs_in_by_a_provider_sees_what_is_theirs_in_the_same_answer(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        provider.person("1", ann()).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let user = "user { id email customer { email addresses { line1 } orders { totalCount nodes { id totalAmount } } } }";
        let document = format!(
            "mutation($input: CompleteOpenIdSignInInput!) {{ completeOpenIdSignIn(input: $input) {{ session {{ accessToken {user} }} }} }}"
        );
        let signed_in = async |asks: &Person| {
            let started = start(asks).await;
            let Returned { state, code } = provider.sign_in(&started.authorization_url, "1").await;
            let input = json!({"secret": started.secret, "state": state, "code": code});
            asks.query(&document, json!({"input": input})).await.expect_success()
        };
        let anonymous = city.anonymous();
        let first = signed_in(&anonymous).await;
        let ann = anonymous.with_access_token(first.text("/completeOpenIdSignIn/session/accessToken"));
        ann.place_order(&restaurant.basket(&[(0, 2)])).await.expect_success();
        let own = ann.query("{ me { id email customer { email addresses { line1 } orders { totalCount nodes { id totalAmount } } } } }", json!({})).await;
        assert_eq!(own.at("/me/customer/orders/totalCount"), &json!(1));
        // Whoever else asks.
        for asks in [&anonymous, &city.customer("Ben").await, &ann.with_access_token("nobody")] {
            let answer = signed_in(asks).await;
            assert_eq!(user_of(&answer), own.at("/me"));
        }
    }

    async fn who_somebody_is_at_the_provider_is_personal_and_goes_with_the_account(database: Database) {
        let provider = OpenIdProvider::start().await;
        let city = city_with(database, &provider).await;
        provider.person("1", ann()).await;
        let document = "mutation($input: CompleteOpenIdSignInInput!) { \
             completeOpenIdSignIn(input: $input) { session { accessToken } } }";
        let browser = city.anonymous();
        let started = start(&browser).await;
        let Returned { state, code } = provider.sign_in(&started.authorization_url, "1").await;
        let input = json!({"secret": started.secret, "state": state, "code": code});
        let answer = browser.query(document, json!({"input": input})).await;
        let ann = browser.with_access_token(answer.text("/completeOpenIdSignIn/session/accessToken"));
        let data = ann.query("{ personalData { document } }", json!({})).await;
        let identity = data.at("/personalData/document/identities/0");
        assert_eq!((&identity["issuer"], &identity["subject"]), (&json!(provider.issuer()), &json!("1")));

        ann.query("mutation { deleteAccount(input: {}) { deletedUserId } }", json!({})).await.expect_success();
        assert_eq!(identities::Entity::find().count(city.db()).await.unwrap(), 0);
        // The same person, and somebody new.
        sign_in(&browser, &provider, "1").await.expect_success();
        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 2);
    }
}

async fn deactivate(city: &City, email: &str) {
    let all = users::Entity::find().all(city.db()).await.unwrap();
    let mut user = all.into_iter().find(|user| user.email == email).unwrap().into_active_model();
    user.is_active = Set(false);
    user.update(city.db()).await.unwrap();
}

#[test]
fn a_page_that_is_not_configured_is_refused() {
    run(async {
        let provider = OpenIdProvider::start().await;
        let city = city_with(Database::Sqlite, &provider).await;
        let browser = city.anonymous();
        for foreign in [
            "https://evil.example/signed-in",
            "https://app.example/signed-in/",
            "https://app.example/signed-in?a=b",
            "",
        ] {
            try_to_start(&browser, foreign).await.expect_error("BAD_USER_INPUT", "redirectUrl");
        }
        assert_eq!(open_id_sign_ins::Entity::find().count(city.db()).await.unwrap(), 0);
    });
}

#[test]
fn without_a_provider_there_is_none() {
    run(async {
        let city = City::new(Database::Sqlite).await;
        let browser = city.anonymous();
        let answer = browser.query("{ signInProviders { name } }", json!({})).await;
        assert_eq!(answer.at("/signInProviders"), &json!([]));
        try_to_start(&browser, REDIRECT_URL).await.expect_code("FORBIDDEN");
        let returned = Returned { state: String::new(), code: String::new() };
        complete(&browser, "", &returned).await.expect_code("FORBIDDEN");
    });
}

#[test]
fn a_provider_that_is_away_or_knows_another_secret_is_unavailable() {
    run(async {
        let provider = OpenIdProvider::start().await;
        let mut settings = provider.settings();
        settings.push(("TIFFIN_OPENID_CLIENT_SECRET".to_owned(), "another-secret".to_owned()));
        let city = City::with_settings(Database::Postgres, &settings).await;
        let browser = city.anonymous();
        provider.person("1", ann()).await;
        let problem = sign_in(&browser, &provider, "1").await.expect_code("UNAVAILABLE");
        assert!(problem.message.contains("Example"), "{}", problem.message);
        let log = city.server().log();
        assert!(
            log.contains("invalid_client") && !log.contains("another-secret"),
            "the log tells why, and nothing secret"
        );

        let started = start(&browser).await;
        let returned = provider.sign_in(&started.authorization_url, "1").await;
        let another_server = city.elsewhere().await;
        let fresh = city.anonymous().at(&another_server);
        drop(provider);
        complete(&browser, &started.secret, &returned).await.expect_code("UNAVAILABLE");
        try_to_start(&fresh, REDIRECT_URL).await.expect_code("UNAVAILABLE");
    });
}

#[test]
fn a_provider_that_says_nothing_is_unavailable_in_time() {
    run(async {
        // Connections to it are made, and nobody answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let city = city_of(&silent, "1").await;
        try_to_start(&city.anonymous(), REDIRECT_URL).await.expect_code("UNAVAILABLE");
    });
}

#[test]
fn nobody_else_is_contacted_whatever_the_provider_answers() {
    run(async {
        let inside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        inside.set_nonblocking(true).unwrap();
        let redirecting = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let city = city_of(&redirecting, "30").await;
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            inside.local_addr().unwrap()
        );
        let browser = city.anonymous();
        let answering = async {
            let (mut connection, _) = redirecting.accept().await.unwrap();
            let mut asked = [0; 4096];
            assert!(connection.read(&mut asked).await.unwrap() > 0, "the server asks");
            connection.write_all(answer.as_bytes()).await.unwrap();
        };
        let (answer, ()) = tokio::join!(try_to_start(&browser, REDIRECT_URL), answering);
        answer.expect_code("UNAVAILABLE");
        let contacted = inside.accept();
        assert!(contacted.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "a redirect is not followed");
    });
}

/// A city whose provider is whatever listens there, and may take so long.
async fn city_of(provider: &TcpListener, timeout_seconds: &str) -> City {
    let issuer = format!("http://{}", provider.local_addr().unwrap());
    let settings = [
        ("TIFFIN_OPENID_ISSUER", issuer.as_str()),
        ("TIFFIN_OPENID_CLIENT_ID", "tiffin"),
        ("TIFFIN_OPENID_REDIRECT_URLS", REDIRECT_URL),
        ("TIFFIN_OPENID_TIMEOUT_SECONDS", timeout_seconds),
        ("TIFFIN_LIMITS_OPERATION_TIMEOUT_SECONDS", "60"),
    ];
    City::with_settings(Database::Sqlite, &settings).await
}
