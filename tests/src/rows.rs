//! Reads rows straight from the database, to compare them with what the server answers.

use entity::{drivers, order_events, orders, restaurants, sea_orm_active_enums::DriverStatus};
use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Statement};

use crate::{City, Database, Person, builders::Restaurant};

/// The number in an id such as `Order:42`.
pub fn row_number(id: &str) -> i32 {
    let number = id.split_once(':').and_then(|(_, number)| number.parse().ok());
    number.unwrap_or_else(|| panic!("{id} is not an id"))
}

impl City {
    /// How many statements of servers wait for a lock. PostgreSQL's.
    pub async fn statements_that_wait_for_locks(&self) -> i64 {
        let waiting = "select count(*) from pg_stat_activity where application_name = 'tiffin' \
             and datname = current_database() and wait_event_type = 'Lock'";
        let statement = Statement::from_string(self.db().get_database_backend(), waiting);
        let row =
            self.db().query_one_raw(statement).await.expect("the activity can be read").expect("a count has a row");
        row.try_get_by_index(0).expect("it is a number")
    }

    /// The order with this id (`Order:…`).
    pub async fn order_row(&self, id: &str) -> orders::Model {
        let row = orders::Entity::find_by_id(row_number(id)).one(self.db()).await;
        row.expect("orders can be read").unwrap_or_else(|| panic!("there is no {id}"))
    }

    /// The history of the order with this id, oldest first.
    pub async fn order_events(&self, id: &str) -> Vec<order_events::Model> {
        let events = order_events::Entity::find()
            .filter(order_events::Column::OrderId.eq(row_number(id)))
            .order_by_asc(order_events::Column::Sequence);
        events.all(self.db()).await.expect("events can be read")
    }

    pub async fn driver_status(&self, driver: &Person) -> DriverStatus {
        let row = drivers::Entity::find_by_id(driver.driver().id).one(self.db()).await;
        row.expect("drivers can be read").expect("the driver is there").status
    }

    pub async fn restaurant_row(&self, restaurant: &Restaurant) -> restaurants::Model {
        let row = restaurants::Entity::find_by_id(restaurant.row.id).one(self.db()).await;
        row.expect("restaurants can be read").expect("the restaurant is there")
    }

    /// Every row of every table, by the table's name: to see that nothing was written. What has become of the journal's events, that a process
    /// lives, and when a recurring job is due are left out, for the server notes them by and by.
    pub async fn contents(&self) -> BTreeMap<String, Vec<String>> {
        let tables = match self.database() {
            Database::Postgres => "select tablename as name from pg_tables where schemaname = 'public'",
            Database::Sqlite => "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'",
        };
        let mut contents = BTreeMap::new();
        // What the server numbers by itself a moment later; on PostgreSQL in partitions, whose names begin alike.
        let noted = ["processes", "journal_positions", "journal_entries", "journal_runs"];
        let is_noted = |table: &String| noted.iter().any(|noted| table.starts_with(noted));
        for table in self.texts(tables, "name").await.into_iter().filter(|table| !is_noted(table)) {
            let row = match self.database() {
                Database::Postgres => format!("to_jsonb({table})::text"),
                Database::Sqlite => {
                    let columns = format!("select name from pragma_table_info('{table}')");
                    let columns = self.texts(&columns, "name").await;
                    format!("json_array({})", columns.join(", "))
                }
            };
            let told = if table == "jobs" { "coalesce(unique_key, '') <> 'recurring'" } else { "true" };
            let rows = format!("select {row} as content from {table} where {told} order by 1");
            let rows = self.texts(&rows, "content").await;
            contents.insert(table, rows);
        }
        contents
    }

    async fn texts(&self, sql: &str, column: &str) -> Vec<String> {
        let rows = self.db().query_all_raw(Statement::from_string(self.db().get_database_backend(), sql)).await;
        let rows = rows.expect("the database can be read");
        rows.iter().map(|row| row.try_get("", column).expect("it is text")).collect()
    }
}
