//! Normalised client caches on the schema: each object is found again by its id, and an object without an id stays where it was told. The
//! configurations are those of `docs/clients`; the documents are made from `schema.graphql`, so that nothing new is left out.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use entity::sea_orm_active_enums::OrderStatus::{Delivered, PickedUp};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tiffin_tests::{City, Database, workspace};

#[derive(Deserialize)]
struct Graphcache {
    changed: Vec<String>,
    warnings: Vec<String>,
    without: BTreeMap<String, Vec<String>>,
}

#[test]
fn graphcache_has_a_key_for_each_type_and_none_too_many() {
    tiffin_tests::run(async {
        let printed = workspace::node_script("graphcache.mjs", &["../../schema.graphql"]).await;
        let Graphcache { changed, warnings, without } = serde_json::from_str(&printed).expect("the script prints JSON");
        // "no key could be generated": the type has no id, so tests/node/clients/urql/cache.js has to say so.
        assert_eq!(warnings, [""; 0]);
        assert_eq!(changed, [""; 0], "these are not given back as they were told");
        assert!(!without.is_empty());
        for (name, warnings) in without {
            let is_missed = warnings.iter().any(|warning| warning.contains(&format!("`keys` config for `{name}`")));
            assert!(is_missed, "the key of {name} is needed for nothing");
        }
    });
}

#[test]
fn graphcache_shows_what_comes_and_goes() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let restaurant = city.restaurant().dish("Phở bò", "9.50").create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let duy = city.driver("Duy").await;
        let mut order = String::new();
        for (hours, status) in [(5, Delivered), (4, Delivered), (3, Delivered), (1, PickedUp)] {
            let placed_at = (Utc::now() - TimeDelta::hours(hours)).fixed_offset();
            let builder = city.order(&ann, &restaurant).status(status).driver(&duy).placed_at(placed_at);
            order = builder.create().await.id();
        }
        let tokens =
            json!({"customer": ann.access_token(), "staff": staff.access_token(), "driver": duy.access_token()});
        let there = json!({
            "restaurant": restaurant.id(),
            "menu": restaurant.menu_id(),
            "dish": restaurant.dish_id(0),
            "order": order,
        });
        let arguments = [city.server().url("/graphql"), tokens.to_string(), there.to_string()];
        let printed = workspace::node_script("graphcache_updates.mjs", &arguments.each_ref().map(String::as_str)).await;
        let shown: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        let expected = json!({
            "dishes": [["Phở bò"], ["Phở bò", "Added"], ["Phở bò", "Renamed"], ["Phở bò"]],
            "orders": [[4, 3, 2, 1], [5, 4, 3, 2, 1]],
            "ofKitchen": [[4, 3, 2, 1], [5, 4, 3, 2, 1]],
            "reviews": [[0, []], [1, [4]], [0, []]],
            "known": ["PICKED_UP"],
            "unknown": [["NOT_FOUND"]],
            "place": [null, 21.5],
            "asked": 6,
            "askedForKnown": 0,
        });
        assert_eq!(shown, expected);
    });
}

#[derive(Deserialize)]
struct Relay {
    documents: usize,
    changed: Vec<String>,
}

#[test]
fn relay_takes_the_whole_schema_and_gives_back_what_it_was_told() {
    tiffin_tests::run(async {
        let folder = TempDir::new().expect("a folder can be made");
        let folder = folder.path().to_str().expect("its name is text");
        let printed = workspace::node_script("relay.mjs", &["../../schema.graphql", folder]).await;
        let Relay { documents, changed } = serde_json::from_str(&printed).expect("the script prints JSON");
        assert!(documents > 50, "{documents}");
        assert_eq!(changed, [""; 0], "these are not given back as they were told");
    });
}
