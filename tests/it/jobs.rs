//! Jobs: letters and time-outs survive whatever becomes of the process that promised them, and operators see what has failed.
//!
//! `TIFFIN_TEST_JOBS=20000 ./test jobs::throughput -- --nocapture` measures how many are done in a second.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use entity::{
    jobs, order_events,
    sea_orm_active_enums::{JobState, OrderStatus::Cancelled},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, Mailbox, Person, Proxy, both_databases, builders::Order};

use crate::process::eventually;

async fn sign_up(person: &Person, email: &str) -> Answer {
    let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { user { id } } } }";
    let input = json!({"email": email, "password": "a long enough password", "name": "Ann Example"});
    person.query(document, json!({"input": input})).await
}

/// A city whose letters go by a line to the mailbox.
async fn city_behind(database: Database, mailbox: &Mailbox) -> (City, Proxy) {
    let line = Proxy::to(mailbox.url()).await;
    let mut settings = mailbox.settings();
    settings.push(("TIFFIN_MAIL_SMTP_URL".to_owned(), line.url().to_owned()));
    settings.push(("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES".to_owned(), "5".to_owned()));
    (City::with_settings(database, &settings).await, line)
}

/// Jobs of this kind.
async fn of_kind(city: &City, kind: &str) -> Vec<jobs::Model> {
    jobs::Entity::find().filter(jobs::Column::Kind.eq(kind)).all(city.db()).await.expect("jobs can be read")
}

/// Orders whose time is up, without jobs, as if an older version of the server had placed them.
async fn overdue_orders(city: &City, count: usize) -> Vec<Order> {
    let restaurant = city.restaurant().with_dishes(1).create().await;
    let ann = city.customer("Ann").await;
    let mut orders = Vec::new();
    for _ in 0..count {
        let placed_at = (Utc::now() - TimeDelta::minutes(90)).fixed_offset();
        orders.push(city.order(&ann, &restaurant).placed_at(placed_at).create().await);
    }
    orders
}

/// Each order is cancelled, by one step.
async fn expect_cancelled_once(city: &City, orders: &[Order]) {
    let cancelled = order_events::Entity::find().filter(order_events::Column::Status.eq(Cancelled));
    eventually("all are cancelled", async || {
        cancelled.clone().count(city.db()).await.expect("counted") == orders.len() as u64
    })
    .await;
    for order in orders {
        assert_eq!(city.order_row(&order.id()).await.status, Cancelled);
        assert_eq!(city.order_events(&order.id()).await.len(), order.events.len() + 1);
    }
    eventually("no time-out is left", async || of_kind(city, "acceptance_timeout").await.is_empty()).await;
}

both_databases! {
    async fn a_letter_outlives_the_process_that_promised_it(database: Database) {
        let mailbox = Mailbox::start().await;
        let (mut city, line) = city_behind(database, &mailbox).await;
        // The mail server hangs for the first, and is away for the second.
        line.freeze();
        sign_up(&city.anonymous(), "ann@example.com").await.expect_success();
        city.server_mut().kill();
        line.mend();
        line.cut();
        city.start_again().await;
        sign_up(&city.anonymous(), "ben@example.com").await.expect_success();
        let waiting = of_kind(&city, "account_letter").await;
        assert_eq!(waiting.len(), 2);
        for letter in waiting {
            assert_eq!(letter.payload, json!("verify_email"), "neither a token nor a text lies in the queue");
        }
        city.stop().await;
        line.mend();
        city.start_again().await;
        for email in ["ann@example.com", "ben@example.com"] {
            let token = mailbox.next_letter_to(email).await.token();
            let verify = "mutation($token: String!) { verifyEmail(input: {token: $token}) { user { email emailVerified } } }";
            let verified = city.anonymous().query(verify, json!({"token": token})).await;
            assert_eq!(verified.at("/verifyEmail/user"), &json!({"email": email, "emailVerified": true}));
        }
        eventually("the queue is empty", async || of_kind(&city, "account_letter").await.is_empty()).await;
    }

    async fn what_is_refused_for_good_is_a_dead_letter_that_operators_see(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = City::with_settings(database, &mailbox.settings()).await;
        sign_up(&city.anonymous(), "ann@nowhere.example").await.expect_success();
        eventually("it is dead", async || of_kind(&city, "account_letter").await.iter().any(|job| job.state == JobState::Dead)).await;
        let ready = reqwest::get(city.server().url("/health/ready")).await.expect("the server answers");
        let ready: serde_json::Value = ready.json().await.expect("JSON");
        assert_eq!(ready["status"], "ok", "a dead letter harms nobody: {ready:#}");

        let listed = city.run_command(&["jobs", "list", "--kind", "account_letter", "--state", "dead"]).await.expect_success();
        assert!(listed.contains("account_letter") && listed.contains("the SMTP server answers 550"), "{listed}");
        assert!(!listed.contains("nowhere"), "{listed}");
        let number = listed.split_whitespace().next().expect("its number").to_owned();
        assert_eq!(city.run_command(&["jobs", "retry", &number]).await.expect_success(), "1 job due now\n");
        eventually("it is dead again", async || of_kind(&city, "account_letter").await.iter().any(|job| job.state == JobState::Dead)).await;
        let discarded = city.run_command(&["jobs", "discard", "--kind", "account_letter"]).await.expect_success();
        assert_eq!(discarded, "1 job discarded\n");
        assert!(of_kind(&city, "account_letter").await.is_empty());
        assert_eq!(city.run_command(&["jobs", "discard"]).await.code, Some(2), "not everything");
        let recurring = of_kind(&city, "forget_expired").await;
        assert_eq!(recurring.len(), 1);
        let discarded = city.run_command(&["jobs", "discard", &recurring[0].id.to_string()]).await.expect_success();
        assert_eq!(discarded, "0 jobs discarded\n", "what recurs stays");
    }

    async fn an_order_is_placed_with_its_time_out(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let [timeout] = &of_kind(city, "acceptance_timeout").await[..] else { panic!("there is one") };
        let row = city.order_row(&order).await;
        assert_eq!(timeout.subject_id, Some(row.id));
        let minutes = (timeout.due_at - row.order_time).num_seconds() / 60;
        assert!((14..=15).contains(&minutes), "{timeout:?}");
        // When its time comes and the order was accepted, nothing happens to it.
        staff.update_order_status(&order, entity::sea_orm_active_enums::OrderStatus::Confirmed).await.expect_success();
        city.db().execute_unprepared("update jobs set due_at = created_at where kind = 'acceptance_timeout'").await.expect("written");
        eventually("it is done", async || of_kind(city, "acceptance_timeout").await.is_empty()).await;
        assert_eq!(city.order_events(&order).await.len(), 2);
    }

    async fn a_time_out_goes_by_the_configuration_of_when_it_runs(database: Database) {
        let mut city = City::with_settings(database, &[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "5")]).await;
        let orders = overdue_orders(&city, 1).await;
        city.stop().await;
        let mut patient = city.another_server_with(&[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "1000")]).await;
        let later = async || matches!(&of_kind(&city, "acceptance_timeout").await[..], [job] if job.due_at > Utc::now() && job.holder.is_none());
        eventually("it is put off", later).await;
        patient.stop().await;
        city.db().execute_unprepared("update jobs set due_at = created_at where kind = 'acceptance_timeout'").await.expect("written");
        city.start_again().await;
        expect_cancelled_once(&city, &orders).await;
    }

    async fn servers_that_are_killed_at_any_moment_leave_nothing_undone_and_do_nothing_twice(database: Database) {
        let seed = std::env::var("TIFFIN_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
        println!("TIFFIN_TEST_SEED={seed}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut city = City::with_settings(database, &[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "5")]).await;
        city.stop().await;
        let orders = overdue_orders(&city, 120).await;
        for _ in 0..4 {
            city.start_again().await;
            // The database is busy enough that some are in hand.
            tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
            city.server_mut().kill();
        }
        city.start_again().await;
        expect_cancelled_once(&city, &orders).await;
    }
}

/// On PostgreSQL the database is elsewhere, and may hang or be away.
#[test]
fn a_database_that_hangs_or_is_away_holds_jobs_up_and_loses_none() {
    tiffin_tests::run(async {
        let mailbox = Mailbox::start().await;
        let mut city = City::with_settings(Database::Postgres, &mailbox.settings()).await;
        let line = Proxy::to(city.setting("DATABASE_URL")).await;
        let short = [
            ("DATABASE_URL", line.url()),
            ("TIFFIN_DATABASE_ACQUIRE_TIMEOUT_SECONDS", "2"),
            ("TIFFIN_DATABASE_STATEMENT_TIMEOUT_SECONDS", "2"),
            ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "2"),
        ];
        city.stop().await;
        let server = city.another_server_with(&short).await;
        let anonymous = city.anonymous().at(&server);
        for (email, break_line) in [("ann@example.com", Proxy::freeze as fn(&Proxy)), ("ben@example.com", Proxy::cut)] {
            sign_up(&anonymous, email).await.expect_success();
            // The letter is anywhere between its row and the row's deletion.
            break_line(&line);
            tokio::time::sleep(Duration::from_secs(4)).await;
            line.mend();
            assert_eq!(mailbox.next_letter_to(email).await.subject, "Confirm your e-mail address");
            eventually("its result is written", async || of_kind(&city, "account_letter").await.is_empty()).await;
        }
    });
}

#[test]
fn two_processes_share_the_work() {
    tiffin_tests::run(async {
        let mut city =
            City::with_settings(Database::Postgres, &[("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "5")]).await;
        city.stop().await;
        let orders = overdue_orders(&city, 60).await;
        let (_one, _other) = tokio::join!(city.another_server(), city.another_server());
        expect_cancelled_once(&city, &orders).await;
        for kind in ["forget_expired", "old_routes", "missing_acceptance_timeouts", "old_dead_letters"] {
            assert_eq!(of_kind(&city, kind).await.len(), 1, "{kind}");
        }
    });
}

both_databases! {
    /// How many jobs are done in a second, by as many processes as there may be. Each reads the order that it is about, which waits no more.
    async fn throughput(database: Database) {
        let count: u64 = std::env::var("TIFFIN_TEST_JOBS").ok().and_then(|count| count.parse().ok()).unwrap_or(500);
        let mut city = City::with_settings(database, &[("TIFFIN_LOG", "info")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).status(Cancelled).create().await;
        city.stop().await;
        let (numbers, time) = match database {
            Database::Postgres => ("generate_series(1, $1) as numbers(n)", "$2::timestamptz"),
            Database::Sqlite => ("(with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < $1) select n from numbers)", "$2"),
        };
        let due_at = Utc::now() + TimeDelta::seconds(8);
        let fill = format!(
            "insert into jobs (kind, state, payload, subject_id, due_at, created_at) \
             select 'acceptance_timeout', 'READY', '{{}}', {}, {time}, {time} from {numbers}",
            order.row.id
        );
        let backend = city.db().get_database_backend();
        let values: [sea_orm::Value; 2] = [i64::try_from(count).expect("a number").into(), due_at.into()];
        city.db().execute_raw(sea_orm::Statement::from_sql_and_values(backend, fill, values)).await.expect("written");
        let one = city.another_server().await;
        let other = match database {
            Database::Postgres => Some(city.another_server().await),
            Database::Sqlite => None,
        };
        let (due, begun) = ((due_at - Utc::now()).to_std().unwrap_or_default(), Instant::now());
        tokio::time::sleep(due).await;
        let used = one.usage().processor + other.as_ref().map_or(Duration::ZERO, |server| server.usage().processor);
        let left = jobs::Entity::find().filter(jobs::Column::Kind.eq("acceptance_timeout"));
        eventually("all are done", async || left.clone().count(city.db()).await.expect("counted") == 0).await;
        let taken = (begun.elapsed() - due).as_secs_f64();
        let used = one.usage().processor + other.as_ref().map_or(Duration::ZERO, |server| server.usage().processor) - used;
        println!("{database:?}: {count} jobs in {taken:.2} s are {:.0} a second, with {used:?} of the servers' processor time", count as f64 / taken);
    }
}
