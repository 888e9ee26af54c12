//! Restore and failover: data that were restored, copied or promoted. Kitchens see what is under way, and cursors from before are refused,
//! whatever is restored where. With the real pg_dump and pg_restore.

use entity::sea_orm_active_enums::OrderStatus;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tiffin_tests::{
    City, Database, Person, PostgresServer, Proxy, Server, builders::Restaurant, copied_postgres, dump, restore,
    scratch_postgres,
};

use crate::{
    live_client::{OF_KITCHEN, Page},
    process::eventually,
};

use OrderStatus::{Confirmed, Preparing};

/// A kitchen that has two orders to accept, one accepted, and one that is over.
struct Scene {
    city: City,
    restaurant: Restaurant,
    staff: Person,
    ann: Person,
    /// Those under way.
    orders: Vec<String>,
    /// The cursor of the last step.
    cursor: String,
}

impl Scene {
    async fn new(city: City) -> Self {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let mut orders = Vec::new();
        for _ in 0..4 {
            orders.push(ann.has_ordered(&restaurant.basket(&[(0, 1)])).await);
        }
        ann.cancel_order(&orders.pop().unwrap()).await.expect_success();
        staff.update_order_status(&orders[0], Confirmed).await.expect_success();
        let cursor = last_cursor(&staff, &orders[0]).await;
        Scene { city, restaurant, staff, ann, orders, cursor }
    }

    /// Takes a step that no backup from before holds; gives its cursor.
    async fn go_on(&self) -> String {
        self.staff.update_order_status(&self.orders[0], Preparing).await.expect_success();
        last_cursor(&self.staff, &self.orders[0]).await
    }

    /// A page of the kitchen with each of the clients, which goes on after what it was told.
    async fn page(&self, line: &Proxy) -> Page {
        let follows: Vec<_> = ["socket", "apollo", "eventStream"]
            .iter()
            .map(|by| {
                json!({"query": OF_KITCHEN, "variables": {"id": self.restaurant.id()}, "position": "cursor", "by": by})
            })
            .collect();
        let mut page = Page::open(line, &json!([self.staff.access_token()]), &json!(follows));
        page.until(|page| page.is_told(3)).await;
        page
    }

    /// Expects of a server on restored data that it shows what is under way, refuses each of these cursors, and goes on.
    async fn expect_restored_at(&self, server: &Server, cursors: &[&str]) {
        let staff = self.staff.at(server);
        let document = "query { orders(filter: {status: [PENDING, CONFIRMED]}) { nodes { id status } } }";
        assert_eq!(staff.query(document, json!({})).await.list("/orders/nodes").len(), 3);
        let mut kitchen = staff.subscribe(OF_KITCHEN, json!({"id": self.restaurant.id()})).await;
        let present = kitchen.next_events(3).await;
        let statuses: Vec<_> = present.iter().map(|event| event.text("/step/status")).collect();
        assert_eq!(statuses.iter().filter(|status| **status == "PENDING").count(), 2, "{statuses:?}");
        for cursor in cursors {
            self.expect_expired(server, cursor).await;
        }
        // One that is read now is good: what follows is told after it.
        let cursor = last_cursor(&staff, &self.orders[0]).await;
        let after = json!({"id": self.restaurant.id(), "after": cursor});
        let mut after_that = staff.subscribe(OF_KITCHEN, after).await;
        staff.update_order_status(&self.orders[1], Confirmed).await.expect_success();
        let placed = self.ann.at(server).has_ordered(&self.restaurant.basket(&[(0, 2)])).await;
        for stream in [&mut kitchen, &mut after_that] {
            let mut told = Vec::new();
            while told.last().map(String::as_str) != Some("1 PENDING") {
                let event = stream.next_event().await;
                told.push(format!("{} {}", event.at("/step/sequence"), event.text("/step/status")));
            }
            assert!(told.contains(&"2 CONFIRMED".to_owned()), "{told:?}");
        }
        self.ann.at(server).cancel_order(&placed).await.expect_success();
    }

    async fn expect_expired(&self, server: &Server, cursor: &str) {
        let after = json!({"id": self.restaurant.id(), "after": cursor});
        let refusal = self.staff.at(server).subscribe(OF_KITCHEN, after).await.first_answer().await;
        refusal.expect_error("BAD_USER_INPUT", "after");
        assert_eq!(refusal.body["errors"][0]["extensions"]["reason"], "CURSOR_EXPIRED", "{:?}", refusal.body);
    }
}

async fn last_cursor(viewer: &Person, order: &str) -> String {
    let events = viewer.query("query($id: ID!) { order(id: $id) { events { cursor } } }", json!({"id": order})).await;
    events.list("/order/events").last().unwrap()["cursor"].as_str().unwrap().to_owned()
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Lets the cluster have more transactions behind it than a new one.
async fn grow_old(city: &City) {
    let transactions = "do $$ begin for i in 1..20000 loop perform pg_current_xact_id(); commit; end loop; end $$";
    city.db().execute_unprepared(transactions).await.unwrap();
}

/// Signs somebody up; gives the id of the account, and an access token.
async fn sign_up(anonymous: &Person, email: &str) -> (String, String) {
    let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken user { id } } } }";
    let input = json!({"name": "Somebody", "email": email, "password": "correct horse battery staple"});
    let answer = anonymous.query(document, json!({ "input": input })).await;
    (answer.text("/signUp/session/user/id").to_owned(), answer.text("/signUp/session/accessToken").to_owned())
}

#[test]
fn a_dump_is_restored_into_a_new_cluster() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        grow_old(&city).await;
        let mut scene = Scene::new(city).await;
        let line = Proxy::before(&[scene.city.server()]).await;
        let mut page = scene.page(&line).await;
        let file = scene.city.directory().join("dump");
        dump(scene.city.setting("DATABASE_URL"), &file);
        let lost = scene.go_on().await;
        page.until(|page| page.is_told(4)).await;
        let (ben, bens_token) = sign_up(&scene.city.anonymous(), "ben@example.com").await;

        let cluster = PostgresServer::start_alone().await;
        restore(&file, &cluster.url(), &[]);
        let db = sea_orm::Database::connect(cluster.url()).await.unwrap();
        scene.city.stop().await;
        let server = scene.city.another_server_with(&[("DATABASE_URL", &cluster.url())]).await;
        line.turn_to(&[&server]);
        page.until(|page| page.restarts == [1; 3] && page.is_told(3)).await;
        for told in &page.told {
            let mut statuses: Vec<_> = told.iter().map(|(_, status)| status.as_str()).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, ["CONFIRMED", "PENDING", "PENDING"], "the page shows what there is");
        }
        scene.expect_restored_at(&server, &[&scene.cursor, &lost]).await;
        // Confirmed, placed and cancelled.
        page.until(|page| page.is_told(6)).await;

        // Numbers are given again; what was given out for them is not good for others.
        let anonymous = scene.city.anonymous().at(&server);
        let (carl, carls_token) = sign_up(&anonymous, "carl@example.com").await;
        assert_eq!(carl, ben, "the test is of use");
        let me = "{ me { id } }";
        assert_eq!(anonymous.with_access_token(&carls_token).query(me, json!({})).await.text("/me/id"), carl);
        anonymous.with_access_token(&bens_token).query(me, json!({})).await.expect_code("UNAUTHENTICATED");

        // Another process finds the life that has begun, and gives out the same.
        let other = scene.city.another_server_with(&[("DATABASE_URL", &cluster.url())]).await;
        assert_eq!(number(&db, "select count(*) from database_lives").await, 2);
        assert_eq!(
            last_cursor(&scene.staff.at(&server), &scene.orders[0]).await,
            last_cursor(&scene.staff.at(&other), &scene.orders[0]).await
        );
    });
}

#[test]
fn a_dump_and_a_copy_are_other_databases_of_the_same_cluster() {
    tiffin_tests::run(async {
        let scene = Scene::new(City::new(Database::Postgres).await).await;
        let file = scene.city.directory().join("dump");
        dump(scene.city.setting("DATABASE_URL"), &file);
        let copy = copied_postgres(scene.city.setting("DATABASE_URL")).await;
        let lost = scene.go_on().await;
        let restored = scratch_postgres().await;
        restore(&file, &restored.url, &[]);
        for database in [restored, copy] {
            let server = scene.city.another_server_with(&[("DATABASE_URL", &database.url)]).await;
            scene.expect_restored_at(&server, &[&scene.cursor, &lost]).await;
        }
        // The first one goes on as it was.
        let after = json!({"id": scene.restaurant.id(), "after": scene.cursor});
        let told = scene.staff.subscribe(OF_KITCHEN, after).await.next_event().await;
        assert_eq!(told.text("/step/status"), "PREPARING");
    });
}

#[test]
fn running_servers_notice_what_is_restored_beneath_them() {
    tiffin_tests::run(async {
        let scene = Scene::new(City::new(Database::Postgres).await).await;
        let line = Proxy::before(&[scene.city.server()]).await;
        let mut page = scene.page(&line).await;
        let file = scene.city.directory().join("dump");
        let url = scene.city.setting("DATABASE_URL");
        dump(url, &file);
        let lost = scene.go_on().await;
        page.until(|page| page.is_told(4)).await;

        restore(&file, url, &["--clean", "--if-exists", "--single-transaction"]);
        page.until(|page| page.restarts == [1; 3] && page.is_told(3)).await;
        scene.expect_restored_at(scene.city.server(), &[&scene.cursor, &lost]).await;
    });
}

#[test]
fn a_standby_that_takes_over_begins_another_life() {
    tiffin_tests::run(async {
        let mut cluster = PostgresServer::start_alone().await;
        let scene = Scene::new(City::in_database::<&str, &str>(&cluster.url(), &[]).await).await;
        let line = Proxy::before(&[scene.city.server()]).await;
        let mut page = scene.page(&line).await;

        cluster.begin_timeline().await;
        page.until(|page| page.restarts == [1; 3] && page.is_told(3)).await;
        let server = scene.city.server();
        eventually("the server is ready", async || {
            reqwest::get(server.url("/health/ready")).await.unwrap().status() == 200
        })
        .await;
        scene.expect_restored_at(server, &[&scene.cursor]).await;
    });
}

#[test]
fn a_copy_of_a_file_is_another_database() {
    tiffin_tests::run(async {
        let mut scene = Scene::new(City::new(Database::Sqlite).await).await;
        let copy = scene.city.directory().join("copy.db");
        // As `.backup` of the command line does: while the server runs.
        scene.city.db().execute_unprepared(&format!("vacuum into '{}'", copy.display())).await.unwrap();
        let lost = scene.go_on().await;
        let kept = std::fs::read(&copy).unwrap();
        let url = format!("sqlite://{}", copy.display());
        let server = scene.city.another_server_with(&[("DATABASE_URL", &url)]).await;
        scene.expect_restored_at(&server, &[&scene.cursor, &lost]).await;
        drop(server);

        // One that is written over cannot be told from what it was before, but for cursors from beyond what it holds.
        scene.city.stop().await;
        scene.city.db().close_by_ref().await.unwrap();
        let file = scene.city.directory().join("tiffin.db");
        for log in ["tiffin.db-wal", "tiffin.db-shm"] {
            let _ = std::fs::remove_file(scene.city.directory().join(log));
        }
        std::fs::write(&file, &kept).unwrap();
        let server = scene.city.another_server().await;
        scene.expect_expired(&server, &lost).await;
    });
}

/// Cursors from before lives were told apart are good in the first one, and those of the first one are as they were.
#[test]
fn cursors_outlast_the_upgrade() {
    tiffin_tests::run(async {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let scene = Scene::new(City::new(Database::Postgres).await).await;
        let text = BASE64_URL_SAFE_NO_PAD.decode(&scene.cursor).unwrap();
        let numbers: Vec<i64> =
            std::str::from_utf8(&text).unwrap().split(':').map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 2);
        scene.go_on().await;
        let after = json!({"id": scene.restaurant.id(), "after": scene.cursor});
        let told = scene.staff.subscribe(OF_KITCHEN, after).await.next_event().await;
        assert_eq!(told.text("/step/status"), "PREPARING");
        let beyond = BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{}", numbers[0], numbers[1] + 1_000_000_000));
        let of_another = BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{}:7", numbers[0], numbers[1]));
        for cursor in [beyond, of_another] {
            scene.expect_expired(scene.city.server(), &cursor).await;
        }
        // So is a sequence that the order has not come to.
        let of_order = "subscription($id: ID!) { orderStatusChanged(orderId: $id, after: 4) { sequence } }";
        let refusal = scene.ann.subscribe(of_order, json!({"id": scene.orders[0]})).await.first_answer().await;
        let reason: &Value = &refusal.body["errors"][0]["extensions"]["reason"];
        assert_eq!(reason, "CURSOR_EXPIRED");
    });
}
