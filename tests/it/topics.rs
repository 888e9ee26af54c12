//! Topics at Redis: a process subscribes only to what its clients follow, and in a cluster each node carries its own topics.

use entity::sea_orm_active_enums::OrderStatus::{Delivered, PickedUp};
use serde_json::json;
use tiffin_tests::{City, Database, EventStream, Person, RedisCluster};

use crate::process::eventually;

#[test]
fn a_process_listens_to_what_is_followed_there_and_no_longer_than_that() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let channels = async || {
            let pattern = format!("{}:*:*", city.setting("TIFFIN_BROKER_PREFIX"));
            let mut cli = tokio::process::Command::new("redis-cli");
            let answer =
                cli.args(["-u", city.setting("REDIS_URL"), "pubsub", "channels", &pattern]).output().await.unwrap();
            let mut channels: Vec<_> = String::from_utf8(answer.stdout).unwrap().lines().map(str::to_owned).collect();
            // An empty list is an empty line.
            channels.retain(|channel| !channel.is_empty() && !channel.contains(":user:"));
            channels.sort();
            channels
        };
        assert_eq!(channels().await, Vec::<String>::new());
        let topic = |kind: &str, id: i32| format!("{}:{kind}:{id}", city.setting("TIFFIN_BROKER_PREFIX"));

        // However many follow it.
        let mut steps = (follow_steps(&ann, &order.id()).await, follow_steps(&ann, &order.id()).await);
        steps.0.next_event().await;
        steps.1.next_event().await;
        assert_eq!(channels().await, [topic("order", order.row.id)]);
        let mut places = follow_places(&ann, &order.id()).await;
        duy.move_to(21.0, 105.0).await.expect_success();
        assert_eq!(places.next_event().await.at("/driverLocationChanged/lat"), &json!(21.0));
        assert_eq!(channels().await, [topic("driver-location", duy.driver().id), topic("order", order.row.id)]);

        drop(steps.0);
        drop(places);
        eventually("the driver is left", async || channels().await == [topic("order", order.row.id)]).await;
        duy.update_order_status(&order.id(), Delivered).await.expect_success();
        assert_eq!(steps.1.next_event().await.text("/orderStatusChanged/status"), "DELIVERED");
        eventually("the order is left", async || channels().await.is_empty()).await;
    });
}

#[test]
fn a_cluster_carries_everything_whatever_happens_to_its_nodes() {
    tiffin_tests::run(async {
        let cluster = RedisCluster::start().await;
        let settings = [("REDIS_URL", cluster.url()), ("TIFFIN_BROKER_CLUSTER", "true".to_owned())];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let city = City::with_settings(Database::Postgres, &settings).await;
        let other_server = city.another_server().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let mut rides = Vec::new();
        // So many that each node has some of their topics.
        for number in 0..12 {
            let (ann, duy) = (city.customer("Ann").await.at(&other_server), city.driver("Duy").await);
            let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
            duy.move_to(20.0, 105.0 + f64::from(number)).await.expect_success();
            let (steps, places) = (follow_steps(&ann, &order.id()).await, follow_places(&ann, &order.id()).await);
            rides.push(Ride { driver: duy, order: order.id(), steps, places });
        }
        for ride in &mut rides {
            assert_eq!(ride.steps.next_event().await.text("/orderStatusChanged/status"), "PICKED_UP");
            ride.expect_place(20.0).await;
        }
        let topics = cluster.ask_all(&["pubsub", "shardchannels"]);
        assert!(topics.iter().all(|topics| topics.lines().count() > 1), "each node has some: {topics:?}");

        drive(&mut rides, 21.0).await;
        for node in 0..cluster.size() {
            // The process at which nobody follows anything hears of the journal alone, at one of the nodes.
            let cut = cluster.cut_subscriptions(node);
            assert!((1..=2).contains(&cut), "{cut}: one connection of a process at each node");
            drive(&mut rides, 22.0 + node as f64).await;
        }
        let prefix = city.setting("TIFFIN_BROKER_PREFIX");
        for ride in &rides[..4] {
            let (order, driver) = (number(&ride.order), ride.driver.driver().id);
            cluster.move_slot_of(&format!("{prefix}:order:{order}"));
            cluster.move_slot_of(&format!("{prefix}:driver-location:{driver}"));
        }
        drive(&mut rides, 30.0).await;
        for ride in &mut rides {
            ride.driver.update_order_status(&ride.order, Delivered).await.expect_success();
            assert_eq!(ride.steps.next_event().await.text("/orderStatusChanged/status"), "DELIVERED");
        }
        for ride in rides {
            ride.places.expect_complete().await;
        }
        eventually("nothing is listened to but the journal", async || {
            cluster
                .ask_all(&["pubsub", "shardchannels"])
                .iter()
                .all(|topics| topics.lines().all(|topic| topic.contains(":user:") || topic.ends_with(":journal")))
        })
        .await;
    });
}

/// A driver on its way with an order, and what its customer is told at another server.
struct Ride {
    driver: Person,
    order: String,
    steps: EventStream,
    places: EventStream,
}

impl Ride {
    async fn expect_place(&mut self, lat: f64) {
        let event = self.places.next_event().await;
        assert_eq!(event.at("/driverLocationChanged/lat"), &json!(lat), "{}", self.order);
    }
}

/// Every driver moves there, and everybody is told so.
async fn drive(rides: &mut [Ride], lat: f64) {
    for ride in &*rides {
        ride.driver.move_to(lat, 105.0).await.expect_success();
    }
    for ride in rides {
        ride.expect_place(lat).await;
    }
}

async fn follow_steps(viewer: &Person, order: &str) -> EventStream {
    viewer
        .subscribe("subscription($id: ID!) { orderStatusChanged(orderId: $id) { status } }", json!({"id": order}))
        .await
}

async fn follow_places(viewer: &Person, order: &str) -> EventStream {
    viewer
        .subscribe("subscription($id: ID!) { driverLocationChanged(orderId: $id) { lat } }", json!({"id": order}))
        .await
}

fn number(id: &str) -> i32 {
    tiffin_tests::rows::row_number(id)
}
