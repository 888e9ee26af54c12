//! An empty database for a test, dropped when the test ends, however it ends.

use std::{
    env, panic, process,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use migration::Migrator;
use sea_orm_migration::{
    MigratorTrait,
    sea_orm::{
        ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, QueryResult, SqlxPostgresConnector, Statement,
        sqlx::postgres::{PgConnectOptions, PgPoolOptions},
    },
};
use tempfile::TempDir;

/// An empty database, to which any number of pools may connect.
#[derive(Clone)]
pub enum Scratch {
    Postgres(Box<PgConnectOptions>),
    Sqlite(String),
}

impl Scratch {
    /// A new pool, as another process would have it.
    pub async fn connect(&self) -> DatabaseConnection {
        match self {
            Self::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(4).connect_with(options.as_ref().clone()).await;
                SqlxPostgresConnector::from_sqlx_postgres_pool(pool.unwrap())
            }
            Self::Sqlite(url) => Database::connect(url).await.unwrap(),
        }
    }
}

/// Runs the test on an empty SQLite file.
pub async fn on_sqlite<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Scratch) -> F) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("scratch.db");
    test(Scratch::Sqlite(format!("sqlite://{}?mode=rwc", path.display()))).await;
}

/// Runs the test on an empty PostgreSQL database.
pub async fn on_postgres<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Scratch) -> F) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let url = env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL must name a PostgreSQL database whose user may create databases");
    let name = format!("migration_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let server = Database::connect(&url).await.expect("TEST_DATABASE_URL must be reachable");
    server.execute_unprepared(&format!("create database {name}")).await.unwrap();
    let options = PgConnectOptions::from_str(&url).unwrap().database(&name);
    let outcome = tokio::spawn(test(Scratch::Postgres(Box::new(options)))).await;
    server.execute_unprepared(&format!("drop database {name} with (force)")).await.unwrap();
    if let Err(error) = outcome {
        panic::resume_unwind(error.into_panic());
    }
}

/// Declares a test for each of the two databases.
macro_rules! on_both {
    ($name:ident) => {
        mod $name {
            #[tokio::test]
            async fn on_postgres() {
                crate::scratch::on_postgres(super::$name).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                crate::scratch::on_sqlite(super::$name).await;
            }
        }
    };
}
pub(crate) use on_both;

pub async fn execute(db: &DatabaseConnection, sql: &str) -> Result<(), DbErr> {
    db.execute_unprepared(sql).await.map(|_| ())
}

pub async fn query(db: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{error} in {sql}"))
}

/// The only value of the only row, as text.
pub async fn value(db: &DatabaseConnection, expression: &str, from: &str) -> String {
    let sql = format!("select cast({expression} as varchar(1000)) as value from {from}");
    let rows = query(db, &sql).await;
    assert_eq!(rows.len(), 1, "{sql}");
    rows[0].try_get::<Option<String>>("", "value").unwrap().unwrap_or_else(|| "null".into())
}

/// All rows of the expression, as texts in order.
pub async fn values(db: &DatabaseConnection, expression: &str, from: &str) -> Vec<String> {
    let rows = query(db, &format!("select {expression} as value from {from}")).await;
    let mut values: Vec<String> = rows.iter().map(|row| row.try_get("", "value").unwrap()).collect();
    values.sort();
    values
}

/// Everything that the migrations made, one line each, except their own list. SQLite keeps the text of what made it: whether names are quoted
/// and words are large is no difference.
pub async fn schema(db: &DatabaseConnection) -> Vec<String> {
    match db.get_database_backend() {
        DbBackend::Postgres => {
            let mut lines = values(
                db,
                "concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), \
                 case when attnotnull then 'not null' end, attidentity, pg_get_expr(adbin, adrelid))",
                "pg_attribute join pg_class on pg_class.oid = attrelid and relkind = 'r' \
                 left join pg_attrdef on adrelid = attrelid and adnum = attnum \
                 where relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped",
            )
            .await;
            for (expression, from) in [
                (
                    "concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))",
                    "pg_constraint where connamespace = 'public'::regnamespace",
                ),
                ("indexdef", "pg_indexes where schemaname = 'public'"),
                ("concat_ws(' ', enumtypid::regtype, enumsortorder, enumlabel)", "pg_enum"),
            ] {
                lines.extend(values(db, expression, from).await);
            }
            lines.retain(|line| !line.contains("seaql_migrations"));
            lines
        }
        DbBackend::Sqlite => {
            values(
                db,
                "type || ' ' || name || ' ' || lower(replace(sql, '\"', ''))",
                "sqlite_master where sql is not null and name not like '%seaql_migrations%' \
                 and name not like 'sqlite_%'",
            )
            .await
        }
        other => panic!("{other:?}"),
    }
}

/// Fails with the lines that only one of the two has.
pub fn assert_same(actual: &[String], expected: &[String], context: &str) {
    let only = |here: &[String], there: &[String]| -> Vec<String> {
        here.iter().filter(|line| !there.contains(line)).cloned().collect()
    };
    let (added, missing) = (only(actual, expected), only(expected, actual));
    assert!(actual == expected, "{context}:\nadded {added:#?}\nmissing {missing:#?}");
}

/// How many migrations there are up to and with the one of this name.
pub fn steps_to(name: &str) -> u32 {
    let names = Migrator::migrations();
    let position = names.iter().position(|migration| migration.name().ends_with(name));
    u32::try_from(position.unwrap_or_else(|| panic!("no migration {name}")) + 1).unwrap()
}

/// The migrations that build the ERD's eight tables.
pub fn erd_steps() -> u32 {
    steps_to("create_reviews")
}

/// Rows in the ERD's form: four orders, of which 1 has items, 2 has a driver, 3 has neither items nor a driver, and 4 has odd cents.
pub async fn insert_erd_rows(db: &DatabaseConnection) {
    let earlier = "'2026-01-02T03:04:05+00:00'";
    for sql in [
        format!(
            "insert into customers (id, name, email, created_at, updated_at) values \
                 (1, 'Đặng  Thị Hoà', 'hoa@example.com', {earlier}, {earlier}), \
                 (2, 'Ann', 'Ann@Example.com', {earlier}, {earlier})"
        ),
        format!(
            "insert into restaurants (id, name, address, phone, cuisine_type, created_at) values \
                 (1, 'Phở Bò', '1 Phố Huế', '1', 'vietnamese', {earlier}), \
                 (2, 'Käsehaus', '2 Straße', '2', 'german', {earlier})"
        ),
        "insert into menus (id, restaurant_id, name) values (1, 1, 'Menu'), (2, 2, 'Menu')".into(),
        "insert into dishes (id, menu_id, name, description, price, category) values \
         (1, 1, 'Phở', 'Nóng', 10.10, 'Soup'), (2, 1, 'Chè', null, 0.20, 'Dessert')"
            .into(),
        "insert into drivers (id, name, phone, license_number, vehicle_type, current_lat, current_lng) values \
         (1, 'Max', '3', 'L1', 'bike', 21.02851234, -105.80481234)"
            .into(),
        format!(
            "insert into orders (id, customer_id, restaurant_id, driver_id, order_time, total_amount, \
                 delivery_fee, status, delivery_address) values \
                 (1, 1, 1, null, {earlier}, 20.40, 2.99, 'DELIVERED', '{{}}'), \
                 (2, 2, 1, 1, {earlier}, 10.10, 0, 'PICKED_UP', '{{}}'), \
                 (3, 2, 2, null, {earlier}, 7.00, 1.50, 'CANCELLED', '{{}}'), \
                 (70000, 2, 1, null, {earlier}, 0.60, 0.10, 'PENDING', '{{}}')"
        ),
        "insert into order_items (order_id, dish_id, quantity, unit_price) values \
         (1, 1, 2, 10.10), (1, 2, 1, 0.20), (2, 1, 1, 10.10), (70000, 2, 3, 0.20)"
            .into(),
        format!(
            "insert into reviews (id, customer_id, restaurant_id, rating, created_at) values \
                 (1, 1, 1, 5, {earlier}), (2, 2, 1, 4, {earlier})"
        ),
    ] {
        execute(db, &sql).await.unwrap_or_else(|error| panic!("{error} in {sql}"));
    }
}
