//! `updateDriverLocation` and `updateDriverLocations`: what a place costs, where it is known at once, and when it is written.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use entity::{
    drivers,
    sea_orm_active_enums::OrderStatus::{Delivered, PickedUp},
};
use sea_orm::{EntityTrait, prelude::Decimal};
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Person, Proxy, both_databases};

use crate::process::eventually;

/// Nothing is written in the background while a test lasts.
const WRITTEN_AT_THE_END: (&str, &str) = ("TIFFIN_DRIVERS_LOCATION_WRITE_SECONDS", "3600");

both_databases! {
    async fn a_place_takes_no_statement_but_the_viewer_s(city: &City) {
        let duy = city.driver("Duy").await;
        for lat in [21.0, 21.1] {
            let (answer, statements) = city.server().statements_during(duy.move_to(lat, 105.0)).await;
            assert_eq!(answer.at("/updateDriverLocation/location"), &json!({"lat": lat, "lng": 105.0}));
            assert!(statements.count() == 1 && statements.0[0].sql.contains("restaurant_members"), "{statements}");
        }
    }

    async fn the_last_place_is_known_before_it_is_written(database: Database) {
        let city = City::with_settings(database, &[WRITTEN_AT_THE_END]).await;
        let duy = city.new_driver("Duy").located_at(20.0, 104.0).create().await;
        duy.move_to(21.25, 105.25).await.expect_success();
        assert_eq!(written(&city, &duy).await, (decimal("20"), decimal("104")));
        assert_eq!(location(&duy).await, json!({"lat": 21.25, "lng": 105.25}));
        match database {
            Database::Postgres => {
                let other_server = city.another_server().await;
                assert_eq!(location(&duy.at(&other_server)).await, json!({"lat": 21.25, "lng": 105.25}));
            }
            Database::Sqlite => {}
        }
    }

    async fn what_was_told_until_the_end_is_written(database: Database) {
        let mut city = City::with_settings(database, &[WRITTEN_AT_THE_END]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        duy.move_to(21.25, 105.25).await.expect_success();
        city.restart().await;
        assert_eq!(written(&city, &duy).await, (decimal("21.25"), decimal("105.25")));
        let (ann, duy) = (ann.at(city.server()), duy.at(city.server()));
        assert_eq!(location(&duy).await, json!({"lat": 21.25, "lng": 105.25}));
        let route = ann.query("query($id: ID!) { order(id: $id) { route { lat } } }", json!({"id": order.id()})).await;
        assert_eq!(route.at("/order/route"), &json!([{"lat": 21.25}]));
    }

    async fn where_a_driver_was_goes_with_its_account(database: Database) {
        let mut city = City::with_settings(database, &[WRITTEN_AT_THE_END]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(Delivered).driver(&duy).route(3).create().await;
        duy.move_to(12.3456789, 105.0).await.expect_success();
        let export = duy.query("{ personalData { routes { nodes { lat } } } }", json!({})).await;
        assert_eq!(export.list("/personalData/routes/nodes").len(), 3);
        duy.query("mutation { deleteAccount(input: {}) { deletedUserId } }", json!({})).await.expect_success();
        city.restart().await;
        assert_eq!(written(&city, &duy).await, (None, None));
        assert_eq!(city.contents().await["driver_locations"], Vec::<String>::new());
        let location = "query($id: ID!) { order(id: $id) { driver { location { lat } } } }";
        let answer = city.admin().await.query(location, json!({"id": order.id()})).await;
        assert_eq!(answer.at("/order/driver/location"), &Value::Null, "and nobody remembers it");
    }

    async fn drivers_nearby_are_sorted_by_what_is_written_in_the_background(city: &City) {
        let restaurant = city.restaurant().located_at(21.0, 105.0).create().await;
        let staff = city.merchant_of(&restaurant).await;
        let duy = city.new_driver("Duy").located_at(22.0, 105.0).create().await;
        let ivo = city.new_driver("Ivo").located_at(23.0, 105.0).create().await;
        ivo.move_to(21.0, 105.0).await.expect_success();
        duy.move_to(21.5, 105.0).await.expect_success();
        let nearby = "query($id: ID!) { restaurant(id: $id) { availableDrivers { id } } }";
        eventually("the nearest comes first", async || {
            let answer = staff.query(nearby, json!({"id": restaurant.id()})).await;
            answer.at("/restaurant/availableDrivers") == &json!([{"id": ivo.driver_id()}, {"id": duy.driver_id()}])
        })
        .await;
    }

    async fn places_of_an_app_that_was_offline_are_told_at_once_and_all_are_recorded(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.new_driver("Duy").located_at(20.0, 105.0).create().await);
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let watch = "subscription($id: ID!) { driverLocationChanged(orderId: $id) { lat } }";
        let mut places = ann.subscribe(watch, json!({"id": order.id()})).await;
        assert_eq!(places.next_event().await.at("/driverLocationChanged/lat"), &json!(20.0));

        let now = Utc::now().trunc_subsecs(6);
        let ago = |seconds| now - TimeDelta::seconds(seconds);
        let told = [(ago(0), 21.3, 105.0), (ago(20), 21.1, 105.0), (ago(20), 1.0, 1.0), (ago(10), 21.2, 105.0)];
        let answer = duy.move_along(&told).await;
        assert_eq!(answer.at("/updateDriverLocations/location/lat"), &json!(21.3));
        assert_eq!(answer.get::<DateTime<Utc>>("/updateDriverLocations/location/recordedAt"), now);
        assert_eq!(places.next_event().await.at("/driverLocationChanged/lat"), &json!(21.3), "the newest alone");
        assert_eq!(written(city, &duy).await, (decimal("21.3"), decimal("105")), "at once");
        // What is older than what is known changes nothing of it.
        let answer = duy.move_along(&[(ago(40), 20.9, 105.0), (ago(30), 21.0, 105.0)]).await;
        assert_eq!(answer.at("/updateDriverLocations/location/lat"), &json!(21.3));
        assert_eq!(written(city, &duy).await, (decimal("21.3"), decimal("105")));
        duy.move_to(21.4, 105.0).await.expect_success();
        assert_eq!(places.next_event().await.at("/driverLocationChanged/lat"), &json!(21.4));
    }

    async fn a_batch_with_a_bad_place_is_refused_whole(database: Database) {
        let city = City::with_settings(database, &[WRITTEN_AT_THE_END]).await;
        let duy = city.new_driver("Duy").located_at(20.0, 105.0).create().await;
        let before = city.contents().await;
        let now = Utc::now();
        let good = (now, 21.0, 105.0);
        let many = vec![good; 1001];
        for (places, field) in [
            (&[][..], "locations"),
            (&many, "locations"),
            (&[good, (now, 91.0, 105.0)], "locations.1.lat"),
            (&[good, good, (now, 21.0, -181.0)], "locations.2.lng"),
            (&[(now + TimeDelta::minutes(2), 21.0, 105.0), good], "locations.0.recordedAt"),
            (&[good, (now - TimeDelta::hours(25), 21.0, 105.0)], "locations.1.recordedAt"),
        ] {
            duy.move_along(places).await.expect_error("BAD_USER_INPUT", field);
        }
        for viewer in [city.customer("Ann").await, city.merchant("Mai").await, city.admin().await] {
            viewer.move_along(&[good]).await.expect_code("FORBIDDEN");
        }
        city.anonymous().move_along(&[good]).await.expect_code("UNAUTHENTICATED");
        assert_eq!(city.contents().await["drivers"], before["drivers"]);
        assert_eq!(location(&duy).await, json!({"lat": 20.0, "lng": 105.0}));
        duy.move_along(&many[..1000]).await.expect_success();
        assert_eq!(location(&duy).await, json!({"lat": 21.0, "lng": 105.0}));
    }

    async fn minus_one_is_what_is_not_known(city: &City) {
        let duy = city.driver("Duy").await;
        let known = "lat heading speed";
        let one = format!("mutation($input: UpdateDriverLocationInput!) {{ updateDriverLocation(input: $input) {{ location {{ {known} }} }} }}");
        let place = |heading: Value, speed: Value| json!({"lat": 21.0, "lng": 105.0, "heading": heading, "speed": speed});
        for (heading, speed, expected) in [
            (json!(90.5), json!(-1), json!({"lat": 21.0, "heading": 90.5, "speed": null})),
            (json!(-1.0), json!(4.2), json!({"lat": 21.0, "heading": null, "speed": 4.2})),
            (Value::Null, Value::Null, json!({"lat": 21.0, "heading": null, "speed": null})),
        ] {
            let answer = duy.query(&one, json!({"input": place(heading, speed)})).await;
            assert_eq!(answer.at("/updateDriverLocation/location"), &expected);
        }
        let refused = duy.query(&one, json!({"input": place(json!(-2), Value::Null)})).await;
        refused.expect_error("BAD_USER_INPUT", "heading");
        let many = format!("mutation($input: UpdateDriverLocationsInput!) {{ updateDriverLocations(input: $input) {{ location {{ {known} }} }} }}");
        let mut place = place(json!(-1), json!(-1));
        place["recordedAt"] = json!(Utc::now().to_rfc3339());
        let answer = duy.query(&many, json!({"input": {"locations": [place]}})).await;
        assert_eq!(answer.at("/updateDriverLocations/location"), &json!({"lat": 21.0, "heading": null, "speed": null}));
    }

    async fn a_clock_that_is_a_little_ahead_is_no_reason_to_refuse(city: &City) {
        let duy = city.driver("Duy").await;
        let ahead = Utc::now() + TimeDelta::seconds(30);
        let answer = duy.move_along(&[(ahead, 21.0, 105.0)]).await;
        let recorded: DateTime<Utc> = answer.get("/updateDriverLocations/location/recordedAt");
        assert!(recorded < ahead, "it counts as now, so that the next one is newer");
        duy.move_to(21.1, 105.0).await.expect_success();
        assert_eq!(location(&duy).await, json!({"lat": 21.1, "lng": 105.0}));
    }
}

#[test]
fn a_place_that_redis_did_not_take_is_told_when_it_is_back() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let redis = Proxy::to(city.setting("REDIS_URL")).await;
        let server = city.another_server_with(&[("REDIS_URL", redis.url())]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.new_driver("Duy").located_at(20.0, 105.0).create().await);
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let watch = "subscription($id: ID!) { driverLocationChanged(orderId: $id) { lat } }";
        let mut here = ann.at(&server).subscribe(watch, json!({"id": order.id()})).await;
        let mut elsewhere = ann.subscribe(watch, json!({"id": order.id()})).await;
        for places in [&mut here, &mut elsewhere] {
            assert_eq!(places.next_event().await.at("/driverLocationChanged/lat"), &json!(20.0));
        }
        redis.cut();
        let answer = duy.at(&server).move_to(21.0, 105.0).await;
        assert_eq!(answer.at("/updateDriverLocation/location/lat"), &json!(21.0));
        assert_eq!(here.next_event().await.at("/driverLocationChanged/lat"), &json!(21.0), "without Redis");
        redis.mend();
        assert_eq!(elsewhere.next_event().await.at("/driverLocationChanged/lat"), &json!(21.0));
    });
}

async fn location(driver: &Person) -> Value {
    let answer = driver
        .query("query($id: ID!) { driver(id: $id) { location { lat lng } } }", json!({"id": driver.driver_id()}))
        .await;
    answer.at("/driver/location").clone()
}

/// The last place that the driver's row has.
async fn written(city: &City, driver: &Person) -> (Option<Decimal>, Option<Decimal>) {
    let row = drivers::Entity::find_by_id(driver.driver().id).one(city.db()).await.unwrap().unwrap();
    (row.current_lat.map(|lat| lat.normalize()), row.current_lng.map(|lng| lng.normalize()))
}

fn decimal(text: &str) -> Option<Decimal> {
    Some(Decimal::from_str_exact(text).unwrap())
}
