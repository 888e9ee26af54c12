//! Query plans: how PostgreSQL runs what a server sends, in a city that is big enough for indexes to matter. No statement scans a big
//! table, and every index is used by one.

mod feeds;
mod lists;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tiffin_tests::{City, OpenIdProvider, PATIENCE, PostgresServer, run_command};

use crate::{
    inputs::{
        operations::{Form, operations},
        schema::Schema,
    },
    statements::{readings::READINGS, town::Town},
};

/// What is told of each statement: auto_explain comes with PostgreSQL (its contrib modules).
const SETTINGS: [&str; 5] = [
    "shared_preload_libraries=auto_explain",
    "auto_explain.log_format=json",
    "auto_explain.log_nested_statements=on",
    "log_line_prefix=%a ",
    "shared_buffers=128MB",
];

/// Indexes that only servers from before the journal use, beside which a newer one may run in a rollout. They go with the next release.
const OF_OLDER_SERVERS: [&str; 2] = ["idx_order_events_feed", "idx_order_events_unpublished"];

/// From so many rows on a table is big.
const BIG: f32 = 1500.0;

/// Statements, by what is in their text, that read all of these tables, and why they may.
const READ_ALL: [(&str, &[&str], &str); 10] = [
    (r#"SELECT COUNT(*) AS "count" FROM "orders""#, &["orders"], "an exact count reads what it counts"),
    (r#"SELECT COUNT(*) AS "count" FROM "customers""#, &["customers", "orders"], "the same"),
    (r#"SELECT COUNT(*) AS "count" FROM "users""#, &["users"], "the same"),
    (r#"SELECT COUNT(*) AS "count" FROM "drivers""#, &["drivers"], "the same"),
    (r#"SELECT COUNT(*) AS "count" FROM "restaurants""#, &["restaurants"], "the same"),
    (r#"SELECT COUNT(*) AS "count" FROM "dishes""#, &["dishes", "menus", "restaurants"], "the same"),
    (r#"SELECT COUNT(*) AS "count" FROM "audit_events" WHERE TRUE"#, &["audit_events"], "the same"),
    (r#"SELECT COUNT(*) AS "count" FROM "jobs""#, &["jobs"], "the same"),
    (r#"ORDER BY "restaurants"."total_orders""#, &["restaurants"], "an index would be written with each order"),
    (
        r#""dishes"."search_text" LIKE"#,
        &["menus", "restaurants"],
        "what was found is joined with what tells that it is on sale",
    ),
];

#[test]
fn statements_are_index_plans_and_every_index_is_used() {
    tiffin_tests::run(async {
        let postgres = PostgresServer::start_alone_with(&SETTINGS).await;
        fill(&postgres).await;
        let provider = OpenIdProvider::start().await;
        let mut city = City::in_database(&postgres.url(), &provider.settings()).await;
        work(&city, &provider).await;

        let big = big_tables(city.db()).await;
        assert!(big.len() > 10, "the city is big: {big:?}");
        let problems = whole_readings(&postgres.log(), &big);
        assert!(problems.is_empty(), "{}", problems.join("\n\n"));
        until_every_index_is_used(&postgres, &city, &OF_OLDER_SERVERS).await;

        // An index that is missing is missed, and one too many is told.
        let changes = "drop index idx_restaurants_name; create index idx_idle on orders (currency)";
        city.db().execute_unprepared(changes).await.expect("indexes can be dropped");
        let by_name = "{ restaurants(first: 10, orderBy: NAME) { nodes { id } } }";
        city.anonymous().query(by_name, json!({})).await.expect_success();
        let missed = whole_readings(&postgres.log(), &big);
        assert!(missed.iter().any(|problem| problem.contains("reads all of restaurants")), "{missed:?}");
        until_every_index_is_used(&postgres, &city, &["idx_idle", OF_OLDER_SERVERS[0], OF_OLDER_SERVERS[1]]).await;
        city.stop().await;
    });
}

/// The big city of the command, and what it has none of.
async fn fill(postgres: &PostgresServer) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let settings = [("DATABASE_URL", postgres.url()), ("TIFFIN_ENV", "development".to_owned())];
    let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    for command in [&["migrate", "up"][..], &["seed", "--scale", "0.1"]] {
        run_command(directory.path(), &settings, command).await.expect_success();
    }
    let db = sea_orm::Database::connect(postgres.url()).await.expect("the database can be asked");
    db.execute_unprepared(include_str!("explained/big_city.sql")).await.expect("rows can be written");
    db.execute_unprepared("vacuum").await.expect("tables can be vacuumed");
    let told = "alter database postgres set auto_explain.log_min_duration = 0";
    db.execute_unprepared(told).await.expect("statements are told from the next connection on");
    db.close().await.expect("a connection can be closed");
}

/// Everything that a server does: each mutation, each list in each of its orders, and levels below levels. Background tasks do theirs besides.
async fn work(city: &City, provider: &OpenIdProvider) {
    let schema = Schema::read();
    for operation in operations(city, provider).await {
        operation.run(&schema, &operation.arguments, Form::Document, "").await.expect_success();
    }
    let town = Town::with(city, 3).await;
    give_history(city, &town).await;
    for reading in READINGS {
        // Of restaurants that are not the merchant's some things are refused.
        let answer = town.person(reading.viewer).query(&town.address(reading.query), json!({})).await;
        assert!(answer.body["data"].is_object(), "{}: {answer:?}", reading.name);
    }
    for (viewer, document) in lists::documents() {
        town.person(viewer).query(&document, json!({})).await.expect_success();
    }
    feeds::follow(&town).await;
}

/// The people of the town have ordered, delivered and sold as much as the busiest of the city.
async fn give_history(city: &City, town: &Town<'_>) {
    let number = |id: String| id.split(':').nth(1).map(str::to_owned).unwrap_or_default();
    let [customer, driver, restaurant] = town.busiest().map(number);
    for change in [
        format!("update orders set customer_id = {customer} where id between 1 and 400 and idempotency_key is null"),
        format!("update orders set driver_id = {driver} where id between 1 and 400 and status = 'DELIVERED'"),
        format!("update orders set restaurant_id = {restaurant} where id between 201 and 1200"),
        "vacuum analyze orders".to_owned(),
    ] {
        city.db().execute_unprepared(&change).await.unwrap_or_else(|error| panic!("{change}: {error}"));
    }
}

async fn rows(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.expect("the database answers");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

async fn big_tables(db: &DatabaseConnection) -> Vec<String> {
    let tables = format!("select relname::text from pg_class where relkind = 'r' and reltuples >= {BIG}");
    rows(db, &tables).await
}

/// What this log tells of each statement of a server: its text and its plan.
fn told(log: &str) -> impl Iterator<Item = Value> {
    log.split("\ntiffin LOG:  duration: ").skip(1).filter_map(|told| {
        let (_, plan) = told.split_once("plan:\n")?;
        let plan: String = plan.lines().take_while(|line| line.starts_with('\t')).collect();
        // What is being written has no end yet.
        let whole = plan.ends_with("\t}");
        whole.then(|| serde_json::from_str(&plan).unwrap_or_else(|error| panic!("{error}: {plan}")))
    })
}

/// Each statement of a server in this log that reads a big table as a whole, with how it is run.
fn whole_readings(log: &str, big: &[String]) -> Vec<String> {
    let mut problems = BTreeMap::new();
    for statement in told(log) {
        let (text, plan) = (statement["Query Text"].as_str().unwrap_or_default(), &statement["Plan"]);
        for node in nodes(plan).filter(|node| node["Node Type"] == "Seq Scan") {
            let table = node["Relation Name"].as_str().unwrap_or_default();
            let may = READ_ALL.iter().any(|(part, of, _)| text.contains(part) && of.contains(&table));
            if big.iter().any(|name| name == table) && !may {
                problems.insert(text.to_owned(), format!("{text}\nreads all of {table}:\n{plan:#}"));
            }
        }
    }
    problems.into_values().collect()
}

/// The indexes that statements of a server in this log are run with.
fn used_indexes(log: &str) -> BTreeSet<String> {
    let name = |node: &Value| node["Index Name"].as_str().map(str::to_owned);
    told(log).flat_map(|statement| nodes(&statement["Plan"]).filter_map(name).collect::<Vec<_>>()).collect()
}

/// A plan, and those that it is made of.
fn nodes(plan: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(nodes);
    Box::new(std::iter::once(plan).chain(below))
}

/// Waits until these are the only indexes that no statement of the server is run with. Unique ones are left aside: each is a constraint,
/// whatever is read by it.
async fn until_every_index_is_used(postgres: &PostgresServer, city: &City, idle: &[&str]) {
    let indexes = "select relname::text from pg_index join pg_class on oid = indexrelid
        where not indisunique and relnamespace = 'public'::regnamespace order by 1";
    let started = Instant::now();
    loop {
        let used = used_indexes(&postgres.log());
        let mut names = rows(city.db(), indexes).await;
        names.retain(|name| !used.contains(name));
        if names == idle {
            return;
        }
        // Tasks of the server take their turn.
        assert!(started.elapsed() < PATIENCE / 2, "no statement is run with {names:?}, and {idle:?} was expected");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[test]
fn a_plan_is_read_to_its_ends() {
    let plan = json!({"Node Type": "Limit", "Plans": [
        {"Node Type": "Nested Loop", "Plans": [
            {"Node Type": "Seq Scan", "Relation Name": "orders"},
            {"Node Type": "Index Scan", "Relation Name": "customers", "Index Name": "customers_pkey"},
        ]},
    ]});
    let statement = format!("{:#}", json!({"Query Text": "select 1", "Plan": plan})).replace('\n', "\n\t");
    let log = format!("\ntiffin LOG:  duration: 0.1 ms  plan:\n\t{statement}\n");
    assert_eq!(used_indexes(&log), BTreeSet::from(["customers_pkey".to_owned()]));
    assert_eq!(whole_readings(&log, &["customers".to_owned()]), Vec::<String>::new());
    let [problem] = &whole_readings(&log, &["orders".to_owned()])[..] else { panic!("it is told once") };
    assert!(problem.starts_with("select 1\nreads all of orders"), "{problem}");
}
