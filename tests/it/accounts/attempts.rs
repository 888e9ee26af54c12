//! Guessing passwords: slowed down for one account and for one address, and no burden to anybody else.

use futures_util::future::join_all;
use serde_json::json;
use tiffin_tests::{City, Database, both_databases};

use super::{PASSWORD, me, mutate, sign_in, sign_up};

/// Attempts at one account; those from one address are not the subject of the tests that use it.
const PER_ACCOUNT: &[(&str, &str)] =
    &[("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT", "5"), ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ADDRESS", "100000")];
const PER_ADDRESS: &[(&str, &str)] =
    &[("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT", "100000"), ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ADDRESS", "5")];

both_databases! {
    async fn one_account_is_guessed_at_a_few_times_only(database: Database) {
        let city = City::with_settings(database, PER_ACCOUNT).await;
        let (anonymous, bystander) = (city.anonymous(), city.customer("Ben").await);
        sign_up(&anonymous, "ann@example.com").await.expect_success();
        sign_up(&anonymous, "eve@example.com").await.expect_success();

        // As many at once as come in a second; meanwhile others go on, who would not if hashing stood in their way.
        let guesses = join_all((0..50).map(|number| sign_in(&anonymous, "Ann@example.com", leak(number))));
        let others = async {
            for _ in 0..20 {
                me(&bystander).await.expect_success();
            }
        };
        let (guesses, ()) = tokio::join!(guesses, others);
        let codes: Vec<_> = guesses.iter().map(|guess| guess.problems().remove(0).code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "UNAUTHENTICATED").count(), 5, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "RATE_LIMITED").count(), 45, "{codes:?}");

        // The right password is refused too, or it would tell which one it is; and other accounts are not concerned.
        let refused = sign_in(&anonymous, "ann@example.com", PASSWORD).await;
        refused.expect_code("RATE_LIMITED");
        assert!(refused.body["errors"][0]["extensions"]["retryAfter"].as_u64().is_some_and(|seconds| seconds >= 1));
        sign_in(&anonymous, "eve@example.com", PASSWORD).await.expect_success();
        // An account that nobody has is counted like one.
        for _ in 0..5 {
            sign_in(&anonymous, "nobody@example.com", PASSWORD).await.expect_code("UNAUTHENTICATED");
        }
        sign_in(&anonymous, "nobody@example.com", PASSWORD).await.expect_code("RATE_LIMITED");
    }

    async fn signing_in_makes_earlier_attempts_forgotten(database: Database) {
        let city = City::with_settings(database, PER_ACCOUNT).await;
        let anonymous = city.anonymous();
        sign_up(&anonymous, "ann@example.com").await.expect_success();
        for _ in 0..3 {
            for _ in 0..4 {
                sign_in(&anonymous, "ann@example.com", "wrong password").await.expect_code("UNAUTHENTICATED");
            }
            sign_in(&anonymous, "ann@example.com", PASSWORD).await.expect_success();
        }
    }

    async fn one_address_guesses_at_many_accounts_a_few_times_only(database: Database) {
        let city = City::with_settings(database, PER_ADDRESS).await;
        let anonymous = city.anonymous();
        let guesses = join_all((0..50).map(async |number| {
            sign_in(&anonymous, &format!("user{number}@example.com"), "a common password").await
        }));
        let guesses = guesses.await;
        let codes: Vec<_> = guesses.iter().map(|guess| guess.problems().remove(0).code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "UNAUTHENTICATED").count(), 5, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "RATE_LIMITED").count(), 45, "{codes:?}");
        // Who is signed in already is not concerned.
        me(&city.customer("Ben").await).await.expect_success();
    }

    async fn attempts_are_counted_over_all_processes(database: Database) {
        let city = City::with_settings(database, PER_ACCOUNT).await;
        let other = city.another_server().await;
        let (here, there) = (city.anonymous(), city.anonymous().at(&other));
        for _ in 0..5 {
            sign_in(&here, "ann@example.com", "wrong password").await.expect_code("UNAUTHENTICATED");
        }
        let expected = match database {
            Database::Postgres => "RATE_LIMITED",
            // Without Redis each counts for itself.
            Database::Sqlite => "UNAUTHENTICATED",
        };
        sign_in(&there, "ann@example.com", "wrong password").await.expect_code(expected);
    }

    async fn accounts_and_letters_are_asked_for_a_few_times_only(database: Database) {
        let settings = [("TIFFIN_ACCOUNTS_SIGN_UPS_PER_ADDRESS", "2"), ("TIFFIN_ACCOUNTS_LETTERS_PER_ACCOUNT", "2")];
        let city = City::with_settings(database, &settings).await;
        let anonymous = city.anonymous();
        for email in ["ann@example.com", "ben@example.com"] {
            sign_up(&anonymous, email).await.expect_success();
        }
        sign_up(&anonymous, "eve@example.com").await.expect_code("RATE_LIMITED");
        for email in ["ann@example.com", "nobody@example.com"] {
            let ask = json!({"email": email});
            for _ in 0..2 {
                mutate(&anonymous, "requestPasswordReset", "accepted", ask.clone()).await.expect_success();
            }
            mutate(&anonymous, "requestPasswordReset", "accepted", ask).await.expect_code("RATE_LIMITED");
        }
    }
}

fn leak(number: i32) -> &'static str {
    format!("guess number {number}").leak()
}
