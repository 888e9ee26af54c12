use std::time::Duration;

use super::*;
use crate::domain::error::Code;

fn alone() -> Limiter {
    Limiter::new(
        &BrokerConfig { redis_url: None, cluster: false, prefix: "test".to_owned(), required: false },
        &Authorities::default(),
    )
    .expect("needs nothing")
}

fn away() -> Limiter {
    // Nothing listens there.
    let redis_url = Some("redis://127.0.0.1:1".into());
    Limiter::new(
        &BrokerConfig { redis_url, cluster: false, prefix: "test".to_owned(), required: false },
        &Authorities::default(),
    )
    .expect("is not reached yet")
}

fn key(account: &str) -> LimitKey<'_> {
    LimitKey::AttemptsOn { account }
}

const HOUR: Duration = Duration::from_secs(3600);

fn five_an_hour() -> Limit {
    Limit { amount: 5, window: HOUR }
}

#[tokio::test]
async fn a_limit_is_used_up_to_its_last_bit() {
    for limiter in [alone(), away()] {
        limiter.take(key("a"), 3, five_an_hour()).await.expect("three are left to two");
        let refusal = limiter.take(key("a"), 3, five_an_hour()).await.expect_err("two are left");
        let retry_after = refusal.retry_after.expect("it is said when");
        assert_eq!(refusal.code, Code::RateLimited);
        assert!((3500..=3600).contains(&retry_after), "{retry_after}");
        limiter.take(key("a"), 2, five_an_hour()).await.expect("what was refused was not used");
        limiter.take(key("a"), 1, five_an_hour()).await.expect_err("nothing is left");
        limiter.take(key("b"), 5, five_an_hour()).await.expect("others are not touched");
        limiter.take_by_shares(key("c"), 5, five_an_hour()).await.expect("by shares the same");
        limiter.take_by_shares(key("c"), 1, five_an_hour()).await.expect_err("nothing is left");
    }
}

#[tokio::test]
async fn a_window_ends() {
    let limiter = alone();
    let short = Limit { amount: 1, window: Duration::from_millis(20) };
    limiter.take(key("a"), 1, short).await.expect("it is the first");
    tokio::time::sleep(Duration::from_millis(21)).await;
    limiter.take(key("a"), 1, short).await.expect("another window");
}

#[tokio::test]
async fn a_forgotten_window_begins_anew() {
    for limiter in [alone(), away()] {
        limiter.take(key("a"), 5, five_an_hour()).await.expect("it is the first");
        limiter.forget(key("a")).await;
        limiter.take(key("a"), 5, five_an_hour()).await.expect("as the first");
    }
}

#[tokio::test]
async fn what_is_used_at_the_same_time_is_used_once() {
    let limiter = std::sync::Arc::new(alone());
    let tries = (0..100).map(|_| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.take(key("a"), 1, five_an_hour()).await.is_ok() })
    });
    let tries = futures_util::future::join_all(tries).await;
    assert_eq!(tries.into_iter().filter(|taken| *taken.as_ref().expect("no panic")).count(), 5);
}

#[tokio::test]
async fn a_crowd_takes_no_more_than_it_uses() {
    let redis_url = std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL is not set: run the tests with ./test");
    let prefix = format!("test-{:016x}", rand::random::<u64>());
    let limiter = Limiter::new(
        &BrokerConfig { redis_url: Some(redis_url.into()), cluster: false, prefix, required: false },
        &Authorities::default(),
    );
    let limiter = limiter.expect("an address");
    // A share is two; all of them come at once, and find none.
    let hundred = Limit { amount: 100, window: HOUR };
    let taken = futures_util::future::join_all((0..100).map(|_| limiter.take_by_shares(key("a"), 1, hundred))).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 100);
    limiter.take_by_shares(key("a"), 1, hundred).await.expect_err("nothing is left");
}
