//! `claimableOrdersChanged`: which orders drivers can claim, as it changes.

use std::collections::HashMap;

use entity::sea_orm_active_enums::OrderStatus;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tiffin_tests::{Answer, EventStream, Person, both_databases};

use crate::live_feeds::{Scene, UNKNOWN_CURSOR, expect_expired, last_cursor};

use OrderStatus::{Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

const BOARD: &str = "subscription($after: String) { event: claimableOrdersChanged(after: $after) {
    cursor kind orderId order { id status customerName deliveryAddress { line1 } } } }";

#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    cursor: String,
    kind: String,
    order: String,
    is_shown: bool,
}

impl Change {
    #[track_caller]
    fn of(event: &Answer) -> Self {
        let order = event.at("/event/order");
        assert!(order.is_null() || order["id"] == event.at("/event")["orderId"], "{event}");
        Change {
            cursor: event.text("/event/cursor").to_owned(),
            kind: event.text("/event/kind").to_owned(),
            order: event.text("/event/orderId").to_owned(),
            is_shown: !order.is_null(),
        }
    }
}

/// The next changes: each kind with its order, and whether the order is shown.
async fn next(stream: &mut EventStream, count: usize) -> Vec<(String, String, bool)> {
    let changes = stream.next_events(count).await;
    changes.iter().map(Change::of).map(|change| (change.kind, change.order, change.is_shown)).collect()
}

fn added(order: &str) -> (String, String, bool) {
    ("ADDED".to_owned(), order.to_owned(), true)
}

fn removed(order: &str) -> (String, String, bool) {
    ("REMOVED".to_owned(), order.to_owned(), false)
}

both_databases! {
    async fn an_order_comes_when_it_can_be_claimed_and_goes_when_it_cannot(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, ann, .. } = &scene;
        let (duy, ivo, admin) = (city.driver("Duy").await, city.driver("Ivo").await, city.admin().await);
        for status in [Pending, PickedUp, Delivered] {
            city.order(ann, restaurant).status(status).create().await;
        }
        city.order(ann, restaurant).status(Ready).driver(&ivo).create().await;
        let mut waiting = Vec::new();
        for status in [Ready, Confirmed, Preparing] {
            waiting.push(added(&city.order(ann, restaurant).status(status).create().await.id()));
        }
        let mut boards = Vec::new();
        for viewer in [&duy, &scene.there(&duy), &ivo, &admin] {
            let mut board = viewer.subscribe(BOARD, json!({})).await;
            assert_eq!(next(&mut board, 3).await, waiting);
            boards.push(board);
        }
        let expect = async |boards: &mut Vec<EventStream>, change: (String, String, bool)| {
            for board in boards {
                assert_eq!(next(board, 1).await, std::slice::from_ref(&change));
            }
        };

        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        staff.update_order_status(&order, Confirmed).await.expect_success();
        expect(&mut boards, added(&order)).await;
        // A step between two statuses in which it can be claimed changes nothing.
        staff.update_order_status(&order, Preparing).await.expect_success();
        duy.assign_driver(&order, &duy).await.expect_success();
        expect(&mut boards, removed(&order)).await;
        staff.update_order_status(&order, Ready).await.expect_success();
        scene.there(&duy).release_driver(&order).await.expect_success();
        expect(&mut boards, added(&order)).await;
        staff.cancel_order(&order).await.expect_success();
        expect(&mut boards, removed(&order)).await;
    }

    async fn a_driver_who_reconnects_misses_no_change(database: Database) {
        const ORDERS: usize = 12;
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, ann, .. } = &scene;
        let duy = city.driver("Duy").await;
        let old = city.order(ann, restaurant).status(Delivered).create().await;
        let start = last_cursor(ann, &old).await;
        let lives = join_all((0..ORDERS).map(|number| scene.live(number)));
        let follow = async |viewer: &Person, changes_a_connection: usize| {
            let (mut told, mut after) = (Vec::new(), start.clone());
            while told.iter().filter(|change: &&Change| change.kind == "REMOVED").count() < ORDERS {
                let mut board = viewer.subscribe(BOARD, json!({"after": after})).await;
                for _ in 0..changes_a_connection {
                    let change = Change::of(&board.next_event().await);
                    after.clone_from(&change.cursor);
                    told.push(change);
                    if told.iter().filter(|change| change.kind == "REMOVED").count() == ORDERS {
                        break;
                    }
                }
            }
            told
        };
        let duy_there = scene.there(&duy);
        let (_, (here, there)) = join(lives, join(follow(&duy, 3), follow(&duy_there, 7))).await;
        let mut of_orders: HashMap<&str, Vec<&str>> = HashMap::new();
        for change in &here {
            of_orders.entry(&change.order).or_default().push(&change.kind);
        }
        assert_eq!(of_orders.len(), ORDERS);
        assert!(of_orders.values().all(|kinds| *kinds == ["ADDED", "REMOVED"]), "{here:#?}");
        let cursors = |told: &[Change]| told.iter().map(|change| change.cursor.clone()).collect::<Vec<_>>();
        assert_eq!(cursors(&here), cursors(&there));
    }

    async fn whoever_is_cut_off_in_the_present_goes_on_with_the_rest_of_it(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, duy) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.driver("Duy").await);
        let mut orders = Vec::new();
        for _ in 0..3 {
            let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            staff.update_order_status(&order, Confirmed).await.expect_success();
            orders.push(order);
        }
        // The first of them has gone on since, and can be claimed all the time.
        for status in [Preparing, Ready] {
            staff.update_order_status(&orders[0], status).await.expect_success();
        }
        let mut board = duy.subscribe(BOARD, json!({})).await;
        let first = Change::of(&board.next_event().await);
        assert_eq!(first.order, orders[0]);
        assert_eq!(next(&mut board, 2).await, [added(&orders[1]), added(&orders[2])]);
        let mut board = duy.subscribe(BOARD, json!({"after": first.cursor})).await;
        assert_eq!(next(&mut board, 2).await, [added(&orders[1]), added(&orders[2])]);
    }

    async fn what_is_gone_when_it_is_told_is_not_shown(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let (duy, ivo, admin) = (city.driver("Duy").await, city.driver("Ivo").await, city.admin().await);
        let start = last_cursor(&ann, &city.order(&ann, &restaurant).create().await).await;
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        staff.update_order_status(&order, Confirmed).await.expect_success();
        ivo.assign_driver(&order, &ivo).await.expect_success();
        // Not to the driver who has it either: it is to be claimed no more.
        for viewer in [&duy, &ivo, &admin] {
            let mut board = viewer.subscribe(BOARD, json!({"after": start})).await;
            let gone = ("ADDED".to_owned(), order.clone(), false);
            assert_eq!(next(&mut board, 2).await, [gone, removed(&order)]);
        }
    }

    async fn the_board_is_for_drivers_and_admins(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, ann, .. } = &scene;
        city.order(ann, restaurant).status(Ready).create().await;
        let duy = city.driver("Duy").await;
        let first = async |viewer: &Person, variables: Value| viewer.subscribe(BOARD, variables).await.first_answer().await;
        for viewer in [ann, staff] {
            first(viewer, json!({})).await.expect_code("FORBIDDEN");
        }
        first(&city.anonymous(), json!({})).await.expect_code("UNAUTHENTICATED");
        first(&duy, json!({"after": "x"})).await.expect_error("BAD_USER_INPUT", "after");
        expect_expired(&first(&duy, json!({"after": UNKNOWN_CURSOR})).await);

        // Who stops being a driver is told no more, wherever it is connected.
        let mut board = scene.there(&duy).subscribe(BOARD, json!({})).await;
        board.next_event().await.expect_success();
        let dismiss = "mutation($id: ID!) { setUserRole(input: {userId: $id, role: CUSTOMER}) { user { id } } }";
        city.admin().await.query(dismiss, json!({"id": duy.user_id()})).await.expect_success();
        board.expect_complete().await;
        first(&duy, json!({})).await.expect_code("FORBIDDEN");
    }
}
