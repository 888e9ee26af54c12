//! The journal: events are told in one order, whatever else is open, rolled back, or long ago; and a feed reads what it tells.

use entity::{
    journal_events, journal_positions, journal_runs, order_events, orders,
    sea_orm_active_enums::OrderStatus::{Cancelled, Confirmed, Pending, Preparing},
};
use futures_util::future::join_all;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryOrder,
    QuerySelect, Statement, TransactionTrait,
};
use serde_json::{Value, json};
use tiffin_tests::{
    City, Database, Person, both_databases,
    builders::{Order, Restaurant},
    scratch_postgres,
};

use crate::process::eventually;

const KITCHEN: &str =
    "subscription($id: ID!, $after: String) { step: restaurantOrderChanged(restaurantId: $id, after: $after) {
    cursor sequence order { id } } }";

async fn execute(city: &City, sql: &str) {
    city.db().execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect("the database answers").expect("a row").try_get_by_index(0).expect("a number")
}

async fn last_run(city: &City) -> journal_runs::Model {
    let newest = journal_runs::Entity::find().order_by_desc(journal_runs::Column::Id).limit(1);
    newest.one(city.db()).await.expect("runs can be read").expect("there is one")
}

async fn cursor(viewer: &Person, order: &str) -> String {
    let answer = viewer.query("query($id: ID!) { order(id: $id) { events { cursor } } }", json!({ "id": order })).await;
    answer.list("/order/events").last().unwrap()["cursor"].as_str().unwrap().to_owned()
}

async fn expect_expired(viewer: &Person, restaurant: &Restaurant, after: &str) {
    let variables = json!({ "id": restaurant.id(), "after": after });
    let refusal = viewer.subscribe(KITCHEN, variables).await.first_answer().await;
    refusal.expect_error("BAD_USER_INPUT", "after");
    assert_eq!(refusal.body["errors"][0]["extensions"]["reason"], "CURSOR_EXPIRED", "{:?}", refusal.body);
}

/// Confirms the order as a server from before the journal does: the id is taken at once, the rest when the transaction ends.
async fn confirm_in_tx(transaction: &impl ConnectionTrait, order: &Order) {
    let row = orders::ActiveModel { id: Set(order.row.id), status: Set(Confirmed), ..Default::default() };
    row.update(transaction).await.unwrap();
    let event = order_events::ActiveModel {
        order_id: Set(order.row.id),
        sequence: Set(2),
        status: Set(Confirmed),
        previous_status: Set(Some(Pending)),
        actor: Set("SYSTEM".to_owned()),
        at: Set(order.row.order_time),
        ..Default::default()
    };
    event.insert(transaction).await.unwrap();
}

#[test]
fn a_write_transaction_in_another_database_keeps_nothing_back() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let elsewhere = scratch_postgres().await;
        let other = sea_orm::Database::connect(&elsewhere.url).await.unwrap();
        other.execute_unprepared("create table notes (text text)").await.unwrap();
        let open = other.begin().await.unwrap();
        open.execute_unprepared("insert into notes values ('for hours')").await.unwrap();

        let mut kitchen = staff.subscribe(KITCHEN, json!({ "id": restaurant.id() })).await;
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        assert_eq!(kitchen.next_event().await.text("/step/order/id"), order);
        staff.update_order_status(&order, Confirmed).await.expect_success();
        assert_eq!(kitchen.next_event().await.get::<i64>("/step/sequence"), 2);
        open.rollback().await.unwrap();
    });
}

#[test]
fn a_step_that_commits_long_after_others_is_told_then_and_one_that_never_does_is_forgotten() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let (late, never) =
            (city.order(&ann, &restaurant).create().await, city.order(&ann, &restaurant).create().await);
        let mut kitchen = staff.subscribe(KITCHEN, json!({ "id": restaurant.id() })).await;
        kitchen.next_events(2).await;

        let gaps = async || last_run(&city).await.gaps.as_array().unwrap().len();
        let mut place = async || {
            let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            assert_eq!(kitchen.next_event().await.text("/step/order/id"), order);
            order
        };

        let rolled_back = city.db().begin().await.unwrap();
        confirm_in_tx(&rolled_back, &never).await;
        rolled_back.rollback().await.unwrap();
        place().await;
        assert_eq!(gaps().await, 1, "nobody knows yet that nothing comes");
        let mut tries = 0;
        while gaps().await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            place().await;
            tries += 1;
            assert!(tries < 200, "what was rolled back is not forgotten: {:?}", last_run(&city).await.gaps);
        }

        // What is open is not forgotten, however often it is looked at.
        let open = city.db().begin().await.unwrap();
        confirm_in_tx(&open, &late).await;
        let mut last = String::new();
        for _ in 0..15 {
            last = place().await;
            assert_eq!(gaps().await, 1);
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        open.commit().await.unwrap();
        let told = kitchen.next_event().await;
        assert_eq!((told.text("/step/order/id"), told.get::<i64>("/step/sequence")), (late.id().as_str(), 2));
        eventually("no gap is left", async || gaps().await == 0).await;
        // Whoever goes on after the last step before that is told of it, and of nothing else.
        let after = cursor(&ann, &last).await;
        let mut again = staff.subscribe(KITCHEN, json!({ "id": restaurant.id(), "after": after })).await;
        assert_eq!(again.next_event().await.text("/step/order/id"), late.id());
    });
}

both_databases! {
    async fn what_is_older_than_is_kept_is_refused(database: Database) {
        let mut city = City::with_settings(database, &[("TIFFIN_JOURNAL_KEPT_DAYS", "2")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let old = cursor(&ann, &order).await;
        staff.update_order_status(&order, Confirmed).await.expect_success();
        let after = cursor(&ann, &order).await;
        eventually("both are numbered", async || journal_positions::Entity::find().count(city.db()).await.unwrap() == 2).await;
        city.stop().await;
        let mut event = journal_events::Entity::find().order_by_asc(journal_events::Column::Id).one(city.db()).await.unwrap().unwrap();
        event.at -= chrono::TimeDelta::days(3);
        let event = journal_events::ActiveModel { id: Set(event.id), at: Set(event.at), ..Default::default() };
        event.update(city.db()).await.unwrap();
        city.start_again().await;
        let (staff, server) = (staff.at(city.server()), city.server());

        expect_expired(&staff, &restaurant, &old).await;
        let mut kitchen = staff.subscribe(KITCHEN, json!({ "id": restaurant.id(), "after": after })).await;
        staff.update_order_status(&order, Preparing).await.expect_success();
        assert_eq!(kitchen.next_event().await.get::<i64>("/step/sequence"), 3);
        // The order's own history is whole.
        let whole = "subscription($id: ID!) { step: orderStatusChanged(orderId: $id, after: 0) { sequence } }";
        let told = ann.at(server).subscribe(whole, json!({ "id": order })).await.next_events(3).await;
        assert_eq!(told.iter().map(|step| step.get::<i64>("/step/sequence")).collect::<Vec<_>>(), [1, 2, 3]);
        if database == Database::Sqlite {
            let left = "select count(*) from journal_entries where event_id = 1 \
                union all select count(*) from journal_positions where event_id = 1 \
                union all select count(*) from journal_events where id = 1";
            let sum = format!("select sum(\"count(*)\") from ({left})");
            eventually("it is deleted", async || number(city.db(), &sum).await == 0).await;
        }
    }

    async fn rights_that_change_are_in_the_journal(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (mai, admin) = (city.merchant_of(&restaurant).await, city.admin().await);
        let remove = "mutation($input: RemoveRestaurantMemberInput!) { removeRestaurantMember(input: $input) { __typename } }";
        let input = json!({ "restaurantId": restaurant.id(), "userId": mai.user_id() });
        admin.query(remove, json!({ "input": input })).await.expect_success();
        let deactivate = "mutation($input: SetUserActiveInput!) { setUserActive(input: $input) { __typename } }";
        admin.query(deactivate, json!({ "input": { "userId": mai.user_id(), "isActive": false } })).await.expect_success();
        let events = journal_events::Entity::find().all(city.db()).await.unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.subject)).collect();
        let user = i64::from(mai.user().id);
        assert_eq!(told, [("RIGHTS_CHANGE", user), ("RIGHTS_CHANGE", user)]);
        assert_eq!(events[0].topics, json!([format!("user:{user}")]));
        // What is refused leaves nothing.
        admin.query(remove, json!({ "input": input })).await.expect_code("NOT_FOUND");
        assert_eq!(journal_events::Entity::find().count(city.db()).await.unwrap(), 2);
    }

    async fn a_step_is_filed_under_all_whom_it_concerns(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, duy) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.driver("Duy").await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        staff.update_order_status(&order, Confirmed).await.expect_success();
        duy.assign_driver(&order, &duy).await.expect_success();
        duy.release_driver(&order).await.expect_success();
        staff.update_order_status(&order, Cancelled).await.expect_success();
        let events = journal_events::Entity::find().order_by_asc(journal_events::Column::Id).all(city.db()).await.unwrap();
        let filed: Vec<Value> = events.into_iter().map(|event| event.topics).collect();
        let always = [format!("restaurant:{}", restaurant.row.id), format!("customer:{}", ann.customer().id), "orders".to_owned()];
        let driver = format!("driver:{}", duy.driver().id);
        let with = |others: &[&str]| json!(always.iter().map(String::as_str).chain(others.iter().copied()).collect::<Vec<_>>());
        let expected = [
            with(&[]),
            with(&["claimable"]),
            with(&[&driver, "claimable"]),
            with(&[&driver, "claimable"]),
            with(&["claimable"]),
        ];
        assert_eq!(filed, expected);
    }
}

/// A trigger files the steps of servers from before the journal under the same topics.
#[test]
fn a_step_of_an_older_server_is_filed_as_ours_are() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).create().await;
        confirm_in_tx(city.db(), &order).await;
        let step = |sequence: i32, driver: &str| {
            format!(
                "insert into order_events (order_id, sequence, status, previous_status, driver_id, actor, at) \
                 values ({}, {sequence}, 'CONFIRMED', 'CONFIRMED', {driver}, 'SYSTEM', now())",
                order.row.id
            )
        };
        execute(&city, &step(3, &duy.driver().id.to_string())).await;
        execute(&city, &step(4, "null")).await;
        let events =
            journal_events::Entity::find().order_by_asc(journal_events::Column::Id).all(city.db()).await.unwrap();
        let filed: Vec<Vec<String>> = events[1..]
            .iter()
            .map(|event| {
                let topics = event.topics.as_array().unwrap().iter().map(|topic| topic.as_str().unwrap().to_owned());
                let mut topics: Vec<_> =
                    topics.filter(|topic| topic.starts_with('d') || topic == "claimable").collect();
                topics.sort();
                topics
            })
            .collect();
        let driver = format!("driver:{}", duy.driver().id);
        let expected = [vec!["claimable"], vec!["claimable", driver.as_str()], vec!["claimable", driver.as_str()]];
        assert_eq!(filed, expected);
        assert!(events.iter().all(|event| event.kind == "ORDER_STEP" && event.subject == i64::from(order.row.id)));
    });
}

/// Ten kitchens are 10,000 events behind, of which a tenth is each one's.
#[test]
fn feeds_that_are_far_behind_read_what_they_tell() {
    const KITCHENS: usize = 10;
    const STEPS: usize = 1_000;
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let ann = city.customer("Ann").await;
        let mut kitchens = Vec::new();
        for _ in 0..KITCHENS {
            let restaurant = city.restaurant().with_dishes(1).create().await;
            let staff = city.merchant_of(&restaurant).await;
            let order = city.order(&ann, &restaurant).create().await;
            let after = cursor(&ann, &order.id()).await;
            kitchens.push((staff, json!({ "id": restaurant.id(), "after": after })));
        }
        // Written as an older server does, in turn, which the trigger files.
        execute(
            &city,
            &format!(
                "insert into order_events (order_id, sequence, status, previous_status, actor, at) \
                 select id, 1 + step, 'PENDING', 'PENDING', 'SYSTEM', now() from generate_series(1, {STEPS}) as step, orders order by step, id"
            ),
        )
        .await;
        let all = KITCHENS * (STEPS + 1);
        eventually("all are numbered", async || {
            journal_positions::Entity::find().count(city.db()).await.unwrap() == all as u64
        })
        .await;
        execute(&city, "analyze").await;
        let before = rows_read(&city).await;
        join_all(kitchens.into_iter().map(async |(staff, variables)| {
            let told = staff.subscribe(KITCHEN, variables).await.next_events(STEPS).await;
            assert_eq!(told.last().unwrap().get::<usize>("/step/sequence"), STEPS + 1);
        }))
        .await;
        let after = rows_read(&city).await;
        let told = (KITCHENS * STEPS) as i64;
        for (table, read) in before.iter().zip(after).map(|((table, before), (_, after))| (table, after - before)) {
            assert!((told..=told * 11 / 10).contains(&read), "{read} rows of {table} were read for {told} steps");
        }
    });
}

/// The rows of what feeds are read from that were read so far, by table, when all that the server has read is counted.
async fn rows_read(city: &City) -> Vec<(&'static str, i64)> {
    // A connection that ends hands in its counts.
    let end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'tiffin' and datname = current_database()";
    execute(city, end).await;
    let mut read = Vec::new();
    for table in ["journal_entries", "order_events"] {
        let sql = format!(
            "select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint from pg_stat_user_tables where relname ~ '^{table}(_to_\\d+)?$'"
        );
        read.push((table, number(city.db(), &sql).await));
    }
    read
}

/// Lets the journal have come to this number.
async fn much_happens(city: &City, number: i64) {
    let statements = format!(
        "insert into journal_runs select id + 1, {number}, {number}, gaps, topics, life, at from journal_runs order by id desc limit 1; \
         select setval('order_events_position_seq', {number})"
    );
    execute(city, &statements).await;
}

/// On PostgreSQL there is always room for what comes, and what is old goes by the partition.
#[test]
fn partitions_are_made_ahead_and_dropped_when_they_are_old() {
    tiffin_tests::run(async {
        let mut city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let first = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let old = cursor(&ann, &first).await;
        eventually("it is numbered", async || last_run(&city).await.last_position == 1).await;
        city.stop().await;
        // Much has happened since.
        much_happens(&city, 990_000).await;
        city.start_again().await;
        let partitions = "select count(*) from pg_inherits join pg_class on oid = inhparent where relkind = 'p' and relname like 'journal\\_%'";
        eventually("there are new ones", async || number(city.db(), partitions).await == 6).await;
        city.stop().await;
        much_happens(&city, 1_000_500).await;
        city.start_again().await;
        let full = "select count(*) from pg_inherits join pg_class on oid = inhparent where relname like 'journal\\_%' \
             and obj_description(inhrelid, 'pg_class') is not null";
        eventually("the first ones are full", async || number(city.db(), full).await == 3).await;
        let (there, here) = (ann.at(city.server()), staff.at(city.server()));
        let second = there.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let after = cursor(&there, &second).await;
        city.stop().await;
        execute(
            &city,
            "do $$ declare part regclass; begin for part in select inhrelid::regclass from pg_inherits join pg_class on oid = inhparent \
             where relname like 'journal\\_%' and obj_description(inhrelid, 'pg_class') is not null loop \
             execute format('comment on table %s is %L', part, '2020-01-01T00:00:00Z'); end loop; end $$",
        )
        .await;
        city.start_again().await;
        eventually("they are dropped", async || number(city.db(), partitions).await == 3).await;
        let (there, here) = (there.at(city.server()), here.at(city.server()));
        expect_expired(&here, &restaurant, &old).await;
        let mut kitchen = here.subscribe(KITCHEN, json!({ "id": restaurant.id(), "after": after })).await;
        let third = there.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        assert_eq!(kitchen.next_event().await.text("/step/order/id"), third);
    });
}
