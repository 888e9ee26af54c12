//! `Order.route`: where the driver was while it carried the order, and nothing else.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use entity::{
    driver_locations,
    sea_orm_active_enums::OrderStatus::{Delivered, PickedUp, Ready},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde::Deserialize;
use serde_json::{Value, json};
use tiffin_tests::{
    Answer, City, Person, both_databases,
    builders::{Order, Restaurant},
};

use crate::process::eventually;

both_databases! {
    async fn it_begins_with_the_assignment_and_ends_with_the_order(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let half_an_hour_ago = (Utc::now() - TimeDelta::minutes(30)).fixed_offset();
        let order = city.order(&ann, &restaurant).status(Delivered).driver(&duy).placed_at(half_an_hour_ago).create().await;
        let assigned = order.events.iter().find(|event| event.driver_id.is_some()).unwrap().at.to_utc();
        let delivered = order.events.last().unwrap().at.to_utc();

        // A place every half minute, from before until after; told in no order.
        let begin = assigned - TimeDelta::seconds(105);
        let mut places: Vec<_> = (0..20)
            .map(|number| (begin + TimeDelta::seconds(30) * number, 21.0 + f64::from(number) / 100.0, 105.0))
            .collect();
        let carried: Vec<_> = places.iter().filter(|(at, ..)| *at >= assigned && *at < delivered).copied().collect();
        assert!((4..16).contains(&carried.len()), "some before, some after, some between: {}", carried.len());
        places.reverse();
        duy.move_along(&places).await.expect_success();
        assert_eq!(route(&ann, &order).await, lines(&carried));
        // What is told again is known already.
        duy.move_along(&places).await.expect_success();
        assert_eq!(route(&ann, &order).await, lines(&carried));
    }

    async fn a_place_belongs_to_the_order_that_was_carried_then(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, duy) = (city.customer("Ann").await, city.customer("Ben").await, city.driver("Duy").await);
        let half_an_hour_ago = (Utc::now() - TimeDelta::minutes(30)).fixed_offset();
        let of_ann = city.order(&ann, &restaurant).status(Ready).driver(&duy).placed_at(half_an_hour_ago).create().await;
        let of_ben = city.order(&ben, &restaurant).status(Ready).create().await;
        let while_carried = (of_ann.events.last().unwrap().at.to_utc(), 21.0, 105.0);
        duy.release_driver(&of_ann.id()).await.expect_success();
        let while_free = (Utc::now(), 22.0, 105.0);
        duy.assign_driver(&of_ben.id(), &duy).await.expect_success();
        let while_carried_by_another = (Utc::now(), 23.0, 105.0);
        duy.move_along(&[while_carried, while_free, while_carried_by_another]).await.expect_success();
        assert_eq!(route(&ann, &of_ann).await, lines(&[while_carried]));
        assert_eq!(route(&ben, &of_ben).await, lines(&[while_carried_by_another]));
        let drivers = ann.query("query($id: ID!) { order(id: $id) { route { driver { id } } } }", json!({"id": of_ann.id()})).await;
        assert_eq!(drivers.at("/order/route"), &json!([{"driver": {"id": duy.driver_id()}}]));
        // What the driver may know of itself names the order that is its own, and not the one that it gave back.
        let export = duy.query("{ personalData { routes { nodes { orderId } } } }", json!({})).await;
        let orders: Vec<_> = export.list("/personalData/routes/nodes").iter().map(|point| &point["orderId"]).collect();
        assert_eq!(orders, [&Value::Null, &json!(of_ben.id())]);
    }

    async fn it_has_one_point_for_every_few_seconds(database: Database) {
        let city = City::with_settings(database, &[("TIFFIN_DRIVERS_ROUTE_INTERVAL_SECONDS", "10")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let half_an_hour_ago = (Utc::now() - TimeDelta::minutes(30)).fixed_offset();
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).placed_at(half_an_hour_ago).create().await;
        let full_minute = DateTime::from_timestamp((Utc::now().timestamp() - 300) / 60 * 60, 0).unwrap();
        let places: Vec<_> = (0..60).map(|second| (full_minute + TimeDelta::seconds(second), 21.0, 105.0)).collect();
        duy.move_along(&places).await.expect_success();
        let kept: Vec<_> = places.iter().step_by(10).copied().collect();
        assert_eq!(route(&ann, &order).await, lines(&kept));
    }

    async fn a_long_one_is_thinned_out_evenly(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        for (points, given) in [(0, 0), (1, 1), (2, 2), (200, 200), (201, 200), (1000, 200)] {
            let order = with_route(city, &ann, &restaurant, points).await;
            let route = route(&ann, &order).await;
            // How many thousandths of a degree each point lies before the last.
            let before = |line: &Value| ((21.0 - line[1].as_f64().unwrap()) * 1000.0).round() as u32;
            let before: Vec<_> = route.iter().map(before).collect();
            assert_eq!(before.len(), given, "of {points}");
            assert_eq!(before.first().copied(), points.checked_sub(1), "of {points} the first is given");
            assert_eq!(before.last().copied(), (points > 0).then_some(0), "of {points} the last is given");
            let steps = (points / 200).max(1)..=points / 200 + 1;
            assert!(before.windows(2).all(|pair| steps.contains(&(pair[0] - pair[1]))), "of {points}: {before:?}");
        }
    }

    async fn those_who_could_only_claim_the_order_do_not_see_it(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, admin) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.admin().await);
        let (duy, ivo) = (city.driver("Duy").await, city.driver("Ivo").await);
        let order = city.order(&ann, &restaurant).status(Ready).driver(&duy).route(1).create().await;
        for viewer in [&ann, &staff, &admin, &duy] {
            assert_eq!(route(viewer, &order).await.len(), 1);
        }
        ask(&ivo, &order).await.expect_code("NOT_FOUND");
        duy.release_driver(&order.id()).await.expect_success();
        for viewer in [&duy, &ivo] {
            assert_eq!(ask(viewer, &order).await.at("/order"), &json!({"route": null}));
        }
        assert_eq!(route(&ann, &order).await.len(), 1, "it was carried");
    }

    async fn it_is_kept_for_a_time(database: Database) {
        let mut city = City::new(database).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let old = with_route(&city, &ann, &restaurant, 2500).await;
        let recent = with_route(&city, &ann, &restaurant, 3).await;
        let day_before_yesterday = (Utc::now() - TimeDelta::days(2)).fixed_offset();
        driver_locations::Entity::update_many()
            .col_expr(driver_locations::Column::RecordedAt, Expr::val(day_before_yesterday))
            .filter(driver_locations::Column::OrderId.eq(old.row.id))
            .exec(city.db())
            .await
            .unwrap();
        city.stop().await;
        let server = city.another_server_with(&[("TIFFIN_DRIVERS_ROUTE_RETENTION_DAYS", "1")]).await;
        let ann = ann.at(&server);
        eventually("old points are deleted", async || driver_locations::Entity::find().count(city.db()).await.unwrap() == 3).await;
        assert_eq!((route(&ann, &old).await.len(), route(&ann, &recent).await.len()), (0, 3));
    }

    async fn none_is_kept_where_that_is_configured(database: Database) {
        let city = City::with_settings(database, &[("TIFFIN_DRIVERS_ROUTE_RETENTION_DAYS", "0")]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        duy.move_along(&[(Utc::now(), 21.0, 105.0)]).await.expect_success();
        assert_eq!(route(&ann, &order).await, Vec::<Value>::new());
        assert_eq!(driver_locations::Entity::find().count(city.db()).await.unwrap(), 0);
    }
}

async fn with_route(city: &City, customer: &Person, restaurant: &Restaurant, points: u32) -> Order {
    let driver = city.driver("Duy").await;
    city.order(customer, restaurant).status(PickedUp).driver(&driver).route(points).create().await
}

async fn ask(viewer: &Person, order: &Order) -> Answer {
    viewer.query("query($id: ID!) { order(id: $id) { route { recordedAt lat lng } } }", json!({"id": order.id()})).await
}

async fn route(viewer: &Person, order: &Order) -> Vec<Value> {
    let answer = ask(viewer, order).await;
    let time = |point: &Value| DateTime::<Utc>::deserialize(&point["recordedAt"]).unwrap();
    answer.list("/order/route").iter().map(|point| json!([time(point), point["lat"], point["lng"]])).collect()
}

/// These places as [`route`] gives them.
fn lines(places: &[(DateTime<Utc>, f64, f64)]) -> Vec<Value> {
    places.iter().map(|(at, lat, lng)| json!([at.trunc_subsecs(6), lat, lng])).collect()
}
