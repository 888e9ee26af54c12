//! `ordersChanged`: one feed of several restaurants, or of all.

use std::time::Duration;

use entity::{order_events, orders, sea_orm_active_enums::OrderStatus};
use futures_util::future::{join, join_all};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tiffin_tests::{Person, both_databases, builders::Restaurant};

use crate::live_feeds::{
    Scene, Told, UNKNOWN_CURSOR, expect_each_once, expect_expired, follow_to_the_end, last_cursor,
};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

const CHAIN: &str = "subscription($filter: OrdersChangedFilter, $after: String) {
    event: ordersChanged(filter: $filter, after: $after) { cursor sequence status note order { id } } }";

fn of(restaurants: &[&Restaurant]) -> Value {
    json!({"filter": {"restaurantIds": restaurants.iter().map(|restaurant| restaurant.id()).collect::<Vec<_>>()}})
}

async fn first(viewer: &Person, variables: Value) -> tiffin_tests::Answer {
    viewer.subscribe(CHAIN, variables).await.first_answer().await
}

both_databases! {
    async fn who_follows_several_restaurants_and_reconnects_misses_nothing(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, ann, .. } = &scene;
        let others = [city.restaurant().with_dishes(1).create().await, city.restaurant().with_dishes(1).create().await];
        for other in &others {
            city.make_member(staff, other).await;
        }
        let chain = [restaurant, &others[0], &others[1]];
        let admin = city.admin().await;
        // Nobody but admins follows this one.
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let old = city.order(ann, restaurant).status(Delivered).create().await;
        let start = last_cursor(ann, &old).await;

        let lives = join_all((0..18).map(|number| scene.live_at(chain[number / 6], number)));
        let besides = async {
            for _ in 0..4 {
                let order = ann.has_ordered(&elsewhere.basket(&[(0, 1)])).await;
                ann.cancel_order(&order).await.expect_success();
            }
        };
        let staff_there = scene.there(staff);
        let here = follow_to_the_end(staff, CHAIN, of(&chain), Some(start.clone()), 18, 4);
        let there = follow_to_the_end(&staff_there, CHAIN, of(&chain), Some(start.clone()), 18, 9);
        let all = follow_to_the_end(&admin, CHAIN, json!({}), Some(start), 22, 5);
        let ((_, ()), ((here, there), all)) = join(join(lives, besides), join(join(here, there), all)).await;

        let rows = order_events::Entity::find().filter(order_events::Column::OrderId.ne(old.row.id));
        let rows = rows.all(city.db()).await.unwrap();
        expect_each_once(&all, &rows);
        let orders = orders::Entity::find().filter(orders::Column::RestaurantId.ne(elsewhere.row.id)).all(city.db()).await.unwrap();
        let is_of_chain = |row: &order_events::Model| orders.iter().any(|order| order.id == row.order_id);
        let rows: Vec<_> = rows.into_iter().filter(is_of_chain).collect();
        expect_each_once(&here, &rows);
        // All are told in one order, whoever follows how many.
        let cursors = |told: &[Told]| told.iter().map(|step| step.cursor.clone()).collect::<Vec<_>>();
        assert_eq!(cursors(&here), cursors(&there));
        let here = cursors(&here);
        let in_all: Vec<_> = cursors(&all).into_iter().filter(|cursor| here.contains(cursor)).collect();
        assert_eq!(in_all, here);
    }

    async fn a_cursor_is_good_whichever_restaurants_are_followed(city: &City) {
        let [here, there] = [city.restaurant().with_dishes(1).create().await, city.restaurant().with_dishes(1).create().await];
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&here).await);
        city.make_member(&staff, &there).await;
        let (one, other) = (city.order(&ann, &here).create().await, city.order(&ann, &there).create().await);
        let mut stream = staff.subscribe(CHAIN, of(&[&there, &here, &there])).await;
        let told: Vec<_> = stream.next_events(2).await.iter().map(Told::of).collect();
        assert_eq!(told.iter().map(|step| step.order.clone()).collect::<Vec<_>>(), [one.id(), other.id()]);

        staff.update_order_status(&one.id(), Confirmed).await.expect_success();
        staff.update_order_status(&other.id(), Confirmed).await.expect_success();
        // Of the one restaurant, after a step of the other.
        let mut variables = of(&[&there]);
        variables["after"] = json!(told[0].cursor);
        let mut stream = staff.subscribe(CHAIN, variables).await;
        let told: Vec<_> = stream.next_events(2).await.iter().map(Told::of).map(|step| (step.order, step.sequence)).collect();
        assert_eq!(told, [(other.id(), 1), (other.id(), 2)]);
    }

    async fn only_steps_to_the_statuses_that_are_asked_for_are_told(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        for status in [Preparing, PickedUp, Delivered, Cancelled, Pending, Ready] {
            city.order(&ann, &restaurant).status(status).create().await;
        }
        let with = |status: Value| {
            let mut variables = of(&[&restaurant]);
            variables["filter"]["status"] = status;
            variables
        };
        let mut stream = staff.subscribe(CHAIN, with(json!(["PENDING", "READY"]))).await;
        let told: Vec<_> = stream.next_events(2).await.iter().map(Told::of).collect();
        assert_eq!([told[0].status.as_str(), told[1].status.as_str()], ["PENDING", "READY"]);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        for status in [Confirmed, Preparing, Ready] {
            staff.update_order_status(&order, status).await.expect_success();
        }
        staff.cancel_order(&order).await.expect_success();
        let second = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let mut after = with(json!(["PENDING", "READY"]));
        after["after"] = json!(told[1].cursor);
        for stream in [&mut stream, &mut staff.subscribe(CHAIN, after).await] {
            let told: Vec<_> = stream.next_events(3).await.iter().map(Told::of).map(|step| (step.order, step.status)).collect();
            let expected = [(&order, "PENDING"), (&order, "READY"), (&second, "PENDING")];
            assert_eq!(told, expected.map(|(order, status)| (order.clone(), status.to_owned())));
        }
        staff.subscribe(CHAIN, with(json!([]))).await.expect_silence(Duration::from_millis(300)).await;
    }

    async fn the_feed_is_for_those_who_run_all_that_is_named(city: &City) {
        let [own, other] = [city.restaurant().with_dishes(1).create().await, city.restaurant().with_dishes(1).create().await];
        let closed = city.restaurant().inactive().with_dishes(1).create().await;
        let (ann, duy, admin) = (city.customer("Ann").await, city.driver("Duy").await, city.admin().await);
        let staff = city.merchant_of(&own).await;
        let order = city.order(&ann, &own).create().await;
        for viewer in [&staff, &admin] {
            first(viewer, of(&[&own])).await.expect_success();
        }
        let other_order = city.order(&ann, &closed).create().await;
        let mut stream = admin.subscribe(CHAIN, json!({})).await;
        let told: Vec<_> = stream.next_events(2).await.iter().map(|event| Told::of(event).order).collect();
        assert_eq!(told, [order.id(), other_order.id()]);

        for viewer in [&ann, &duy, &staff] {
            first(viewer, of(&[&own, &other])).await.expect_code("FORBIDDEN");
            first(viewer, of(&[&own, &closed])).await.expect_error("NOT_FOUND", "filter.restaurantIds.1");
            for everything in [json!({}), json!({"filter": {}}), json!({"filter": {"status": ["READY"]}})] {
                first(viewer, everything).await.expect_code("FORBIDDEN");
            }
        }
        let anonymous = city.anonymous();
        first(&anonymous, of(&[&own])).await.expect_code("UNAUTHENTICATED");
        first(&anonymous, json!({})).await.expect_code("UNAUTHENTICATED");
        first(&anonymous, of(&[&closed])).await.expect_error("NOT_FOUND", "filter.restaurantIds.0");
        let missing = json!({"filter": {"restaurantIds": [own.id(), "Restaurant:2147483647"]}});
        first(&admin, missing).await.expect_error("NOT_FOUND", "filter.restaurantIds.1");
        let many = json!({"filter": {"restaurantIds": vec![own.id(); 101]}});
        first(&staff, many).await.expect_error("BAD_USER_INPUT", "filter.restaurantIds");
        first(&staff, json!({"filter": {"restaurantIds": vec![own.id(); 100]}})).await.expect_success();
        first(&staff, json!({"filter": {"restaurantIds": []}})).await.expect_error("BAD_USER_INPUT", "filter.restaurantIds");
        let mut expired = of(&[&own]);
        expired["after"] = json!(UNKNOWN_CURSOR);
        expect_expired(&first(&staff, expired).await);
    }

    async fn who_leaves_the_staff_of_one_of_them_is_told_no_more(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, ann, .. } = &scene;
        let other = city.restaurant().with_dishes(1).create().await;
        city.make_member(staff, &other).await;
        city.order(ann, restaurant).create().await;
        let mut stream = scene.there(staff).subscribe(CHAIN, of(&[restaurant, &other])).await;
        stream.next_event().await.expect_success();
        let remove = "mutation($input: RemoveRestaurantMemberInput!) { removeRestaurantMember(input: $input) { __typename } }";
        let input = json!({ "restaurantId": other.id(), "userId": staff.user_id() });
        city.admin().await.query(remove, json!({ "input": input })).await.expect_success();
        stream.expect_complete().await;
        // Of what is left one is told.
        first(staff, of(&[restaurant])).await.expect_success();
    }

    async fn colleagues_share_the_reading_of_their_restaurants(city: &City) {
        const COLLEAGUES: usize = 20;
        let restaurants = [city.restaurant().with_dishes(1).create().await, city.restaurant().with_dishes(1).create().await];
        let [here, there] = &restaurants;
        let ann = city.customer("Ann").await;
        city.order(&ann, here).create().await;
        let mut streams = Vec::new();
        for number in 0..COLLEAGUES {
            let staff = city.merchant_of(here).await;
            city.make_member(&staff, there).await;
            let variables = if number % 2 == 0 { of(&[here, there]) } else { of(&[there, here]) };
            let mut stream = staff.subscribe(CHAIN, variables).await;
            stream.next_event().await.expect_success();
            streams.push(stream);
        }
        let step = async {
            let order = ann.has_ordered(&there.basket(&[(0, 1)])).await;
            for event in join_all(streams.iter_mut().map(|stream| stream.next_event())).await {
                assert_eq!(Told::of(&event).order, order);
            }
        };
        let ((), statements) = city.server().all_statements_during(step).await;
        // Whoever wakes when the others are done reads once more: some do, and by far not all.
        let count = statements.count_of(&[r#"AS "journal_position""#]);
        assert!((1..=COLLEAGUES / 2).contains(&count), "{count} statements: {statements}");
    }
}
