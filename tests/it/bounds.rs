//! Bounds of the configuration: with each number at its least and at its most a server serves.

use serde_json::json;
use tiffin_tests::{City, both_databases, workspace};

use crate::process::eventually;

/// Every variable that is a number, with its bounds, as they are documented.
fn bounds() -> Vec<(String, u64, u64)> {
    let table = workspace::read("docs/operations.md");
    let numbers = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (variable, bounds) = (cells.next()?.trim_end_matches('`'), cells.nth(1)?);
        let (least, most) = bounds.strip_suffix(')')?.rsplit_once(" (")?.1.split_once(" to ")?;
        Some((variable.to_owned(), least.parse().ok()?, most.parse().ok()?))
    });
    numbers.collect()
}

both_databases! {
    async fn at_the_least_and_at_the_most_of_every_number_a_server_serves(database: Database) {
        let mut city = City::new(database).await;
        city.stop().await;
        let bounds = bounds();
        assert!(bounds.len() > 50, "{bounds:?}");
        let least = bounds.iter().map(|(variable, least, _)| (variable.as_str(), least.to_string()));
        let most = bounds.iter().filter_map(|(variable, _, most)| match variable.as_str() {
            // Each of these would be opened at once.
            "TIFFIN_DATABASE_MIN_CONNECTIONS" => None,
            "TIFFIN_SHUTDOWN_SPREAD_SECONDS" => Some((variable.as_str(), (most - 1).to_string())),
            _ => Some((variable.as_str(), most.to_string())),
        });
        for (settings, query) in [
            (least.collect::<Vec<_>>(), "{ __typename }"),
            (most.collect(), "{ restaurants(first: 10) { totalCount nodes { id name } } }"),
        ] {
            let settings: Vec<_> = settings.iter().map(|(variable, value)| (*variable, value.as_str())).collect();
            let server = city.another_server_with(&settings).await;
            let ann = city.customer("Ann").await.at(&server);
            ann.query(query, json!({})).await.expect_success();
            eventually("it is ready", async || {
                reqwest::get(server.url("/health/ready")).await.is_ok_and(|answer| answer.status() == 200)
            })
            .await;
            let log = server.log();
            // At the least a busy machine may fail a task for want of time; what must never be is an overflow.
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}
