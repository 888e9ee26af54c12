//! Migrations of the database schema, on PostgreSQL and SQLite, while servers keep running.
//!
//! Each migration has one intention, a way back, and a header that says why it is there, what it locks and what going back loses. The first
//! eight build the tables of the ERD; the others grow on them by expand, backfill, contract: a column that may be empty, filled a few rows
//! at a time, then required. Each could run while servers serve.

mod batches;
mod compatibility;
mod dialect;
pub mod email;
mod lock;
mod normalized_email;
pub mod search_text;
mod step;

mod m20261116_090000_create_customers;
mod m20261116_090100_create_restaurants;
mod m20261116_090200_create_menus;
mod m20261116_090300_create_dishes;
mod m20261116_090400_create_drivers;
mod m20261116_090500_create_orders;
mod m20261116_090600_create_order_items;
mod m20261116_090700_create_reviews;
mod m20261116_091000_add_restaurant_terms;
mod m20261116_091100_add_restaurant_location;
mod m20261116_091200_add_restaurant_review_count;
mod m20261116_091300_backfill_restaurant_review_count;
mod m20261116_091400_add_driver_tracking;
mod m20261116_092000_add_order_amounts;
mod m20261116_092100_backfill_order_amounts;
mod m20261116_092200_require_order_amounts;
mod m20261116_093000_add_order_item_dish_name;
mod m20261116_093100_backfill_order_item_dish_name;
mod m20261116_093200_require_order_item_dish_name;
mod m20261116_094000_add_review_updated_at;
mod m20261116_094100_backfill_review_updated_at;
mod m20261116_094200_require_review_updated_at;
mod m20261116_095000_add_order_idempotency;
mod m20261116_100000_create_users;
mod m20261116_100100_create_restaurant_members;
mod m20261116_100200_link_people_to_users;
mod m20261116_101000_create_order_events;
mod m20261116_101100_backfill_order_events;
mod m20261116_102000_add_search_text;
mod m20261116_102100_backfill_search_text;
mod m20261116_103000_index_pages;
mod m20261116_104000_index_driver_under_way;
mod m20261116_105000_index_pending_orders;
mod m20261126_090000_add_user_password;
mod m20261126_090100_create_sessions;
mod m20261126_090200_create_refresh_tokens;
mod m20261126_090300_create_account_tokens;
mod m20261126_090400_create_audit_events;
mod m20261126_091000_create_identities;
mod m20261126_091100_create_open_id_sign_ins;
mod m20261126_092000_create_driver_locations;
mod m20261126_092100_index_driver_history;
mod m20261130_093000_add_normalized_email;
mod m20261130_093100_backfill_normalized_email;
mod m20261130_093200_require_normalized_email;
mod m20261130_093300_drop_users_email_key;
mod m20261130_093400_add_token_generations;
mod m20261130_094000_free_who_does_not_work;
mod m20261130_094500_index_driver_routes;
mod m20261130_094600_index_audit_events_at;
mod m20261130_095000_create_database_lives;
mod m20261130_096000_create_migration_compatibility;
mod m20261130_096100_create_processes;
mod m20261130_097000_index_whole_pages;
mod m20261130_097100_index_orders_under_way;
mod m20261130_097200_index_catalog;
mod m20261130_097300_index_search;
mod m20261130_097400_index_ended_sessions;
mod m20261130_097500_index_delivered_orders;
mod m20261130_097600_index_prices_of_category;
mod m20261130_097700_index_active_restaurants;
mod m20261201_000300_refold_search_text;
mod m20261201_000400_add_purpose_change_email;
mod m20261201_000600_add_review_name;
mod m20261201_000700_create_favourites;
mod m20261202_000100_create_journal;
mod m20261202_000200_create_jobs;
mod m20261202_000300_index_jobs;

use sea_orm_migration::{prelude::*, sea_orm::DatabaseConnection};
use semver::Version;

pub use compatibility::{Additional, Structure};
use step::MigrationStep;

/// All migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        steps().into_iter().map(|step| Box::new(step) as Box<dyn MigrationTrait>).collect()
    }
}

const V0_1: Version = Version::new(0, 1, 0);
const V0_2: Version = Version::new(0, 2, 0);

/// All migrations, oldest first, each with the oldest version of the binary that can serve with it: one that a rollout still runs beside the
/// newer ones, and that a rollback would start.
fn steps() -> Vec<MigrationStep> {
    vec![
        MigrationStep::new(V0_1, m20261116_090000_create_customers::Migration),
        MigrationStep::new(V0_1, m20261116_090100_create_restaurants::Migration),
        MigrationStep::new(V0_1, m20261116_090200_create_menus::Migration),
        MigrationStep::new(V0_1, m20261116_090300_create_dishes::Migration),
        MigrationStep::new(V0_1, m20261116_090400_create_drivers::Migration),
        MigrationStep::new(V0_1, m20261116_090500_create_orders::Migration),
        MigrationStep::new(V0_1, m20261116_090600_create_order_items::Migration),
        MigrationStep::new(V0_1, m20261116_090700_create_reviews::Migration),
        MigrationStep::new(V0_1, m20261116_091000_add_restaurant_terms::Migration),
        MigrationStep::new(V0_1, m20261116_091100_add_restaurant_location::Migration),
        MigrationStep::new(V0_1, m20261116_091200_add_restaurant_review_count::Migration),
        MigrationStep::new(V0_1, m20261116_091300_backfill_restaurant_review_count::Migration),
        MigrationStep::new(V0_1, m20261116_091400_add_driver_tracking::Migration),
        MigrationStep::new(V0_1, m20261116_092000_add_order_amounts::Migration),
        MigrationStep::new(V0_1, m20261116_092100_backfill_order_amounts::Migration),
        MigrationStep::new(V0_1, m20261116_092200_require_order_amounts::Migration),
        MigrationStep::new(V0_1, m20261116_093000_add_order_item_dish_name::Migration),
        MigrationStep::new(V0_1, m20261116_093100_backfill_order_item_dish_name::Migration),
        MigrationStep::new(V0_1, m20261116_093200_require_order_item_dish_name::Migration),
        MigrationStep::new(V0_1, m20261116_094000_add_review_updated_at::Migration),
        MigrationStep::new(V0_1, m20261116_094100_backfill_review_updated_at::Migration),
        MigrationStep::new(V0_1, m20261116_094200_require_review_updated_at::Migration),
        MigrationStep::new(V0_1, m20261116_095000_add_order_idempotency::Migration),
        MigrationStep::new(V0_1, m20261116_100000_create_users::Migration),
        MigrationStep::new(V0_1, m20261116_100100_create_restaurant_members::Migration),
        MigrationStep::new(V0_1, m20261116_100200_link_people_to_users::Migration),
        MigrationStep::new(V0_1, m20261116_101000_create_order_events::Migration),
        MigrationStep::new(V0_1, m20261116_101100_backfill_order_events::Migration),
        MigrationStep::new(V0_1, m20261116_102000_add_search_text::Migration),
        MigrationStep::new(V0_1, m20261116_102100_backfill_search_text::Migration),
        MigrationStep::new(V0_1, m20261116_103000_index_pages::Migration),
        MigrationStep::new(V0_1, m20261116_104000_index_driver_under_way::Migration),
        MigrationStep::new(V0_1, m20261116_105000_index_pending_orders::Migration),
        MigrationStep::new(V0_1, m20261126_090000_add_user_password::Migration),
        MigrationStep::new(V0_1, m20261126_090100_create_sessions::Migration),
        MigrationStep::new(V0_1, m20261126_090200_create_refresh_tokens::Migration),
        MigrationStep::new(V0_1, m20261126_090300_create_account_tokens::Migration),
        MigrationStep::new(V0_1, m20261126_090400_create_audit_events::Migration),
        MigrationStep::new(V0_1, m20261126_091000_create_identities::Migration),
        MigrationStep::new(V0_1, m20261126_091100_create_open_id_sign_ins::Migration),
        MigrationStep::new(V0_1, m20261126_092000_create_driver_locations::Migration),
        MigrationStep::new(V0_1, m20261126_092100_index_driver_history::Migration),
        MigrationStep::new(V0_1, m20261130_093000_add_normalized_email::Migration),
        MigrationStep::new(V0_1, m20261130_093100_backfill_normalized_email::Migration),
        MigrationStep::new(V0_2, m20261130_093200_require_normalized_email::Migration),
        MigrationStep::new(V0_1, m20261130_093300_drop_users_email_key::Migration),
        MigrationStep::new(V0_1, m20261130_093400_add_token_generations::Migration),
        MigrationStep::new(V0_1, m20261130_094000_free_who_does_not_work::Migration),
        MigrationStep::new(V0_1, m20261130_094500_index_driver_routes::Migration),
        MigrationStep::new(V0_1, m20261130_094600_index_audit_events_at::Migration),
        MigrationStep::new(V0_1, m20261130_095000_create_database_lives::Migration),
        MigrationStep::new(V0_1, m20261130_096000_create_migration_compatibility::Migration),
        MigrationStep::new(V0_1, m20261130_096100_create_processes::Migration),
        MigrationStep::new(V0_1, m20261130_097000_index_whole_pages::Migration),
        MigrationStep::new(V0_1, m20261130_097100_index_orders_under_way::Migration),
        MigrationStep::new(V0_1, m20261130_097200_index_catalog::Migration),
        MigrationStep::new(V0_1, m20261130_097300_index_search::Migration),
        MigrationStep::new(V0_1, m20261130_097400_index_ended_sessions::Migration),
        MigrationStep::new(V0_1, m20261130_097500_index_delivered_orders::Migration),
        MigrationStep::new(V0_1, m20261130_097600_index_prices_of_category::Migration),
        MigrationStep::new(V0_1, m20261130_097700_index_active_restaurants::Migration),
        MigrationStep::new(V0_1, m20261201_000300_refold_search_text::Migration),
        MigrationStep::new(V0_1, m20261201_000400_add_purpose_change_email::Migration),
        MigrationStep::new(V0_1, m20261201_000600_add_review_name::Migration),
        MigrationStep::new(V0_1, m20261201_000700_create_favourites::Migration),
        MigrationStep::new(V0_1, m20261202_000100_create_journal::Migration),
        MigrationStep::new(V0_1, m20261202_000200_create_jobs::Migration),
        MigrationStep::new(V0_1, m20261202_000300_index_jobs::Migration),
    ]
}

/// The version of this binary.
///
/// # Panics
/// Never: cargo knows it.
pub fn version() -> Version {
    Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo takes no other")
}

/// Brings the database up to date. Processes that start together wait for one another. Where a newer binary has been, nothing is done: see
/// [`Structure::refusal`].
///
/// On SQLite the whole run is one transaction. On PostgreSQL each migration commits by itself, and an interrupted run goes on where it was.
pub async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    lock::run_alone(db, Direction::Up(None)).await
}

/// Applies at most so many of the next migrations.
pub async fn migrate_steps(db: &DatabaseConnection, steps: u32) -> Result<(), DbErr> {
    lock::run_alone(db, Direction::Up(Some(steps))).await
}

/// Takes back the newest `steps` migrations, or all of them.
pub async fn roll_back(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
    lock::run_alone(db, Direction::Down(steps)).await
}

/// The names of the migrations that [`migrate`] would apply. Writes nothing, not even the table of what was applied.
pub async fn pending(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    Ok(Structure::read(db).await?.pending)
}

/// Drops every table and migrates anew: on PostgreSQL whoever made it, on SQLite by taking every migration back.
pub async fn fresh(db: &DatabaseConnection) -> Result<(), DbErr> {
    lock::run_alone(db, Direction::Fresh).await
}

/// Which way to go, and how many steps at most.
#[derive(Clone, Copy)]
enum Direction {
    Up(Option<u32>),
    Down(Option<u32>),
    Fresh,
}
