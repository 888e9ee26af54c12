//! `orderStatusChanged`: the present first, then every step in order, none lost and none twice, whoever races with whom.

use entity::{order_events, sea_orm_active_enums::OrderStatus};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, EventStream, Person, acts::status_name, both_databases, global_id};
use tokio::sync::watch;

use crate::cuts::{cut_redis_subscriptions, own_redis};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

const FOLLOW: &str = "subscription($id: ID!, $after: Int) { orderStatusChanged(orderId: $id, after: $after) {
    sequence status previousStatus driver { id } } }";

both_databases! {
    async fn nobody_misses_a_step_that_races_with_subscribing(database: Database) {
        let city = City::new(database).await;
        // Steps are taken at one server and followed at both.
        let other_server = match database {
            Database::Postgres => Some(city.another_server().await),
            Database::Sqlite => None,
        };
        let there = |person: &Person| other_server.as_ref().map_or_else(|| person.clone(), |server| person.at(server));
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let lives = (0..12).map(async |number| {
            let duy = city.driver("Duy").await;
            let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            let (taken, progress) = watch::channel(1);
            let walker = walk(&staff, &duy, &order, number % 3 == 0, taken);
            let followers = (0..8).map(async |step: i32| {
                let viewer = if step % 2 == 0 { &ann } else { &there(&ann) };
                let mut progress = progress.clone();
                progress.wait_for(|taken| *taken >= step).await.unwrap();
                let after = (step % 4 < 2).then_some(step / 2);
                let events = follow(viewer, &order, after).await.until_complete().await;
                (step, after, steps_told(&events))
            });
            let ((), told) = join(walker, join_all(followers)).await;
            let history = history(&city.order_events(&order).await);
            for (step, after, told) in told {
                let first = after.map_or_else(|| told[0]["sequence"].as_i64().unwrap() - 1, i64::from);
                assert!(after.is_some() || first + 1 >= i64::from(step), "the present is not older than what was done: {told:?}");
                assert_eq!(told, history[usize::try_from(first).unwrap()..], "from step {step}, after {after:?}");
            }
        });
        join_all(lives).await;
    }

    async fn a_history_that_is_read_in_several_parts_is_told_whole(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(Ready).create().await.id();
        for _ in 0..105 {
            duy.assign_driver(&order, &duy).await.expect_success();
            duy.release_driver(&order).await.expect_success();
        }
        let whole: Vec<i64> = city.order_events(&order).await.iter().map(|event| event.sequence.into()).collect();
        assert!(whole.len() > 200, "{whole:?}");
        let mut stream = follow(&ann, &order, Some(0)).await;
        let sequence = |event: &Answer| event.get::<i64>("/orderStatusChanged/sequence");
        let told: Vec<i64> = stream.next_events(whole.len()).await.iter().map(sequence).collect();
        assert_eq!(told, whole);
        duy.assign_driver(&order, &duy).await.expect_success();
        assert_eq!(sequence(&stream.next_event().await), whole.len() as i64 + 1);
    }

    async fn after_replays_what_came_later(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let order = city.order(&ann, &restaurant).status(Preparing).create().await;
        let sequences = |events: &[Answer]| -> Vec<i64> {
            events.iter().map(|event| event.get("/orderStatusChanged/sequence")).collect()
        };
        for (after, count, expected) in [(None, 1, vec![3]), (Some(0), 3, vec![1, 2, 3]), (Some(1), 2, vec![2, 3]), (Some(3), 0, vec![])] {
            let mut stream = follow(&ann, &order.id(), after).await;
            assert_eq!(sequences(&stream.next_events(count).await), expected, "{after:?}");
        }
        let mut live = follow(&ann, &order.id(), Some(3)).await;
        staff.update_order_status(&order.id(), Ready).await.expect_success();
        assert_eq!(live.next_event().await.get::<i64>("/orderStatusChanged/sequence"), 4);

        for (after, end) in [(5, 4), (1_000_000, 4), (-1, 4)] {
            let refusal = follow(&ann, &order.id(), Some(after)).await.first_answer().await;
            refusal.expect_error("BAD_USER_INPUT", "after");
            assert_eq!(city.order_events(&order.id()).await.len(), end);
        }
    }

    async fn it_completes_with_the_order(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann, duy) = (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.driver("Duy").await);
        let delivered = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await;
        let cancelled = city.order(&ann, &restaurant).status(Ready).create().await;
        for (order, end) in [(&delivered, Delivered), (&cancelled, Cancelled)] {
            let mut live = follow(&ann, &order.id(), None).await;
            assert_eq!(live.next_event().await.text("/orderStatusChanged/status"), status_name(order.row.status));
            match end {
                Delivered => duy.update_order_status(&order.id(), end).await.expect_success(),
                _ => staff.cancel_order(&order.id()).await.expect_success(),
            };
            assert_eq!(live.next_event().await.text("/orderStatusChanged/status"), status_name(end));
            live.expect_complete().await;

            // Whoever comes later is told the end, or, having heard of it, nothing.
            let last = i32::try_from(order.events.len()).unwrap() + 1;
            let late = follow(&ann, &order.id(), None).await.until_complete().await;
            assert_eq!(late.iter().map(|event| event.text("/orderStatusChanged/status")).collect::<Vec<_>>(), [status_name(end)]);
            assert_eq!(follow(&ann, &order.id(), Some(last - 2)).await.until_complete().await.len(), 2);
            assert!(follow(&ann, &order.id(), Some(last)).await.until_complete().await.is_empty());
        }
    }

    async fn only_who_sees_the_order_can_follow_it(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(Ready).driver(&duy).create().await;
        let claimable = city.order(&ann, &restaurant).status(Ready).create().await;
        let idle = city.driver("Ivo").await;

        for viewer in [&ann, &duy, &city.merchant_of(&restaurant).await, &city.admin().await] {
            let event = follow(viewer, &order.id(), None).await.next_event().await;
            assert_eq!(event.text("/orderStatusChanged/status"), "READY");
        }
        follow(&idle, &claimable.id(), None).await.next_event().await.expect_success();
        let strangers = [&city.anonymous(), &city.customer("Ben").await, &city.merchant_of(&elsewhere).await, &idle];
        for viewer in strangers {
            for id in [order.id(), "Order:999999".to_owned()] {
                let refusal = follow(viewer, &id, None).await.first_answer().await;
                refusal.expect_error("NOT_FOUND", "orderId");
            }
        }
        let refusal = follow(&ann, "Dish:1", None).await.first_answer().await;
        refusal.expect_error("BAD_USER_INPUT", "orderId");
    }

    async fn who_may_not_see_the_order_any_more_is_told_no_more(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy, idle) = (city.customer("Ann").await, city.driver("Duy").await, city.driver("Ivo").await);
        let order = city.order(&ann, &restaurant).status(Ready).create().await;
        let mut watched = follow(&idle, &order.id(), None).await;
        assert_eq!(watched.next_event().await.text("/orderStatusChanged/status"), "READY");
        duy.assign_driver(&order.id(), &duy).await.expect_success();
        watched.expect_complete().await;
    }
}

#[test]
fn steps_taken_while_redis_is_cut_off_arrive() {
    tiffin_tests::run(async {
        let redis = own_redis();
        let city = City::with_settings(Database::Postgres, &[("REDIS_URL", &redis)]).await;
        let other = city.another_server().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann, duy) =
            (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.driver("Duy").await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let mut here = follow(&ann, &order, None).await;
        let mut there = follow(&ann.at(&other), &order, None).await;
        let mut told = vec![here.next_event().await];
        there.next_event().await;
        for (viewer, status) in
            [(&staff, Confirmed), (&staff, Preparing), (&staff, Ready), (&duy, PickedUp), (&duy, Delivered)]
        {
            if status == PickedUp {
                duy.assign_driver(&order, &duy).await.expect_success();
                told.push(here.next_event().await);
                there.next_event().await;
            }
            assert!(cut_redis_subscriptions(&redis) >= 1, "there was something to cut");
            viewer.update_order_status(&order, status).await.expect_success();
            let step = here.next_event().await;
            assert_eq!(there.next_event().await.at("/orderStatusChanged"), step.at("/orderStatusChanged"));
            told.push(step);
        }
        here.expect_complete().await;
        there.expect_complete().await;
        assert_eq!(steps_told(&told), history(&city.order_events(&order).await));
    });
}

async fn follow(viewer: &Person, order: &str, after: Option<i32>) -> EventStream {
    viewer.subscribe(FOLLOW, json!({"id": order, "after": after})).await
}

/// Takes an order from PENDING to its end, and tells how many steps were taken.
async fn walk(staff: &Person, duy: &Person, order: &str, cancelled: bool, taken: watch::Sender<i32>) {
    let done = |answer: Answer| {
        answer.expect_success();
        taken.send_modify(|taken| *taken += 1);
    };
    done(staff.update_order_status(order, Confirmed).await);
    done(duy.assign_driver(order, duy).await);
    done(duy.release_driver(order).await);
    done(staff.update_order_status(order, Preparing).await);
    done(staff.assign_driver(order, duy).await);
    done(staff.update_order_status(order, Ready).await);
    if cancelled {
        done(staff.cancel_order(order).await);
        return;
    }
    done(duy.update_order_status(order, PickedUp).await);
    done(duy.update_order_status(order, Delivered).await);
}

fn steps_told(events: &[Answer]) -> Vec<Value> {
    events.iter().map(|event| event.at("/orderStatusChanged").clone()).collect()
}

/// What a subscriber must be told of these rows.
fn history(events: &[order_events::Model]) -> Vec<Value> {
    let step = |event: &order_events::Model| {
        json!({
            "sequence": event.sequence,
            "status": status_name(event.status),
            "previousStatus": event.previous_status.map(status_name),
            "driver": event.driver_id.map(|driver| json!({"id": global_id("Driver", driver)})),
        })
    };
    let history: Vec<_> = events.iter().map(step).collect();
    assert_eq!(history[0]["status"], status_name(Pending));
    history
}
