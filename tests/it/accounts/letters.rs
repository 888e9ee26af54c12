//! One-time tokens by mail: they verify an address, set a password, and accept an invitation.

use serde_json::json;
use tiffin_tests::{City, Database, Mailbox, both_databases};

use super::{PASSWORD, me, mutate, sign_in, sign_up};

async fn city_with(database: Database, mailbox: &Mailbox) -> City {
    City::with_settings(database, &mailbox.settings()).await
}

both_databases! {
    async fn an_address_is_verified_by_the_link_once(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox).await;
        let anonymous = city.anonymous();
        sign_up(&anonymous, "ann@example.com").await.expect_success();
        let token = mailbox.next_letter_to("ann@example.com").await.token();
        let verify = async |token: &str| mutate(&anonymous, "verifyEmail", "user { emailVerified }", json!({"token": token})).await;

        // A link is good for what it was sent for only.
        let reset = json!({"token": token, "newPassword": "quite another password"});
        mutate(&anonymous, "resetPassword", "user { id }", reset).await.expect_error("BAD_USER_INPUT", "token");
        assert_eq!(verify(&token).await.at("/verifyEmail/user/emailVerified"), &json!(true));
        let used = verify(&token).await;
        used.expect_error("BAD_USER_INPUT", "token");
        assert_eq!(verify("nonsense").await.body, used.body);

        // Nobody who is verified already is written to again; the next letter is of something else.
        let ask = json!({"email": "ann@example.com"});
        mutate(&anonymous, "requestEmailVerification", "accepted", ask.clone()).await.expect_success();
        mutate(&anonymous, "requestPasswordReset", "accepted", ask).await.expect_success();
        assert_eq!(mailbox.next_letter_to("ann@example.com").await.link().path(), "/reset-password");
    }

    async fn a_password_is_reset_by_whoever_reads_the_mail(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox).await;
        let anonymous = city.anonymous();
        let opened = sign_up(&anonymous, "ann@example.com").await;
        let ann = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        mailbox.next_letter_to("ann@example.com").await;
        let ask = json!({"email": "ANN@example.com"});
        mutate(&anonymous, "requestPasswordReset", "accepted", ask.clone()).await.expect_success();
        let older = mailbox.next_letter_to("ann@example.com").await.token();
        mutate(&anonymous, "requestPasswordReset", "accepted", ask).await.expect_success();
        let newer = mailbox.next_letter_to("ann@example.com").await.token();

        let new = "quite another password";
        let reset = async |token: &str, password: &str| {
            let input = json!({"token": token, "newPassword": password});
            mutate(&anonymous, "resetPassword", "user { emailVerified }", input).await
        };
        reset(&newer, "short").await.expect_error("BAD_USER_INPUT", "newPassword");
        assert_eq!(reset(&newer, new).await.at("/resetPassword/user/emailVerified"), &json!(true));
        // Every other link that was sent before is worth nothing, nor is what was signed in.
        reset(&older, "yet another password").await.expect_error("BAD_USER_INPUT", "token");
        me(&ann).await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "ann@example.com", PASSWORD).await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "ann@example.com", new).await.expect_success();
        assert_eq!(mailbox.next_letter_to("ann@example.com").await.subject, "Your password was changed");
    }

    async fn a_driver_is_invited_to_set_a_password(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox).await;
        let (admin, anonymous) = (city.admin().await, city.anonymous());
        let driver = json!({
            "email": "duy@example.com", "name": "Duy", "phone": "+84 90 000 0001", "licenseNumber": "29-A1 123.45",
            "vehicleType": "Motorbike",
        });
        mutate(&admin, "createDriver", "driver { id }", driver).await.expect_success();
        let token = mailbox.next_letter_to("duy@example.com").await.token();
        sign_in(&anonymous, "duy@example.com", "").await.expect_code("UNAUTHENTICATED");
        let input = json!({"token": token, "newPassword": PASSWORD});
        let set = mutate(&anonymous, "resetPassword", "user { role driver { name } }", input).await;
        assert_eq!(set.at("/resetPassword/user"), &json!({"role": "DRIVER", "driver": {"name": "Duy"}}));
        sign_in(&anonymous, "duy@example.com", PASSWORD).await.expect_success();
    }

    async fn a_customer_record_becomes_whose_address_it_has_once_verified(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = city_with(database, &mailbox).await;
        let anonymous = city.anonymous();
        let waiting = city.customer_without_user("Old Ann", "ann@example.com").await;
        let opened = sign_up(&anonymous, "ann@example.com").await.body["data"]["signUp"]["session"].clone();
        assert_eq!(opened["user"]["customer"], json!(null), "not before it is proved");
        let ann = anonymous.with_access_token(opened["accessToken"].as_str().expect("a token"));
        let token = mailbox.next_letter_to("ann@example.com").await.token();
        mutate(&anonymous, "verifyEmail", "user { id }", json!({"token": token})).await.expect_success();
        let found = ann.query("{ me { customer { id name } } }", json!({})).await;
        let expected = json!({"id": tiffin_tests::global_id("Customer", waiting.id), "name": "Old Ann"});
        assert_eq!(found.at("/me/customer"), &expected);
    }

    async fn in_production_without_a_mail_server_nothing_is_promised(database: Database) {
        let city = City::with_settings(database, &[("TIFFIN_ENV", "production")]).await;
        let anonymous = city.anonymous();
        for email in [city.customer("Ann").await.user().email.as_str(), "nobody@example.com"] {
            let refused = mutate(&anonymous, "requestPasswordReset", "accepted", json!({"email": email})).await;
            assert!(refused.expect_code("UNAVAILABLE").message.contains("e-mail"), "{refused}");
        }
    }
}
