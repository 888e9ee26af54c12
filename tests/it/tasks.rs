//! Supervision of background tasks: a task that fails is restarted, and an item that fails holds up no other.

use chrono::{TimeDelta, Utc};
use entity::{
    drivers, orders,
    sea_orm_active_enums::OrderStatus::{self, Cancelled, Confirmed, Pending},
    sessions,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, TransactionTrait};
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Person, Server, both_databases, builders::Order};

use crate::{metrics::metric, process::eventually};

async fn readiness(server: &Server) -> (u16, Value) {
    let response = reqwest::get(server.url("/health/ready")).await.expect("the server answers");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

async fn execute(city: &City, sql: &str) {
    city.db().execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

both_databases! {
    async fn a_task_that_fails_is_named_with_its_cause_until_it_does_well(database: Database) {
        let mut city = City::new(database).await;
        execute(&city, "alter table jobs rename column due_at to broken").await;
        city.stop().await;
        let server = city.another_server().await;
        let failing = json!(["job_backlogs", "jobs"]);
        eventually("it is named", async || readiness(&server).await.1["tasks"]["failing"] == failing).await;
        let (status, body) = readiness(&server).await;
        assert_eq!((status, &body["status"]), (200, &json!("degraded")), "{body:#}");
        assert_eq!(metric(&server, "tiffin_task_failing", &[("task", "jobs")]).await, 1);
        assert!(metric(&server, "tiffin_task_restarts_total", &[("task", "jobs")]).await >= 1);
        assert_eq!(metric(&server, "tiffin_task_failing", &[("task", "journal")]).await, 0);
        let log = server.log();
        let told = log.lines().filter(|line| line.contains("a background task failed"));
        assert!(told.clone().count() > 0 && told.clone().all(|line| line.contains("due_at")), "{log}");
        city.anonymous().at(&server).query("{ restaurants { totalCount } }", json!({})).await.expect_success();

        // A connection to SQLite that has read the old names looks again only when it reads the table.
        let mend = "select 1 from jobs; alter table jobs rename column broken to due_at";
        execute(&city, mend).await;
        eventually("it does well", async || readiness(&server).await.1["status"] == "ok").await;
        assert_eq!(readiness(&server).await.1["tasks"], json!({ "status": "ok" }));
        assert_eq!(metric(&server, "tiffin_task_failing", &[("task", "jobs")]).await, 0);
        assert!(server.log().contains("does well again"));
    }

    async fn an_item_that_always_fails_holds_up_no_other(database: Database) {
        let mut city = City::with_settings(database, &[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "0")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy, ivo) = (city.customer("Ann").await, city.driver("Duy").await, city.driver("Ivo").await);
        let [bad, good] = [90, 60].map(|minutes| Utc::now() - TimeDelta::minutes(minutes));
        let bad = city.order(&ann, &restaurant).placed_at(bad.fixed_offset()).create().await;
        let good = city.order(&ann, &restaurant).placed_at(good.fixed_offset()).create().await;
        let (bad_session, good_session) = (old_session(&city, &ann).await, old_session(&city, &ann).await);
        poison(&city, "orders", "update", bad.row.id).await;
        poison(&city, "sessions", "delete", bad_session).await;
        poison(&city, "drivers", "update", duy.driver().id).await;
        city.stop().await;
        let server = city.another_server_with(&[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "5")]).await;
        for driver in [&duy, &ivo] {
            driver.at(&server).move_to(21.25, 105.25).await.expect_success();
        }

        eventually("the other order is cancelled", async || status(&city, &good).await == Cancelled).await;
        eventually("the other driver's place is written", async || is_located(&city, &ivo).await).await;
        eventually("the other session is forgotten", async || !exists(&city, good_session).await).await;
        assert_eq!(status(&city, &bad).await, Pending);
        assert!(!is_located(&city, &duy).await && exists(&city, bad_session).await);
        let (code, body) = readiness(&server).await;
        assert_eq!((code, &body["status"]), (200, &json!("ok")), "{body:#}");
        let failed = [("kind", "acceptance_timeout"), ("outcome", "failed")];
        assert!(metric(&server, "tiffin_job_attempts_total", &failed).await > 0);
        let log = server.log();
        for item in ["acceptance_timeout", "expired_sessions"] {
            let told = log.lines().filter(|line| line.contains(item) && line.contains("\"WARN\"")).collect::<Vec<_>>();
            assert!(told.len() == 1 && told[0].contains("poison"), "{told:#?}");
        }

        for table in ["orders", "drivers"] {
            cure(&city, table).await;
        }
        eventually("it is cancelled in the end", async || status(&city, &bad).await == Cancelled).await;
        eventually("the place is written", async || is_located(&city, &duy).await).await;
    }
}

/// Makes every change of this kind to this row fail.
async fn poison(city: &City, table: &str, change: &str, id: i32) {
    let row = if change == "delete" { "old" } else { "new" };
    poison_where(city, table, change, &format!("{row}.id = {id}")).await;
}

async fn poison_where(city: &City, table: &str, change: &str, condition: &str) {
    let trigger = format!("create trigger poison_{table} before {change} on {table} for each row when");
    match city.database() {
        Database::Postgres => {
            let function = "create or replace function poison() returns trigger language plpgsql as \
                            $$ begin raise exception 'poison'; end $$";
            execute(city, function).await;
            execute(city, &format!("{trigger} ({condition}) execute function poison()")).await;
        }
        Database::Sqlite => {
            execute(city, &format!("{trigger} {condition} begin select raise(abort, 'poison'); end")).await;
        }
    }
}

async fn cure(city: &City, table: &str) {
    match city.database() {
        Database::Postgres => execute(city, &format!("drop trigger poison_{table} on {table}")).await,
        Database::Sqlite => execute(city, &format!("drop trigger poison_{table}")).await,
    }
}

/// A session that ended long ago.
async fn old_session(city: &City, person: &Person) -> i32 {
    let session = city.session(person.user()).await;
    let ended = Set(Some((Utc::now() - TimeDelta::days(60)).fixed_offset()));
    let session = sessions::ActiveModel { id: Set(session.id), ended_at: ended, ..Default::default() };
    session.update(city.db()).await.expect("a session can be written").id
}

async fn exists(city: &City, session: i32) -> bool {
    sessions::Entity::find_by_id(session).one(city.db()).await.expect("read").is_some()
}

async fn status(city: &City, order: &Order) -> OrderStatus {
    city.order_row(&order.id()).await.status
}

async fn is_located(city: &City, driver: &Person) -> bool {
    let row = drivers::Entity::find_by_id(driver.driver().id).one(city.db()).await.expect("read");
    row.expect("it is there").current_lat.is_some()
}

/// What somebody else has done with the order by then is no failure.
#[test]
fn an_order_that_is_accepted_at_the_wrong_moment_holds_up_no_cancellation() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Postgres, &[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "0")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let mut overdue = Vec::new();
        for minutes in [90, 80, 70] {
            let placed_at = (Utc::now() - TimeDelta::minutes(minutes)).fixed_offset();
            overdue.push(city.order(&ann, &restaurant).placed_at(placed_at).create().await);
        }
        // It is being accepted when its time is up: the server has seen it waiting, and waits itself.
        let accepted = city.db().begin().await.expect("begins");
        let accept = format!("update orders set status = 'CONFIRMED' where id = {}", overdue[1].row.id);
        accepted.execute_unprepared(&accept).await.expect("locked");
        let settings = [
            ("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "5"),
            ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "60"),
            ("TIFFIN_DATABASE_STATEMENT_TIMEOUT_SECONDS", "60"),
            ("TIFFIN_LIMITS_OPERATION_TIMEOUT_SECONDS", "60"),
        ];
        let server = city.another_server_with(&settings).await;
        eventually("the server waits", async || city.statements_that_wait_for_locks().await > 0).await;
        accepted.commit().await.expect("let go");

        for (order, expected) in overdue.iter().zip([Cancelled, Confirmed, Cancelled]) {
            eventually("each is what it should be", async || status(&city, order).await == expected).await;
        }
        let log = server.log();
        assert!(!log.contains("a background task failed") && !log.contains("a job failed"), "{log}");
        assert_eq!(orders::Entity::find().count(city.db()).await.expect("counted"), 3);
    });
}
