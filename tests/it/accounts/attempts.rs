//! Rate limits on guessing passwords: by account and by network address, and no burden to anybody else.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Person, RedisServer, both_databases};

use super::{PASSWORD, me, mutate, sign_in, sign_up};
use crate::process::eventually;

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

/// Where requests come from is what they say.
const BEHIND_A_PROXY: (&str, &str) = ("TIFFIN_HTTP_TRUSTED_PROXIES", "127.0.0.0/8");

/// What comes of signing in from this network address: an error's code, or nothing.
async fn sign_in_from(person: &Person, address: &str, email: &str, password: &str) -> Option<String> {
    let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
    let input = json!({"input": {"email": email, "password": password}});
    let request = person.request(document, input).header("X-Forwarded-For", address);
    let answer: Value = request.send().await.expect("answered").json().await.expect("JSON");
    answer["errors"][0]["extensions"]["code"].as_str().map(str::to_owned)
}

both_databases! {
    async fn guesses_elsewhere_keep_nobody_out_at_home(database: Database) {
        let city = City::with_settings(database, &[BEHIND_A_PROXY]).await;
        let anonymous = city.anonymous();
        sign_up(&anonymous, "ann@example.com").await.expect_success();
        for number in 0..25 {
            let code = sign_in_from(&anonymous, "203.0.113.1", "ann@example.com", leak(number)).await;
            assert_eq!(code.as_deref(), Some(if number < 10 { "UNAUTHENTICATED" } else { "RATE_LIMITED" }), "{number}");
        }
        assert_eq!(sign_in_from(&anonymous, "203.0.113.2", "ann@example.com", PASSWORD).await, None);
    }

    async fn many_networks_together_guess_at_one_account_a_few_times_only(database: Database) {
        let settings = [BEHIND_A_PROXY, ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT_FROM_EVERYWHERE", "20")];
        let city = City::with_settings(database, &settings).await;
        let anonymous = city.anonymous();
        let mut codes = Vec::new();
        for number in 0..25 {
            let address = format!("203.0.113.{number}");
            codes.extend(sign_in_from(&anonymous, &address, "ann@example.com", leak(number)).await);
        }
        assert_eq!(codes.iter().filter(|code| *code == "UNAUTHENTICATED").count(), 20, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "RATE_LIMITED").count(), 5, "{codes:?}");
        // Whoever is refused for what it did itself has used up nothing of the others'.
        for number in 0..25 {
            sign_in_from(&anonymous, "203.0.113.99", "eve@example.com", leak(number)).await;
        }
        assert_eq!(sign_in_from(&anonymous, "203.0.113.98", "eve@example.com", "x").await.as_deref(), Some("UNAUTHENTICATED"));
    }

    async fn what_is_typed_uses_up_nothing_of_a_network(database: Database) {
        let settings = [BEHIND_A_PROXY, ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ADDRESS", "5")];
        let city = City::with_settings(database, &settings).await;
        let anonymous = city.anonymous();
        sign_up(&anonymous, "ann@example.com").await.expect_success();
        for _ in 0..5 {
            sign_in_from(&anonymous, "203.0.113.1", "203.0.113.2/32", "x").await;
        }
        assert_eq!(sign_in_from(&anonymous, "203.0.113.2", "ann@example.com", PASSWORD).await, None);
    }
}

#[test]
fn attempts_are_counted_over_all_processes() {
    tiffin_tests::run(async {
        // Without Redis each counts for itself.
        for (redis, expected) in [(None, "RATE_LIMITED"), (Some(("REDIS_URL", "")), "UNAUTHENTICATED")] {
            let settings: Vec<_> = PER_ACCOUNT.iter().copied().chain(redis).collect();
            let city = City::with_settings(Database::Postgres, &settings).await;
            let other = city.another_server().await;
            let (here, there) = (city.anonymous(), city.anonymous().at(&other));
            for _ in 0..5 {
                sign_in(&here, "ann@example.com", "wrong password").await.expect_code("UNAUTHENTICATED");
            }
            sign_in(&there, "ann@example.com", "wrong password").await.expect_code(expected);
        }
    });
}

#[test]
fn a_redis_that_hangs_is_waited_for_once() {
    const WORKERS: usize = 20;
    tiffin_tests::run(async {
        let redis = RedisServer::start().await;
        let (url, plenty) = (redis.url(), "1000000");
        let settings = [
            ("REDIS_URL", url.as_str()),
            ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT", plenty),
            ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ADDRESS", plenty),
            ("TIFFIN_ACCOUNTS_ATTEMPTS_PER_ACCOUNT_FROM_EVERYWHERE", plenty),
        ];
        let city = City::with_settings(Database::Postgres, &settings).await;
        let anonymous = city.anonymous();
        let attempt = async || sign_in(&anonymous, "nobody@example.com", "x").await.expect_code("UNAUTHENTICATED");
        attempt().await;
        let before = redis.calls_of("eval");

        redis.freeze();
        let frozen = Instant::now();
        let attempts = join_all((0..WORKERS).map(async |_| {
            let mut answered = 0;
            // Longer than Redis is waited for, and is left alone afterwards, several times over.
            while frozen.elapsed() < Duration::from_secs(7) {
                attempt().await;
                answered += 1;
            }
            answered
        }));
        let answered: usize = attempts.await.into_iter().sum();
        redis.thaw();
        // It runs what it was asked while it was frozen.
        let asked = Cell::new(u64::MAX);
        eventually("Redis has answered everything", async || {
            let now = redis.calls_of("eval") - before;
            asked.replace(now) == now
        })
        .await;
        let asked = asked.get();
        assert!(answered > 2 * WORKERS, "{answered}");
        assert!(asked <= WORKERS as u64, "{asked} times somebody waited for it, {WORKERS} at once");
        eventually("limits are counted together again", async || {
            attempt().await;
            redis.calls_of("eval") - before > asked
        })
        .await;
    });
}

fn leak(number: i32) -> &'static str {
    format!("guess number {number}").leak()
}
