//! Personal data: every table that leads to a person is in the export, and is covered by the deletion of the account.
//!
//! `docs/personal-data.md` says of each such table where it is in the export and what becomes of it. The tables are found by their foreign keys:
//! one that is added and not thought of fails here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use entity::{
    driver_locations, identities, jobs,
    sea_orm_active_enums::{AccountTokenPurpose, DriverStatus, JobState, OrderStatus},
};
use rust_decimal::Decimal;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, IntoActiveModel, Statement};
use serde_json::{Value, json};
use tiffin_tests::{City, Person, both_databases, rows::row_number, workspace};

use crate::accounts::taken_along;

/// Whom a row is about, by the table that says who somebody is.
const PEOPLE: [&str; 3] = ["users", "customers", "drivers"];

/// A foreign key: the column of a table, and the table it refers to.
struct Reference {
    table: String,
    column: String,
    to: String,
}

/// What the document says of a table.
struct Said {
    /// The place in the export, such as `orders.items`; none where only hashes are kept.
    exported: Option<String>,
    is_gone: bool,
}

/// The foreign keys, as the drawing of the database has them, which is generated.
fn references() -> Vec<Reference> {
    let drawing = workspace::read("docs/erd.md");
    let lines = drawing.lines().filter_map(|line| line.trim().split_once(" }o--|| "));
    let references: Vec<_> = lines
        .map(|(table, rest)| {
            let (to, column) = rest.split_once(" : ").expect("the drawing names the column");
            Reference { table: table.to_owned(), column: column.trim_matches('"').to_owned(), to: to.to_owned() }
        })
        .collect();
    assert!(references.len() > 10, "the drawing has foreign keys");
    references
}

/// The tables whose rows lead to a person, by however many foreign keys.
fn tables_of_people(references: &[Reference]) -> BTreeSet<String> {
    let mut tables: BTreeSet<_> = PEOPLE.map(str::to_owned).into();
    loop {
        let more =
            references.iter().filter(|reference| tables.contains(&reference.to)).map(|found| found.table.clone());
        let more: Vec<_> = more.filter(|table| !tables.contains(table)).collect();
        if more.is_empty() {
            return tables;
        }
        tables.extend(more);
    }
}

/// The condition of the rows of a table that lead to the user.
fn leading_to(references: &[Reference], table: &str, user: i32) -> String {
    if table == "users" {
        return format!("id = {user}");
    }
    let tables = tables_of_people(references);
    let ways = references.iter().filter(|reference| reference.table == table && tables.contains(&reference.to));
    let ways: Vec<_> = ways
        .map(|Reference { column, to, .. }| {
            format!("{column} in (select id from {to} where {})", leading_to(references, to, user))
        })
        .collect();
    ways.join(" or ")
}

/// The document's table of tables.
fn said() -> BTreeMap<String, Said> {
    let document = workspace::read("docs/personal-data.md");
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let said = rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [table, exported, end] = cells[..] else { panic!("three columns: {row}") };
        let is_gone = end.starts_with("gone");
        assert!(is_gone || end.starts_with("stays"), "{table} is gone, or stays without something: {end}");
        let exported = exported.strip_prefix('`').map(|place| place.trim_end_matches('`').to_owned());
        (table.trim_matches('`').to_owned(), Said { exported, is_gone })
    });
    said.collect()
}

#[test]
fn every_table_that_leads_to_a_person_is_thought_of() {
    let said: BTreeSet<_> = said().into_keys().collect();
    assert_eq!(
        tables_of_people(&references()),
        said,
        "the tables of people, and those that docs/personal-data.md speaks of"
    );
}

both_databases! {
    async fn all_of_them_are_taken_along_and_forgotten(city: &City) {
        let references = references();
        let ann = somebody_in_every_table(city).await;
        let user = row_number(&ann.user_id());
        let mut problems = Vec::new();
        let everything = taken_along(city, &ann).await;
        for (table, said) in said() {
            if rows(city, &references, &table, user).await == 0 {
                problems.push(format!("{table}: the test has no row of it"));
            }
            if let Some(place) = said.exported.filter(|place| is_empty(&everything, place)) {
                problems.push(format!("{table}: the export has nothing at {place}"));
            }
        }
        assert!(problems.is_empty(), "{problems:#?}\n{everything:#}");

        ann.query("mutation { deleteAccount(input: {}) { deletedUserId } }", json!({})).await.expect_success();
        for (table, said) in said() {
            let left = rows(city, &references, &table, user).await;
            if said.is_gone == (left > 0) {
                problems.push(format!("{table}: {left} rows are left"));
            }
        }
        for (table, rows) in city.contents().await {
            problems.extend(rows.iter().filter(|row| row.contains("ecret")).map(|row| format!("{table}: {row}")));
        }
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

/// A customer, driver and member of a restaurant's staff, with rows in every table, and the word "secret" in what is hers alone.
async fn somebody_in_every_table(city: &City) -> Person {
    let restaurant = city.restaurant().with_dishes(1).create().await;
    let ann = city.customer("Ann Secretname").await;
    let driver = city.driver_record(&ann, DriverStatus::Offline).await;
    city.make_member(&ann, &restaurant).await;
    let order = city.order(&ann, &restaurant).status(OrderStatus::Delivered);
    let order = order.create().await;
    let mut row = order.row.clone().into_active_model();
    row.delivery_address = Set(json!({"line1": "1 Secret Street", "city": "Secretville"}));
    row.update(city.db()).await.expect("an order can be changed");
    city.review(&ann, &restaurant).comment("secret taste").create().await;
    city.favourite(&ann, &restaurant.id()).await;
    city.audit_event(&ann).await;
    city.account_token(ann.user(), AccountTokenPurpose::VerifyEmail).await;
    city.session(ann.user()).await;
    let now = Utc::now();
    let letter = jobs::ActiveModel {
        kind: Set("account_letter".to_owned()),
        state: Set(JobState::Dead),
        payload: Set(json!({"notice": {"to": "secret@example.com", "notice": "password_changed"}})),
        user_id: Set(Some(ann.user().id)),
        due_at: Set(now.into()),
        created_at: Set(now.into()),
        ..Default::default()
    };
    letter.insert(city.db()).await.expect("a job can be written");
    let identity = identities::ActiveModel {
        issuer: Set("https://id.example".to_owned()),
        subject: Set("secret subject".to_owned()),
        user_id: Set(ann.user().id),
        created_at: Set(now.into()),
    };
    identity.insert(city.db()).await.expect("an identity can be written");
    let place = driver_locations::ActiveModel {
        order_id: Set(row_number(&order.id())),
        slot: Set(1),
        driver_id: Set(driver.id),
        recorded_at: Set(now.into()),
        lat: Set(Decimal::new(21, 0)),
        lng: Set(Decimal::new(105, 0)),
        ..Default::default()
    };
    place.insert(city.db()).await.expect("a place can be written");
    ann
}

async fn rows(city: &City, references: &[Reference], table: &str, user: i32) -> i64 {
    let sql = format!("select count(*) as count from {table} where {}", leading_to(references, table, user));
    let row = city.db().query_one_raw(Statement::from_string(city.db().get_database_backend(), sql)).await;
    row.expect("the table can be read").expect("there is a count").try_get("", "count").expect("it is a number")
}

/// Whether the export has nothing at this place, such as `orders.items`: in the first entry of each list on the way.
fn is_empty(everything: &Value, place: &str) -> bool {
    let found = place.split('.').fold(everything, |value, name| match value {
        Value::Array(entries) => entries.first().map_or(&Value::Null, |entry| &entry[name]),
        value => &value[name],
    });
    found.is_null() || found.as_array().is_some_and(Vec::is_empty)
}
