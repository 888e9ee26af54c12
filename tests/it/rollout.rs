//! Rolling updates and rollbacks: a binary on a database that another version has migrated.

use sea_orm::ConnectionTrait;
use tiffin_tests::{City, both_databases};

use crate::process::{Empty, SECRET, get};

/// As a newer version leaves it behind: a migration that this one does not know.
async fn apply_a_newer_migration(city: &City) {
    let applied = "insert into seaql_migrations (version, applied_at) values ('m20990101_000000_of_tomorrow', 0)";
    city.db().execute_unprepared(applied).await.unwrap();
}

/// As it says which binaries can serve with that.
async fn allow(city: &City, version: &str) {
    let said = format!(
        "insert into migration_compatibility (migration, oldest_version) values ('m20990101_000000_of_tomorrow', '{version}')
         on conflict (migration) do update set oldest_version = excluded.oldest_version"
    );
    city.db().execute_unprepared(&said).await.unwrap();
}

both_databases! {
    async fn a_binary_serves_with_the_migrations_of_a_newer_one_that_allow_it(database: Database) {
        let mut city = City::new(database).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        apply_a_newer_migration(&city).await;
        allow(&city, "0.1.0").await;
        city.restart().await;
        let log = city.server().log();
        let said = log.lines().find(|line| line.contains("a newer version has migrated the database")).unwrap();
        assert!(said.contains("\"WARN\"") && said.contains("of_tomorrow"), "{said}");
        ann.at(city.server()).place_order(&restaurant.basket(&[(0, 1)])).await.expect_success();

        let commands: [&[&str]; 5] = [
            &["migrate", "up"],
            &["migrate", "status"],
            &["accounts", "collisions"],
            &["admin", "--email", "ada@example.com"],
            &["seed"],
        ];
        for command in commands {
            let said = city.run_command(command).await.expect_success();
            assert!(command[0] != "migrate" || said.contains("applied  m20990101_000000_of_tomorrow (of a newer version"), "{said}");
        }
        let said = city.run_command(&["migrate", "down"]).await.expect_failure(SECRET);
        assert!(said.contains("of_tomorrow"), "{said}");
    }

    async fn a_binary_refuses_the_migrations_of_a_newer_one_that_do_not_allow_it(database: Database) {
        let mut city = City::new(database).await;
        apply_a_newer_migration(&city).await;
        assert_eq!(get(city.server(), "/health/ready").await.0, 200, "a server that runs goes on");
        city.stop().await;
        for needed in [None, Some("99.0.0")] {
            if let Some(version) = needed {
                allow(&city, version).await;
            }
            let commands: [&[&str]; 7] = [
                &["serve"],
                &["serve", "--no-migrate"],
                &["migrate", "up"],
                &["migrate", "down"],
                &["accounts", "collisions"],
                &["admin", "--email", "ada@example.com"],
                &["seed"],
            ];
            for command in commands {
                let said = city.run_command(command).await.expect_failure(SECRET);
                for word in ["of_tomorrow", env!("CARGO_PKG_VERSION"), needed.unwrap_or("a newer one")] {
                    assert!(said.contains(word), "{command:?}: {said}");
                }
            }
        }
    }

    async fn only_serve_and_migrate_change_the_structure(database: Database) {
        let empty = Empty::new(database).await;
        let commands: [&[&str]; 4] = [
            &["accounts", "collisions"],
            &["admin", "--email", "ada@example.com"],
            &["seed"],
            &["serve", "--no-migrate", "--listen", "127.0.0.1:0"],
        ];
        for command in commands {
            let said = empty.run("development", command).await.expect_failure(SECRET);
            assert!(said.contains("tiffin migrate up"), "{command:?}: {said}");
        }
        assert_eq!(empty.migrate(&["status"]).await.0, 0);
        empty.migrate(&["up"]).await;
        empty.migrate(&["down"]).await;
        for command in &commands[..3] {
            let said = empty.run("development", command).await.expect_failure(SECRET);
            assert!(said.contains("tiffin migrate up"), "{command:?}: {said}");
        }
        empty.migrate(&["up"]).await;
        for command in &commands[..3] {
            empty.run("development", command).await.expect_success();
        }
    }
}
