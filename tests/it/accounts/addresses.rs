//! Normalisation of e-mail addresses: one address is one account, however it is written and by whatever locale the database folds letters.

use entity::{customers, sea_orm_active_enums::UserRole, users};
use migration::email::{exactly, key};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, PaginatorTrait};
use serde_json::json;
use tiffin_tests::{Answer, City, Locale, Mailbox, OpenIdProvider, Person, both_databases, global_id, run};

use super::{PASSWORD, me, mutate, sign_in, sign_up};

/// Each address with other ways to write it.
const SPELLINGS: [(&str, &[&str]); 4] = [
    ("Élodie@example.com", &["élodie@example.com", "E\u{301}LODIE@EXAMPLE.COM", " Élodie@example.com "]),
    ("Ian@example.com", &["ian@example.com", "IAN@example.com"]),
    ("Straße@example.com", &["STRASSE@example.com"]),
    ("ann@Bücher.example", &["Ann@xn--bcher-kva.example", "ann@bücher。example"]),
];

async fn id_of(answer: &Answer, session: &str) -> String {
    answer.text(&format!("{session}/user/id")).to_owned()
}

/// Whoever signs up is found by every spelling, for everything that goes by the address.
async fn every_spelling_is_one_account(city: &City, mailbox: &Mailbox, provider: &OpenIdProvider) {
    let anonymous = city.anonymous();
    let restaurant = city.restaurant().create().await;
    let admin = city.admin().await;
    for (number, (email, spellings)) in SPELLINGS.iter().enumerate() {
        let opened = sign_up(&anonymous, email).await;
        let id = id_of(&opened, "/signUp/session").await;
        assert_eq!(opened.text("/signUp/session/user/email"), *email, "it is shown as it was written");
        let verify = mailbox.next_letter_to(email).await.token();
        mutate(&anonymous, "verifyEmail", "user { id }", json!({"token": verify})).await.expect_success();
        for spelling in spellings.iter().chain([email]) {
            let again = sign_in(&anonymous, spelling, PASSWORD).await;
            assert_eq!(id_of(&again, "/signIn/session").await, id, "{spelling}");
            sign_up(&anonymous, spelling).await.expect_error("CONFLICT", "email");
            mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": spelling})).await.expect_success();
            let letter = mailbox.next_letter_to(email).await;
            assert_eq!(letter.link().path(), "/reset-password", "{spelling}");
            let member = json!({"restaurantId": restaurant.id(), "email": spelling});
            let added = mutate(&admin, "addRestaurantMember", "restaurant { members { userId } }", member).await;
            assert_eq!(added.list("/addRestaurantMember/restaurant/members").len(), number + 1, "{spelling}");
        }
        let subject = format!("person-{number}");
        provider.person(&subject, json!({"email": spellings[0].trim(), "email_verified": true})).await;
        assert_eq!(signed_in_with(provider, &anonymous, &subject).await, id);
        mailbox.next_letter_to(email).await;
        city.run_command(&["admin", "--email", spellings[0]]).await.expect_success();
    }
    // The admin of the test besides; and nobody was made twice.
    let everybody = users::Entity::find().all(city.db()).await.unwrap();
    assert_eq!(everybody.iter().filter(|user| user.role == UserRole::Admin).count(), everybody.len());
    assert_eq!(everybody.len(), SPELLINGS.len() + 1);
}

/// Whom the provider's person is here, after all of a sign-in.
async fn signed_in_with(provider: &OpenIdProvider, browser: &Person, subject: &str) -> String {
    let start = "mutation($url: String!) { startOpenIdSignIn(input: {redirectUrl: $url}) { authorizationUrl secret } }";
    let started = browser.query(start, json!({"url": OpenIdProvider::REDIRECT_URL})).await;
    let returned = provider.sign_in(started.text("/startOpenIdSignIn/authorizationUrl"), subject).await;
    let secret = started.text("/startOpenIdSignIn/secret");
    let input = json!({"secret": secret, "state": returned.state, "code": returned.code});
    let selection = "session { user { id } }";
    let answer = mutate(browser, "completeOpenIdSignIn", selection, input).await;
    answer.text("/completeOpenIdSignIn/session/user/id").to_owned()
}

both_databases! {
    async fn an_address_is_one_account_however_it_is_written(database: Database) {
        let (mailbox, provider) = (Mailbox::start().await, OpenIdProvider::start().await);
        let city = City::with_settings(database, &[mailbox.settings(), provider.settings()].concat()).await;
        every_spelling_is_one_account(&city, &mailbox, &provider).await;
    }

    async fn what_nobody_sees_is_no_part_of_an_address(city: &City) {
        let anonymous = city.anonymous();
        for unseen in ["an\u{200b}n@example.com", "ann@exam\u{ad}ple.com", "ann\u{3164}@example.com", "\u{202e}ann@example.com"] {
            let refused = sign_up(&anonymous, unseen).await.expect_error("BAD_USER_INPUT", "email");
            assert!(refused.message.contains("nobody sees"), "{}", refused.message);
            sign_in(&anonymous, unseen, PASSWORD).await.expect_code("UNAUTHENTICATED");
        }
        assert_eq!(users::Entity::find().count(city.db()).await.unwrap(), 0);
    }

    async fn a_customer_record_waits_for_its_owner_however_the_address_is_written(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = City::with_settings(database, &mailbox.settings()).await;
        let anonymous = city.anonymous();
        let waiting = city.customer_without_user("Old Élodie", "ÉLODIE@example.com").await;
        let opened = sign_up(&anonymous, "e\u{301}lodie@example.com").await;
        let token = mailbox.next_letter_to("élodie@example.com").await.token();
        mutate(&anonymous, "verifyEmail", "user { id }", json!({"token": token})).await.expect_success();
        let elodie = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        let found = elodie.query("{ me { customer { id } } }", json!({})).await;
        assert_eq!(found.text("/me/customer/id"), global_id("Customer", waiting.id));
        let admin = city.admin().await;
        let search = "query($search: String) { customers(search: $search) { nodes { id } } }";
        // Accents stay in addresses, and case does not.
        let listed = admin.query(search, json!({"search": "LODIE@Example"})).await;
        assert_eq!(listed.list("/customers/nodes").len(), 1, "{listed}");
    }

    async fn accounts_that_share_an_address_are_told_apart_until_somebody_decides(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = City::with_settings(database, &mailbox.settings()).await;
        let anonymous = city.anonymous();
        // As the migration leaves them.
        let keeper = id_of(&sign_up(&anonymous, "Élodie@example.com").await, "/signUp/session").await;
        let other = sign_up(&anonymous, "other@example.com").await;
        let other_id = id_of(&other, "/signUp/session").await;
        share(&city, "other@example.com", "élodie@example.com").await;
        mailbox.next_letter_to("Élodie@example.com").await;

        // By its very spelling it is signed in to, and by no other; its session goes on.
        me(&anonymous.with_access_token(other.text("/signUp/session/accessToken"))).await.expect_success();
        let signed_in = async |email: &str| id_of(&sign_in(&anonymous, email, PASSWORD).await, "/signIn/session").await;
        assert_eq!(signed_in("élodie@example.com").await, other_id);
        for spelling in ["Élodie@example.com", "ÉLODIE@example.com"] {
            assert_eq!(signed_in(spelling).await, keeper);
        }
        // What is given to the address goes to whoever has it.
        mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": "élodie@example.com"})).await.expect_success();
        assert_eq!(mailbox.next_letter_to("Élodie@example.com").await.link().path(), "/reset-password");
        let restaurant = city.restaurant().create().await;
        let admin = city.admin().await;
        let member = json!({"restaurantId": restaurant.id(), "email": "élodie@example.com"});
        let added = mutate(&admin, "addRestaurantMember", "restaurant { members { userId } }", member).await;
        assert_eq!(added.at("/addRestaurantMember/restaurant/members"), &json!([{"userId": keeper}]));

        let listed = city.run_command(&["accounts", "collisions"]).await.expect_success();
        let lines: Vec<_> = listed.lines().take(2).collect();
        assert!(lines[0].starts_with(&keeper) && lines[0].contains(" Élodie@example.com "), "{listed}");
        assert!(lines[1].starts_with(&other_id) && lines[1].contains("\"élodie@example.com\""), "{listed}");

        // The other one is to have it.
        city.run_command(&["accounts", "keep", &keeper]).await.expect_failure("@@");
        city.run_command(&["accounts", "keep", &other_id]).await.expect_success();
        assert_eq!(signed_in("ÉLODIE@example.com").await, other_id);
        assert_eq!(signed_in("Élodie@example.com").await, keeper);
        // And that one gets another.
        let taken = city.run_command(&["accounts", "set-email", &keeper, "ÉLODIE@example.com"]).await.expect_failure("@@");
        assert!(taken.contains(&other_id), "{taken}");
        city.run_command(&["accounts", "set-email", &keeper, "Elodie.Two@example.com"]).await.expect_success();
        assert_eq!(signed_in("elodie.two@example.com").await, keeper);
        assert_eq!(signed_in("Élodie@example.com").await, other_id);
        let none = city.run_command(&["accounts", "collisions"]).await.expect_success();
        assert!(none.starts_with("No two accounts share"), "{none}");
        let record = admin.query("{ auditEvents(filter: {actions: [USER_EMAIL_SET]}) { nodes { subject actor { id } } } }", json!({})).await;
        assert_eq!(record.list("/auditEvents/nodes").len(), 3, "{record}");
    }
}

/// Gives an account the address of another, as it may have had it before addresses had one form.
async fn share(city: &City, from: &str, to: &str) {
    let everybody = users::Entity::find().all(city.db()).await.unwrap();
    let mut user = everybody.into_iter().find(|user| user.email == from).unwrap().into_active_model();
    user.email = Set(to.to_owned());
    user.normalized_email = Set(exactly(to));
    user.update(city.db()).await.unwrap();
    let customers = customers::Entity::find().all(city.db()).await.unwrap();
    let mut customer = customers.into_iter().find(|customer| customer.email == from).unwrap().into_active_model();
    customer.email = Set(to.to_owned());
    customer.normalized_email = Set(exactly(to));
    customer.update(city.db()).await.unwrap();
    assert_ne!(key(to), exactly(to));
}

/// On a PostgreSQL of this locale, if the server knows it.
async fn in_locale(locale: Locale) {
    let (mailbox, provider) = (Mailbox::start().await, OpenIdProvider::start().await);
    match City::in_locale(locale, &[mailbox.settings(), provider.settings()].concat()).await {
        Some(city) => every_spelling_is_one_account(&city, &mailbox, &provider).await,
        None => println!("not tested: this PostgreSQL knows no locale {locale:?}"),
    }
}

#[test]
fn an_address_is_one_account_in_the_locale_c() {
    run(in_locale(Locale::C));
}

#[test]
fn an_address_is_one_account_in_turkish() {
    run(in_locale(Locale::Turkish));
}
