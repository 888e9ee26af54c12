//! Several server processes on one database: without a common broker they say so, and what happens at one is told at the other all the
//! same; and a SQLite file is for one.

use serde_json::{Value, json};
use tiffin_tests::{City, Database, EventStream, Person, Server, builders::Restaurant};

use crate::{
    process::{SECRET, eventually},
    readiness::readiness,
};

/// A variable that is empty counts as not set.
const WITHOUT_REDIS: (&str, &str) = ("REDIS_URL", "");

const KITCHEN: &str = "subscription($id: ID!) { restaurantOrderChanged(restaurantId: $id) { status order { id } } }";

async fn status(server: &Server) -> (u16, String, String) {
    let (code, body) = readiness(server).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (code, text(&body["status"]), text(&body["processes"]["status"]))
}

async fn until(server: &Server, code: u16, whole: &str) {
    let what = format!("the server is {whole}");
    eventually(&what, async || {
        let (now, is, of_processes) = status(server).await;
        now == code && is == whole && of_processes == whole
    })
    .await;
}

/// Two kitchens of a restaurant, each connected to one of the servers, and a customer.
struct Scene<'a> {
    servers: [&'a Server; 2],
    restaurant: Restaurant,
    kitchens: [EventStream; 2],
    ann: Person,
}

impl<'a> Scene<'a> {
    async fn new(city: &City, servers: [&'a Server; 2]) -> Self {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let staff = city.merchant_of(&restaurant).await;
        let id = json!({ "id": restaurant.id() });
        let kitchens = [
            staff.at(servers[0]).subscribe(KITCHEN, id.clone()).await,
            staff.at(servers[1]).subscribe(KITCHEN, id).await,
        ];
        Scene { servers, restaurant, kitchens, ann: city.customer("Ann").await }
    }

    /// Places an order at each of the servers and cancels it at the other one: both kitchens are told.
    async fn expect_orders_are_told(&mut self) {
        for (here, there) in [(0, 1), (1, 0)] {
            let order = self.ann.at(self.servers[here]).has_ordered(&self.restaurant.basket(&[(0, 1)])).await;
            self.expect("PENDING", &order).await;
            self.ann.at(self.servers[there]).cancel_order(&order).await.expect_success();
            self.expect("CANCELLED", &order).await;
        }
    }

    async fn expect(&mut self, status: &str, order: &str) {
        for kitchen in &mut self.kitchens {
            let step = kitchen.next_event().await;
            let step = step.at("/restaurantOrderChanged");
            assert_eq!(step, &json!({ "status": status, "order": { "id": order } }));
        }
    }
}

#[test]
fn without_a_broker_an_order_placed_at_one_process_is_told_at_the_other() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Postgres, &[WITHOUT_REDIS]).await;
        until(city.server(), 200, "ok").await;
        let mut other = city.another_server().await;
        for server in [city.server(), &other] {
            until(server, 200, "degraded").await;
            assert!(server.log().contains("Set REDIS_URL"), "{}", server.log());
        }
        Scene::new(&city, [city.server(), &other]).await.expect_orders_are_told().await;

        // After a crash it is missed soon, and back at once.
        other.kill();
        let again = city.another_server().await;
        Scene::new(&city, [&again, city.server()]).await.expect_orders_are_told().await;
        drop(again);
        until(city.server(), 200, "ok").await;
        // One that ends in order is not missed at all.
        let mut last = city.another_server().await;
        until(city.server(), 200, "degraded").await;
        last.request_stop();
        last.ended().await;
        let left = "select from processes";
        assert_eq!(sea_orm::ConnectionTrait::execute_unprepared(city.db(), left).await.unwrap().rows_affected(), 3);
        until(city.server(), 200, "ok").await;
    });
}

#[test]
fn a_process_without_the_broker_that_others_share_is_not_ready_and_nothing_is_lost_by_it() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let mut without = city.another_server_with(&[WITHOUT_REDIS, ("TIFFIN_ENV", "production")]).await;
        assert!(without.log().contains("no broker is configured"), "{}", without.log());
        until(&without, 503, "unavailable").await;
        until(city.server(), 200, "degraded").await;
        Scene::new(&city, [city.server(), &without]).await.expect_orders_are_told().await;

        // One with a broker that comes later hears of what is done at the one without, from the start.
        let later = city.another_server().await;
        Scene::new(&city, [&later, &without]).await.expect_orders_are_told().await;
        without.request_stop();
        without.ended().await;
        for server in [city.server(), &later] {
            until(server, 200, "ok").await;
        }
        Scene::new(&city, [city.server(), &later]).await.expect_orders_are_told().await;
    });
}

#[test]
fn a_sqlite_file_is_for_one_process_and_is_free_as_soon_as_that_has_ended() {
    tiffin_tests::run(async {
        let mut city = City::new(Database::Sqlite).await;
        for _ in 0..2 {
            let refused = city.run_command(&["serve"]).await.expect_failure(SECRET);
            assert!(refused.contains("another process serves from") && refused.contains("tiffin.db"), "{refused}");
            // What is done in a moment beside a server still is.
            city.run_command(&["admin", "--email", "ada@example.com"]).await.expect_success();
            city.run_command(&["accounts", "collisions"]).await.expect_success();
            city.server_mut().kill();
            city.start_again().await;
        }
    });
}
