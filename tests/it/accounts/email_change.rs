//! Change of an account's e-mail address: asked for by its owner, in force when the new address is proved, and told to both.

use chrono::{TimeDelta, Utc};
use entity::{account_tokens, customers, sea_orm_active_enums::AccountTokenPurpose, sessions, users};
use futures_util::future::join;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    sea_query::Expr,
};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, Letter, Mailbox, Person, both_databases};

use super::{PASSWORD, me, mutate, refresh, sign_in, sign_up};

/// People who ask and are written to again and again, from one address.
const PLENTY: [(&str, &str); 2] =
    [("TIFFIN_ACCOUNTS_LETTERS_PER_ACCOUNT", "1000"), ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT", "1000")];

async fn city_with(database: Database, mailbox: &Mailbox, more: &[(&str, &str)]) -> City {
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    City::with_settings(database, &mailbox.settings().into_iter().chain(more).collect::<Vec<_>>()).await
}

/// Ann, signed up and in, with her first letter read.
async fn ann(city: &City, mailbox: &Mailbox) -> Person {
    let opened = sign_up(&city.anonymous(), "ann@example.com").await;
    mailbox.next_letter_to("ann@example.com").await;
    city.anonymous().with_access_token(opened.text("/signUp/session/accessToken"))
}

async fn change(person: &Person, new_email: &str, password: &str) -> Answer {
    let input = json!({"newEmail": new_email, "password": password});
    mutate(person, "changeEmail", "user { email emailVerified } expiresAt", input).await
}

async fn verify(person: &Person, token: &str) -> Answer {
    mutate(person, "verifyEmail", "user { id email emailVerified }", json!({"token": token})).await
}

/// Asks for the change; the token of the letter to the new address.
async fn asked(mailbox: &Mailbox, person: &Person, new_email: &str) -> String {
    change(person, new_email, PASSWORD).await.expect_success();
    mailbox.next_letter_to(new_email).await.token()
}

fn expect_no_link(letter: &Letter) {
    assert!(!letter.text.contains("https://"), "{letter:#?}");
}

async fn acts(person: &Person) -> Vec<Value> {
    let own = person.query("{ auditEvents { nodes { action details subject actor { id } } } }", json!({})).await;
    let acts = own.list("/auditEvents/nodes").iter().rev();
    acts.filter(|act| act["action"].as_str().is_some_and(|action| action.starts_with("EMAIL"))).cloned().collect()
}

both_databases! {
    async fn the_new_address_is_in_force_once_it_is_verified_and_both_are_told(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &[]).await;
        let (anonymous, ann) = (city.anonymous(), ann(&city, &mailbox).await);
        let session = sign_in(&anonymous, "ann@example.com", PASSWORD).await;
        mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": "ann@example.com"})).await.expect_success();
        let reset = mailbox.next_letter_to("ann@example.com").await.token();

        let before = Utc::now();
        let requested = change(&ann, " Ann@New.example", PASSWORD).await;
        let user = json!({"email": "ann@example.com", "emailVerified": false});
        assert_eq!(requested.at("/changeEmail/user"), &user, "nothing is in force yet");
        let expires_at = requested.text("/changeEmail/expiresAt").parse::<chrono::DateTime<Utc>>().expect("a moment");
        assert!(expires_at > before + TimeDelta::hours(47), "{requested}");
        let told = mailbox.next_letter_to("ann@example.com").await;
        assert_eq!(told.subject, "Your e-mail address is to be changed");
        expect_no_link(&told);
        let link = mailbox.next_letter_to("Ann@New.example").await;
        assert_eq!((link.subject.as_str(), link.link().path()), ("Confirm your new e-mail address", "/verify-email"));
        sign_in(&anonymous, "ann@new.example", PASSWORD).await.expect_code("UNAUTHENTICATED");
        let held = ann.query("{ personalData { document } }", json!({})).await;
        assert_eq!(held.at("/personalData/document/emailChange/email"), &json!("Ann@New.example"));

        // The link sets no password, and its holder needs no session.
        let no_reset = json!({"token": link.token(), "newPassword": "quite another password"});
        mutate(&anonymous, "resetPassword", "user { id }", no_reset).await.expect_error("BAD_USER_INPUT", "token");
        let verified = verify(&anonymous, &link.token()).await;
        let user = json!({"email": "Ann@New.example", "emailVerified": true});
        assert_eq!((&verified.at("/verifyEmail/user")["email"], &verified.at("/verifyEmail/user")["emailVerified"]), (&user["email"], &user["emailVerified"]));
        verify(&anonymous, &link.token()).await.expect_error("BAD_USER_INPUT", "token");
        let told = mailbox.next_letter_to("ann@example.com").await;
        assert_eq!(told.subject, "Your e-mail address was changed");
        expect_no_link(&told);
        // Neither tells the other address, which may be an advertisement.
        assert!(!told.text.contains("new.example"), "{told:#?}");

        // One signs in with the new one; who is signed in stays so; and what was sent to the old one is worth nothing.
        sign_in(&anonymous, "ann@example.com", PASSWORD).await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "ANN@new.example", PASSWORD).await.expect_success();
        assert_eq!(me(&ann).await.at("/me/email"), &json!("Ann@New.example"));
        refresh(&anonymous, session.text("/signIn/session/refreshToken")).await.expect_success();
        let stale = json!({"token": reset, "newPassword": "quite another password"});
        mutate(&anonymous, "resetPassword", "user { id }", stale).await.expect_error("BAD_USER_INPUT", "token");
        mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": "ann@example.com"})).await.expect_success();
        mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": "ann@new.example"})).await.expect_success();
        assert_eq!(mailbox.next_letter_to("Ann@New.example").await.subject, "Set a new password");

        // Her record as a customer goes along, admins find her by the new one, and the record says what was done, without addresses.
        let customer = customers::Entity::find().one(city.db()).await.unwrap().expect("there");
        assert_eq!((customer.email.as_str(), customer.normalized_email.as_str()), ("Ann@New.example", "ann@new.example"));
        let search = "query($search: String!) { users(search: $search) { totalCount } }";
        let admin = city.admin().await;
        for (text, found) in [("ann@example.com", 0), ("ann@new", 1)] {
            assert_eq!(admin.query(search, json!({"search": text})).await.at("/users/totalCount"), &json!(found), "{text}");
        }
        let id = verified.text("/verifyEmail/user/id");
        let act = |action: &str| json!({"action": action, "details": null, "subject": id, "actor": {"id": id}});
        assert_eq!(acts(&ann).await, [act("EMAIL_CHANGE_REQUESTED"), act("EMAIL_CHANGED")]);
        let held = ann.query("{ personalData { document } }", json!({})).await;
        assert_eq!(held.at("/personalData/document/emailChange"), &json!(null));
        // The old one is forgotten, and free for somebody else.
        let contents = city.contents().await;
        let holding: Vec<_> = contents.iter().filter(|(_, rows)| rows.iter().any(|row| row.contains("ann@example.com"))).map(|(table, _)| table).collect();
        assert_eq!(holding, Vec::<&String>::new());
        sign_up(&anonymous, "ann@example.com").await.expect_success();
    }

    async fn only_its_owner_asks_for_another_address(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &[("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT", "5")]).await;
        let (anonymous, ann) = (city.anonymous(), ann(&city, &mailbox).await);
        change(&anonymous, "new@example.com", PASSWORD).await.expect_code("UNAUTHENTICATED");
        for email in ["", "new", "new@example.com\u{200b}", "new@example.com, eve@example.com"] {
            change(&ann, email, PASSWORD).await.expect_error("BAD_USER_INPUT", "newEmail");
        }
        let refused = change(&ann, "new@example.com", "wrong password").await;
        refused.expect_error("BAD_USER_INPUT", "password");
        assert_eq!(refused.partial("/changeEmail"), &json!(null), "a new root field fails by itself");
        mutate(&ann, "changeEmail", "expiresAt", json!({"newEmail": "new@example.com"})).await.expect_error("BAD_USER_INPUT", "password");
        change(&ann, "ann@example.com", PASSWORD).await.expect_error("BAD_USER_INPUT", "newEmail");
        for _ in 0..2 {
            change(&ann, "new@example.com", "wrong password").await.expect_error("BAD_USER_INPUT", "password");
        }
        // The right one too, or it would tell which one it is.
        change(&ann, "new@example.com", PASSWORD).await.expect_code("RATE_LIMITED");
        assert_eq!(account_tokens::Entity::find().filter(account_tokens::Column::Purpose.eq(AccountTokenPurpose::ChangeEmail)).count(city.db()).await.unwrap(), 0);
        // Nothing was sent: the next letter is of something else.
        mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": "ann@example.com"})).await.expect_success();
        assert_eq!(mailbox.next_letter_to("ann@example.com").await.subject, "Set a new password");
    }

    async fn whether_an_address_has_an_account_only_its_reader_learns(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let (anonymous, ann) = (city.anonymous(), ann(&city, &mailbox).await);
        sign_up(&anonymous, "Ben@example.com").await.expect_success();
        mailbox.next_letter_to("Ben@example.com").await;

        let asking = async |email: &str| {
            let (answer, statements) = city.server().statements_during(change(&ann, email, PASSWORD)).await;
            (answer.at("/changeEmail/user").clone(), statements.count())
        };
        let free = asking("nobody@example.com").await;
        assert_eq!(asking("ben@EXAMPLE.com").await, free, "the same answer, for the same work");
        let letter = mailbox.next_letter_to("ben@EXAMPLE.com").await;
        assert_eq!(letter.subject, "This e-mail address has an account");
        expect_no_link(&letter);
        // So the newest change is one that nobody can complete.
        let token = mailbox.next_letter_to("nobody@example.com").await.token();
        verify(&anonymous, &token).await.expect_error("BAD_USER_INPUT", "token");
        assert_eq!(me(&ann).await.at("/me/email"), &json!("ann@example.com"));

        // Who takes the address before the link is followed has it.
        let token = asked(&mailbox, &ann, "new@example.com").await;
        sign_up(&anonymous, "NEW@example.com").await.expect_success();
        verify(&anonymous, &token).await.expect_error("CONFLICT", "token");
        assert_eq!(me(&ann).await.at("/me/email"), &json!("ann@example.com"));
        sign_in(&anonymous, "new@example.com", PASSWORD).await.expect_success();
    }

    async fn of_two_who_prove_at_once_that_an_address_is_theirs_one_has_it(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let (anonymous, ann) = (city.anonymous(), ann(&city, &mailbox).await);
        let opened = sign_up(&anonymous, "ben@example.com").await;
        let ben = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        let anns = asked(&mailbox, &ann, "new@example.com").await;
        let bens = asked(&mailbox, &ben, "new@example.com").await;
        let (first, second) = join(verify(&anonymous, &anns), verify(&anonymous, &bens)).await;
        let codes: Vec<_> = [&first, &second].iter().flat_map(|answer| answer.problems()).map(|problem| problem.code).collect();
        assert_eq!(codes, ["CONFLICT"], "{first} {second}");
        assert_eq!(users::Entity::find().filter(users::Column::NormalizedEmail.eq("new@example.com")).count(city.db()).await.unwrap(), 1);
    }

    async fn the_newest_change_counts_and_a_new_password_ends_it(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let (anonymous, ann) = (city.anonymous(), ann(&city, &mailbox).await);
        let first = asked(&mailbox, &ann, "one@example.com").await;
        let second = asked(&mailbox, &ann, "two@example.com").await;
        verify(&anonymous, &first).await.expect_error("BAD_USER_INPUT", "token");
        // Another spelling is a change as well.
        assert_eq!(verify(&anonymous, &second).await.at("/verifyEmail/user/email"), &json!("two@example.com"));
        let token = asked(&mailbox, &ann, "Two@Example.com").await;
        assert_eq!(verify(&anonymous, &token).await.at("/verifyEmail/user/email"), &json!("Two@Example.com"));

        // Two at once leave one.
        let (one, two) = join(change(&ann, "three@example.com", PASSWORD), change(&ann, "four@example.com", PASSWORD)).await;
        one.expect_success();
        two.expect_success();
        let waiting = account_tokens::Entity::find().filter(account_tokens::Column::UsedAt.is_null());
        let waiting = waiting.filter(account_tokens::Column::Purpose.eq(AccountTokenPurpose::ChangeEmail));
        let waiting = waiting.all(city.db()).await.expect("tokens can be read");
        let [newest] = &waiting[..] else { panic!("one is left: {waiting:?}") };
        // That of the other is worth nothing, or is not sent at all.
        let token = mailbox.next_letter_to(&newest.email).await.token();
        assert_eq!(verify(&anonymous, &token).await.at("/verifyEmail/user/email"), &json!(newest.email));

        let token = asked(&mailbox, &ann, "five@example.com").await;
        let new = json!({"currentPassword": PASSWORD, "newPassword": "quite another password"});
        mutate(&ann, "changePassword", "user { id }", new).await.expect_success();
        verify(&anonymous, &token).await.expect_error("BAD_USER_INPUT", "token");
        // So whoever reads the mail of the present address stops a change that somebody else asked for.
        change(&ann, "six@example.com", "quite another password").await.expect_success();
        let token = mailbox.next_letter_to("six@example.com").await.token();
        let present = me(&ann).await.text("/me/email").to_owned();
        mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": present})).await.expect_success();
        let reset = loop {
            let letter = mailbox.next_letter_to(&present).await;
            if letter.subject == "Set a new password" {
                break letter.token();
            }
        };
        mutate(&anonymous, "resetPassword", "user { id }", json!({"token": reset, "newPassword": PASSWORD})).await.expect_success();
        verify(&anonymous, &token).await.expect_error("BAD_USER_INPUT", "token");
        assert_eq!(sign_in(&anonymous, &present, PASSWORD).await.at("/signIn/session/user/email"), &json!(present));
    }

    async fn who_ends_all_sessions_or_gets_another_role_has_no_change_waiting(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let (anonymous, admin, first) = (city.anonymous(), city.admin().await, ann(&city, &mailbox).await);
        let token = asked(&mailbox, &first, "one@example.com").await;
        mutate(&first, "revokeAllSessions", "revoked", json!({"exceptCurrent": true})).await.expect_success();
        verify(&anonymous, &token).await.expect_error("BAD_USER_INPUT", "token");

        let token = asked(&mailbox, &first, "two@example.com").await;
        let id = first.query("{ me { id } }", json!({})).await.text("/me/id").to_owned();
        mutate(&admin, "setUserRole", "user { role }", json!({"userId": id, "role": "MERCHANT"})).await.expect_success();
        verify(&anonymous, &token).await.expect_error("BAD_USER_INPUT", "token");
        assert_eq!(me(&first).await.at("/me/email"), &json!("ann@example.com"));
    }

    async fn a_change_expires_and_is_nothing_for_a_closed_account(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let (anonymous, ann) = (city.anonymous(), ann(&city, &mailbox).await);
        let token = asked(&mailbox, &ann, "new@example.com").await;
        let past = (Utc::now() - TimeDelta::minutes(1)).fixed_offset();
        let expire = account_tokens::Entity::update_many().col_expr(account_tokens::Column::ExpiresAt, Expr::val(past));
        expire.exec(city.db()).await.unwrap();
        verify(&anonymous, &token).await.expect_error("BAD_USER_INPUT", "token");

        let token = asked(&mailbox, &ann, "new@example.com").await;
        mutate(&ann, "deleteAccount", "deletedUserId", json!({"password": PASSWORD})).await.expect_success();
        verify(&anonymous, &token).await.expect_error("BAD_USER_INPUT", "token");
        let contents = city.contents().await;
        assert!(!contents.iter().any(|(_, rows)| rows.iter().any(|row| row.contains("new@example.com"))), "forgotten with it");
    }

    async fn letters_of_changes_are_asked_for_a_few_times_only(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &[("TIFFIN_ACCOUNTS_LETTERS_PER_ACCOUNT", "2")]).await;
        let ann = ann(&city, &mailbox).await;
        for email in ["one@example.com", "two@example.com"] {
            change(&ann, email, PASSWORD).await.expect_success();
        }
        // The present address has had its share, whatever the new ones are.
        change(&ann, "three@example.com", PASSWORD).await.expect_code("RATE_LIMITED");
        // The link by which its owner gets back in, and stops a change, is not part of it; nor is that of whoever has a new address.
        for email in ["ann@example.com", "one@example.com"] {
            mutate(&city.anonymous(), "requestPasswordReset", "accepted", json!({"email": email})).await.expect_success();
        }
        // And a new one has its own.
        let opened = sign_up(&city.anonymous(), "ben@example.com").await;
        let ben = city.anonymous().with_access_token(opened.text("/signUp/session/accessToken"));
        change(&ben, "one@example.com", PASSWORD).await.expect_success();
        let opened = sign_up(&city.anonymous(), "eve@example.com").await;
        let eve = city.anonymous().with_access_token(opened.text("/signUp/session/accessToken"));
        change(&eve, "one@example.com", PASSWORD).await.expect_code("RATE_LIMITED");
    }

    async fn whoever_works_keeps_its_work_under_the_new_address(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let restaurant = city.restaurant().create().await;
        let people = [city.merchant_of(&restaurant).await, city.driver("Duy").await, city.admin().await];
        let hash = {
            sign_up(&city.anonymous(), "ann@example.com").await.expect_success();
            let ann = users::Entity::find().filter(users::Column::NormalizedEmail.eq("ann@example.com")).one(city.db()).await;
            ann.unwrap().expect("there").password_hash
        };
        let held = "{ me { role isActive restaurants { id } driver { id phone } } }";
        for person in people {
            let mut row = person.user().clone().into_active_model();
            row.password_hash = Set(hash.clone());
            row.update(city.db()).await.unwrap();
            let before = person.query(held, json!({})).await.clone().expect_success();
            let new = format!("new-{}", person.user().email);
            let token = asked(&mailbox, &person, &new).await;
            verify(&city.anonymous(), &token).await.expect_success();
            assert_eq!(person.query(held, json!({})).await.body, before.body);
            sign_in(&city.anonymous(), &new, PASSWORD).await.expect_success();
        }
    }

    async fn the_customer_record_of_the_new_address_is_taken_over_where_there_is_none(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let anonymous = city.anonymous();
        // With a phone number an account has a record from the start.
        let ann = ann(&city, &mailbox).await;
        city.customer_without_user("Old Ann", "New@example.com").await;
        let before = city.contents().await;
        let token = asked(&mailbox, &ann, "new@example.com").await;
        verify(&anonymous, &token).await.expect_error("CONFLICT", "token");
        let after = city.contents().await;
        for table in ["users", "customers"] {
            assert_eq!(after[table], before[table], "nothing is lost");
        }

        let without_record = json!({"email": "ben@example.com", "password": PASSWORD, "name": "Ben"});
        let opened = mutate(&anonymous, "signUp", "session { accessToken }", without_record).await;
        let ben = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        let waiting = city.customer_without_user("Old Ben", "ben@new.example").await;
        let token = asked(&mailbox, &ben, "ben@new.example").await;
        verify(&anonymous, &token).await.expect_success();
        assert_eq!(me_as_customer(&ben).await, tiffin_tests::global_id("Customer", waiting.id));
    }

    async fn without_a_password_a_fresh_session_asks(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        // As whoever signs in with a provider only.
        let ann = city.customer("Ann").await;
        let token = asked(&mailbox, &ann, "new@example.com").await;
        let long_ago = (Utc::now() - TimeDelta::minutes(11)).fixed_offset();
        let age = sessions::Entity::update_many().col_expr(sessions::Column::CreatedAt, Expr::val(long_ago));
        age.filter(sessions::Column::UserId.eq(ann.user().id)).exec(city.db()).await.unwrap();
        let refused = change(&ann, "other@example.com", "").await;
        refused.expect_code("FORBIDDEN");
        assert_eq!(refused.body["errors"][0]["extensions"]["reason"], "SIGN_IN_AGAIN");
        verify(&city.anonymous(), &token).await.expect_success();
    }

    async fn the_demos_people_keep_their_addresses(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox, &PLENTY).await;
        let ann = city.customer("Ann").await;
        let mut row = ann.user().clone().into_active_model();
        row.email = Set("customer@demo.tiffin.example".to_owned());
        row.normalized_email = Set("customer@demo.tiffin.example".to_owned());
        row.update(city.db()).await.unwrap();
        change(&ann, "ann@example.com", "").await.expect_code("FORBIDDEN");
    }
}

async fn me_as_customer(person: &Person) -> String {
    person.query("{ me { customer { id } } }", json!({})).await.text("/me/customer/id").to_owned()
}
