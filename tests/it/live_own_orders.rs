//! `myOrdersChanged`: the feed of a customer, who may be none yet.

use std::time::Duration;

use entity::{
    order_events, orders,
    sea_orm_active_enums::{OrderStatus, UserRole},
};
use futures_util::future::{join, join_all};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tiffin_tests::{Person, both_databases};

use crate::live_feeds::{
    Scene, Told, UNKNOWN_CURSOR, expect_each_once, expect_expired, follow_to_the_end, last_cursor,
};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

/// How long nothing comes for where nothing is expected to.
const SILENCE: Duration = Duration::from_millis(500);

const OWN: &str = "subscription($after: String) { event: myOrdersChanged(after: $after) {
    cursor sequence status note order { id } } }";

both_databases! {
    async fn a_customer_who_reconnects_misses_nothing(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, ann, .. } = &scene;
        let (ben, elsewhere) = (city.customer("Ben").await, city.restaurant().with_dishes(1).create().await);
        let old = city.order(ann, restaurant).status(Delivered).create().await;
        let start = last_cursor(ann, &old).await;

        let lives = join_all((0..12).map(|number| scene.live(number)));
        // What others order there is none of it, and what she orders elsewhere is.
        let besides = async {
            for _ in 0..6 {
                ben.has_ordered(&restaurant.basket(&[(0, 1)])).await;
                let order = ann.has_ordered(&elsewhere.basket(&[(0, 1)])).await;
                scene.there(ann).cancel_order(&order).await.expect_success();
            }
        };
        let here = follow_to_the_end(ann, OWN, json!({}), Some(start.clone()), 18, 3);
        let ann_there = scene.there(ann);
        let there = follow_to_the_end(&ann_there, OWN, json!({}), Some(start), 18, 7);
        let ((_, ()), (here, there)) = join(join(lives, besides), join(here, there)).await;

        let rows = order_events::Entity::find()
            .find_also_related(orders::Entity)
            .filter(orders::Column::CustomerId.eq(ann.customer().id))
            .filter(orders::Column::Id.ne(old.row.id));
        let rows: Vec<_> = rows.all(city.db()).await.unwrap().into_iter().map(|(event, _)| event).collect();
        expect_each_once(&here, &rows);
        expect_each_once(&there, &rows);
    }

    async fn a_newcomer_is_told_the_first_order_from_its_first_step(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, ann, .. } = &scene;
        for role in [UserRole::Customer, UserRole::Merchant] {
            let newcomer = city.newcomer("Noi", role).await;
            let at = city.order(ann, restaurant).create().await;
            let cursor = last_cursor(ann, &at).await;
            let mut streams = Vec::new();
            for viewer in [&newcomer, &scene.there(&newcomer)] {
                streams.push(viewer.subscribe(OWN, json!({})).await);
                streams.push(viewer.subscribe(OWN, json!({"after": cursor})).await);
                // They follow before the order is placed.
                for stream in streams.iter_mut().rev().take(2) {
                    stream.expect_silence(SILENCE).await;
                }
            }
            let order = newcomer.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            staff.update_order_status(&order, Confirmed).await.expect_success();
            staff.cancel_order(&order).await.expect_success();
            let second = scene.there(&newcomer).has_ordered(&restaurant.basket(&[(0, 1)])).await;
            for stream in &mut streams {
                let told: Vec<_> = stream.next_events(4).await.iter().map(Told::of).collect();
                let told: Vec<_> = told.iter().map(|step| (step.order.as_str(), step.status.as_str())).collect();
                let (first, second) = (order.as_str(), second.as_str());
                assert_eq!(told, [(first, "PENDING"), (first, "CONFIRMED"), (first, "CANCELLED"), (second, "PENDING")]);
            }
        }
    }

    async fn the_present_is_the_latest_step_of_each_open_order(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
        let mut open = Vec::new();
        for status in [Pending, Delivered, Confirmed, Preparing, Cancelled, Ready, PickedUp] {
            city.order(&ben, &restaurant).status(status).create().await;
            let order = city.order(&ann, &restaurant).status(status).create().await;
            if !matches!(status, Delivered | Cancelled) {
                open.push((order.id(), order.events.len() as i64));
            }
        }
        let mut stream = ann.subscribe(OWN, json!({})).await;
        let told: Vec<_> = stream.next_events(open.len()).await.iter().map(Told::of).collect();
        assert_eq!(told.into_iter().map(|step| (step.order, step.sequence)).collect::<Vec<_>>(), open);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        assert_eq!(Told::of(&stream.next_event().await).order, order);
    }

    async fn everybody_has_a_feed_of_its_own_orders(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).create().await;
        let cursor = last_cursor(&ann, &order).await;
        ann.cancel_order(&order.id()).await.expect_success();
        // Orders of others are not told, wherever one begins.
        for viewer in [city.customer("Ben").await, city.merchant_of(&restaurant).await, city.driver("Duy").await, city.admin().await] {
            for variables in [json!({}), json!({"after": cursor})] {
                viewer.subscribe(OWN, variables).await.expect_silence(SILENCE).await;
            }
        }
        let first = async |viewer: &Person, variables: Value| viewer.subscribe(OWN, variables).await.first_answer().await;
        first(&city.anonymous(), json!({})).await.expect_code("UNAUTHENTICATED");
        for viewer in [&ann, &city.newcomer("Noi", UserRole::Customer).await] {
            first(viewer, json!({"after": "x"})).await.expect_error("BAD_USER_INPUT", "after");
            expect_expired(&first(viewer, json!({"after": UNKNOWN_CURSOR})).await);
        }
    }
}
