//! Connection reuse: whatever becomes of a transaction, the next one on the same connection starts clean, and what is acknowledged is
//! there, for others and after a restart.

use std::collections::HashSet;

use entity::orders;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, Person, SmallDisk, both_databases, builders::Restaurant, rows::row_number};

/// Two connections: whatever becomes of one is met again soon.
const FEW_CONNECTIONS: (&str, &str) = ("TIFFIN_DATABASE_MAX_CONNECTIONS", "2");

/// One who orders, and remembers what was acknowledged.
struct Guest {
    person: Person,
    restaurant: Restaurant,
    acknowledged: HashSet<i32>,
}

impl Guest {
    async fn new(city: &City) -> Self {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        Guest { person: city.customer("Ann").await, restaurant, acknowledged: HashSet::new() }
    }

    async fn order(&mut self, quantity: i32) -> Answer {
        let answer = self.person.place_order(&self.restaurant.basket(&[(0, quantity)])).await;
        if answer.problems().is_empty() {
            self.acknowledged.insert(row_number(answer.text("/placeOrder/order/id")));
        }
        answer
    }

    /// Orders that are taken, each after one whose transaction is taken back.
    async fn order_with_rollbacks(&mut self, times: usize) {
        let mut elsewhere = self.restaurant.basket(&[(1, 1)]);
        elsewhere["items"][0]["dishId"] = json!("Dish:1000000");
        for _ in 0..times {
            self.person.place_order(&elsewhere).await.expect_code("NOT_FOUND");
            self.order(1).await.expect_success();
        }
    }

    /// What was acknowledged is in the database, as others see it and after a restart, and nothing else is.
    async fn expect_kept(&self, city: &mut City) {
        assert_eq!(placed(city).await, self.acknowledged, "as others see it");
        city.restart().await;
        assert_eq!(placed(city).await, self.acknowledged, "after a restart");
        let orders = "{ orders(first: 100) { totalCount } }";
        let answer = self.person.at(city.server()).query(orders, json!({})).await;
        assert_eq!(answer.at("/orders/totalCount"), self.acknowledged.len());
    }
}

async fn placed(city: &City) -> HashSet<i32> {
    let rows = orders::Entity::find().all(city.db()).await.expect("orders can be read");
    rows.into_iter().map(|row| row.id).collect()
}

/// What happens to an order of thirteen of a dish, in the database, while it is written or when it is committed.
async fn do_to_orders_of_thirteen(city: &City, statements: [&[&str]; 2]) {
    let [postgres, sqlite] = statements;
    let statements = if city.database() == Database::Postgres { postgres } else { sqlite };
    for statement in statements {
        city.db().execute_unprepared(statement).await.expect("the schema can be changed");
    }
}

both_databases! {
    async fn a_write_whose_time_is_up_costs_no_order_after_it(database: Database) {
        let settings = [
            FEW_CONNECTIONS,
            ("TIFFIN_LIMITS_OPERATION_TIMEOUT_SECONDS", "2"),
            ("TIFFIN_DATABASE_STATEMENT_TIMEOUT_SECONDS", "2"),
            ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "2"),
        ];
        let mut city = City::with_settings(database, &settings).await;
        let mut ann = Guest::new(&city).await;
        do_to_orders_of_thirteen(&city, [
            &[
                "create function last() returns trigger language plpgsql as 'begin perform pg_sleep(3600); return new; end'",
                "create trigger last before insert on order_items for each row when (new.quantity = 13) execute function last()",
            ],
            &[
                "create view endless as with recursive counted(n) as \
                 (select 1 union all select n + 1 from counted where n < 1e15) select count(*) as n from counted",
                "create trigger last before insert on order_items when new.quantity = 13 begin select n from endless; end",
            ],
        ]).await;
        for _ in 0..3 {
            ann.order(13).await.expect_code("TIMEOUT");
            ann.order_with_rollbacks(4).await;
        }
        ann.expect_kept(&mut city).await;
    }

    async fn a_commit_that_fails_costs_no_order_after_it(database: Database) {
        let mut city = City::with_settings(database, &[FEW_CONNECTIONS]).await;
        let mut ann = Guest::new(&city).await;
        // On PostgreSQL the disk is full at the commit, or the session is ended by an operator just then.
        do_to_orders_of_thirteen(&city, [
            &[
                "create function fail() returns trigger language plpgsql as $$ begin \
                 if new.quantity = 14 then perform pg_terminate_backend(pg_backend_pid()); end if; \
                 raise exception 'no space left on device' using errcode = '53100'; end $$",
                "create constraint trigger fail after insert on order_items deferrable initially deferred \
                 for each row when (new.quantity > 12) execute function fail()",
            ],
            &[
                "create table nowhere (id integer references customers(id) deferrable initially deferred)",
                "create trigger fail after insert on order_items when new.quantity > 12 begin insert into nowhere values (-1); end",
            ],
        ]).await;
        let expected = if database == Database::Postgres { "UNAVAILABLE" } else { "CONFLICT" };
        for quantity in [13, 14, 13] {
            ann.order(quantity).await.expect_code(expected);
            ann.order_with_rollbacks(4).await;
        }
        ann.expect_kept(&mut city).await;
    }
}

/// Orders while there is no room, and when there is again.
#[cfg(target_os = "linux")]
async fn expect_kept_without_room(mut city: City, take_room: impl Fn(&City), give_room: impl Fn(&City)) {
    let mut ann = Guest::new(&city).await;
    ann.order_with_rollbacks(3).await;
    for _ in 0..3 {
        take_room(&city);
        let mut refusals = 0;
        for _ in 0..500 {
            let answer = ann.order(1).await;
            if !answer.problems().is_empty() {
                answer.expect_code("UNAVAILABLE");
                refusals += 1;
            }
            if refusals == 10 {
                break;
            }
        }
        assert_eq!(refusals, 10, "there is no room by then");
        give_room(&city);
        ann.order_with_rollbacks(5).await;
    }
    ann.expect_kept(&mut city).await;
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_no_order_after_it() {
    tiffin_tests::run(async {
        let Some(disk) = SmallDisk::try_mount(16) else {
            return eprintln!("nothing can be mounted here: files that may not grow stand for the full disk");
        };
        let city = City::on_disk(disk.path(), Database::Sqlite, &[FEW_CONNECTIONS]).await;
        expect_kept_without_room(city, |_| disk.fill(), |_| disk.free()).await;
    });
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_may_not_grow_cost_no_order_after_it() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[FEW_CONNECTIONS]).await;
        let log = |city: &City| city.directory().join("tiffin.db-wal");
        let take_room = |city: &City| {
            let size = std::fs::metadata(log(city)).expect("the file is there").len();
            city.server().limit_files(Some(size));
        };
        expect_kept_without_room(city, take_room, |city| city.server().limit_files(None)).await;
    });
}
