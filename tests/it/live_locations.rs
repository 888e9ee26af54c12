//! `driverLocationChanged`: where the order's driver is, from assignment to the end, the newest place first.

use entity::{
    drivers,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, EventStream, Person, RIGHTS_CHECK, both_databases};

use crate::{
    cuts::{cut_redis_subscriptions, own_redis},
    process::eventually,
    sockets::{NEWER, Socket},
};

use OrderStatus::{Confirmed, Delivered, PickedUp, Preparing, Ready};

both_databases! {
    async fn it_follows_the_order_s_driver_whoever_that_is(database: Database) {
        let city = City::new(database).await;
        // Drivers move at one server and are followed at another, where the database can be shared by two.
        let other_server = match database {
            Database::Postgres => Some(city.another_server().await),
            Database::Sqlite => None,
        };
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let duy = city.new_driver("Duy").located_at(21.0, 105.0).create().await;
        let ivo = city.new_driver("Ivo").located_at(21.5, 105.5).create().await;
        let order = city.order(&ann, &restaurant).status(Ready).create().await;
        let ann_there = other_server.as_ref().map_or_else(|| ann.clone(), |server| ann.at(server));
        let mut places = follow(&ann_there, &order.id()).await;

        // Silent while it is nobody's: the first that is told is the newest place at the assignment.
        duy.move_to(21.1, 105.1).await.expect_success();
        duy.assign_driver(&order.id(), &duy).await.expect_success();
        expect_place(&mut places, &duy, (21.1, 105.1)).await;
        duy.move_to(21.2, 105.2).await.expect_success();
        expect_place(&mut places, &duy, (21.2, 105.2)).await;
        // Somebody else's places are not told, nor are those of a driver who was released.
        ivo.move_to(21.6, 105.6).await.expect_success();
        duy.release_driver(&order.id()).await.expect_success();
        duy.move_to(21.3, 105.3).await.expect_success();
        staff.assign_driver(&order.id(), &ivo).await.expect_success();
        expect_place(&mut places, &ivo, (21.6, 105.6)).await;
        duy.move_to(21.4, 105.4).await.expect_success();
        ivo.move_to(21.7, 105.7).await.expect_success();
        expect_place(&mut places, &ivo, (21.7, 105.7)).await;
        // A step in between changes nothing.
        ivo.update_order_status(&order.id(), PickedUp).await.expect_success();
        ivo.move_to(21.8, 105.8).await.expect_success();
        expect_place(&mut places, &ivo, (21.8, 105.8)).await;
        ivo.update_order_status(&order.id(), Delivered).await.expect_success();
        ivo.move_to(21.9, 105.9).await.expect_success();
        places.expect_complete().await;
        assert!(follow(&ann, &order.id()).await.until_complete().await.is_empty(), "nothing of a driver who is done");
    }

    async fn a_place_told_on_the_driver_s_own_socket_takes_no_statement(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(Ready).create().await;
        duy.assign_driver(&order.id(), &duy).await.expect_success();
        duy.move_to(21.0, 105.0).await.expect_success();
        let follow = "subscription($id: ID!) { driverLocationChanged(orderId: $id) { lat } }";
        let mut places = ann.subscribe(follow, json!({"id": order.id()})).await;
        assert_eq!(places.next_event().await.at("/driverLocationChanged/lat"), &json!(21.0));
        let mut socket = Socket::of(&duy, city.server(), NEWER).await;
        let tell = "mutation($lat: Float!) { updateDriverLocation(input: {lat: $lat, lng: 105}) { location { lat } } }";
        let telling = async {
            for step in 1..=20 {
                let lat = 21.0 + f64::from(step) / 100.0;
                socket.subscribe("place", tell, json!({"lat": lat})).await;
                assert_eq!(socket.hear().await["payload"]["data"]["updateDriverLocation"]["location"]["lat"], lat);
                assert_eq!(socket.hear().await["type"], "complete");
                assert_eq!(places.next_event().await.at("/driverLocationChanged/lat"), &json!(lat));
            }
        };
        let ((), statements) = city.server().all_statements_during(telling).await;
        // The server's own tasks write the places together, and look at the journal.
        let of_own_tasks = statements.count_of(&["current_lat", "driver_locations", "journal_", "pg_try_advisory_xact_lock"]);
        let of_own_tasks = of_own_tasks + statements.count_of(RIGHTS_CHECK);
        assert_eq!(statements.count(), of_own_tasks, "{statements}");
        // What else a socket asks for is seen.
        let ask = async {
            socket.subscribe("me", "{ me { driver { name } } }", Value::Null).await;
            assert_eq!(socket.hear().await["payload"]["data"]["me"]["driver"]["name"], "Duy");
        };
        let ((), statements) = city.server().all_statements_during(ask).await;
        assert!(statements.count_of(&[r#"FROM "drivers""#]) > 0, "{statements}");
    }

    async fn whoever_comes_later_is_told_the_newest_place_at_once(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let duy = city.new_driver("Duy").located_at(21.0, 105.0).create().await;
        let order = city.order(&ann, &restaurant).status(Preparing).driver(&duy).create().await;
        duy.move_to(21.1, 105.1).await.expect_success();
        expect_place(&mut follow(&ann, &order.id()).await, &duy, (21.1, 105.1)).await;

        // Of a driver whose place nobody knows, the first that is told is the first.
        let ivo = city.driver("Ivo").await;
        let order = city.order(&ann, &restaurant).status(Preparing).driver(&ivo).create().await;
        let mut places = follow(&ann, &order.id()).await;
        ivo.move_to(21.5, 105.5).await.expect_success();
        expect_place(&mut places, &ivo, (21.5, 105.5)).await;
    }

    async fn places_may_be_skipped_but_never_go_back_and_the_newest_arrives(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let duy = city.new_driver("Duy").located_at(20.0, 105.0).create().await;
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let mut places = follow(&ann, &order.id()).await;
        expect_place(&mut places, &duy, (20.0, 105.0)).await;
        let drive = async {
            for step in 1..=200 {
                duy.move_to(20.0 + f64::from(step) / 1000.0, 105.0).await.expect_success();
            }
            // One that is older than what is known is no news.
            let old = "mutation($at: DateTime!) { updateDriverLocation(input: {lat: 1, lng: 1, recordedAt: $at}) { location { lat } } }";
            let at = chrono::Utc::now() - chrono::Duration::minutes(5);
            let answer = duy.query(old, json!({"at": at.to_rfc3339()})).await;
            assert_eq!(answer.at("/updateDriverLocation/location/lat"), &json!(20.2));
        };
        let watch = async {
            let mut seen = vec![20.0];
            while *seen.last().unwrap() < 20.2 {
                seen.push(places.next_event().await.get("/driverLocationChanged/lat"));
            }
            seen
        };
        let ((), seen) = futures_util::future::join(drive, watch).await;
        assert!(seen.is_sorted_by(|one, next| one < next), "{seen:?}");
        assert_eq!(seen.last(), Some(&20.2));
        duy.move_to(20.3, 105.0).await.expect_success();
        expect_place(&mut places, &duy, (20.3, 105.0)).await;
    }

    async fn what_is_told_of_a_place_is_what_the_driver_said(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let mut places = follow(&ann, &order.id()).await;
        let document = "mutation { updateDriverLocation(input: {lat: 21.02851234, lng: -105.85421234, heading: 359.5, speed: 8.25})
            { location { lat lng heading speed recordedAt driver { id } } } }";
        let said = duy.query(document, json!({})).await;
        let told = places.next_event().await;
        assert_eq!(told.at("/driverLocationChanged"), said.at("/updateDriverLocation/location"));
        assert_eq!(told.at("/driverLocationChanged/lng"), &json!(-105.85421234));
        assert_eq!(told.at("/driverLocationChanged/speed"), &json!(8.25));
        eventually("it is written", async || {
            let row = drivers::Entity::find_by_id(duy.driver().id).one(city.db()).await.unwrap().unwrap();
            (row.status, row.location_heading, row.location_speed) == (DriverStatus::Busy, Some(359.5), Some(8.25))
        })
        .await;
    }

    async fn only_those_concerned_by_the_order_are_told(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, staff) = (city.customer("Ann").await, city.customer("Ben").await, city.merchant_of(&restaurant).await);
        let duy = city.new_driver("Duy").located_at(21.0, 105.0).create().await;
        let (idle, rival, admin) = (city.driver("Ivo").await, city.merchant_of(&elsewhere).await, city.admin().await);
        let order = city.order(&ann, &restaurant).status(Ready).driver(&duy).create().await;
        let claimable = city.order(&ann, &restaurant).status(Confirmed).create().await;

        for viewer in [&ann, &staff, &duy, &admin] {
            expect_place(&mut follow(viewer, &order.id()).await, &duy, (21.0, 105.0)).await;
        }
        for viewer in [&city.anonymous(), &ben, &rival, &idle] {
            follow(viewer, &order.id()).await.first_answer().await.expect_error("NOT_FOUND", "orderId");
        }
        follow(&idle, &claimable.id()).await.first_answer().await.expect_code("FORBIDDEN");

        // A driver who is released is told no more.
        let mut places = follow(&duy, &order.id()).await;
        expect_place(&mut places, &duy, (21.0, 105.0)).await;
        duy.release_driver(&order.id()).await.expect_success();
        places.expect_complete().await;
    }
}

#[test]
fn a_place_told_while_redis_is_cut_off_arrives() {
    tiffin_tests::run(async {
        let redis = own_redis();
        let city = City::with_settings(Database::Postgres, &[("REDIS_URL", &redis)]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let duy = city.new_driver("Duy").located_at(21.0, 105.0).create().await;
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let mut places = follow(&ann, &order.id()).await;
        expect_place(&mut places, &duy, (21.0, 105.0)).await;
        for round in 1..=3 {
            let lat = 21.0 + f64::from(round) / 10.0;
            assert_eq!(cut_redis_subscriptions(&redis), 1, "one connection a process, however many follow");
            duy.move_to(lat, 105.0).await.expect_success();
            expect_place(&mut places, &duy, (lat, 105.0)).await;
        }
    });
}

async fn follow(viewer: &Person, order: &str) -> EventStream {
    let document = "subscription($id: ID!) { driverLocationChanged(orderId: $id) { \
         lat lng heading speed recordedAt driver { id } } }";
    viewer.subscribe(document, json!({"id": order})).await
}

async fn expect_place(places: &mut EventStream, driver: &Person, (lat, lng): (f64, f64)) {
    let event = places.next_event().await;
    assert_eq!(place(&event), json!([driver.driver_id(), lat, lng]), "{event}");
}

fn place(event: &Answer) -> Value {
    let location = event.at("/driverLocationChanged");
    json!([location["driver"]["id"], location["lat"], location["lng"]])
}
