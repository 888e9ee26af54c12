//! Shared work of followers: followers who get the same at the same moment share one read and one resolution, and each still sees only what
//! is theirs.

use entity::sea_orm_active_enums::OrderStatus;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tiffin_tests::{Answer, EventStream, Person, both_databases};

use OrderStatus::{Confirmed, Pending, Preparing, Ready};

const FOLLOW: &str = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { \
     sequence order { customerName customer { phone } restaurant { name } driver { name phone } } } }";

async fn follow(viewer: &Person, order: &str, query: &str) -> EventStream {
    viewer.subscribe(query, json!({"id": order})).await
}

/// So many followers, each of whom has been told the present.
async fn followers(viewer: &Person, order: &str, query: &str, count: usize) -> Vec<EventStream> {
    let mut streams = join_all((0..count).map(|_| follow(viewer, order, query))).await;
    join_all(streams.iter_mut().map(EventStream::next_event)).await;
    streams
}

async fn all_are_told(streams: &mut [EventStream]) -> Vec<Answer> {
    join_all(streams.iter_mut().map(EventStream::next_event)).await
}

both_databases! {
    async fn a_step_is_read_and_resolved_once_for_many(city: &City) {
        const FOLLOWERS: usize = 60;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let order = city.order(&ann, &restaurant).status(Pending).create().await.id();
        let mut streams = followers(&ann, &order, FOLLOW, FOLLOWERS).await;
        let step = async {
            staff.update_order_status(&order, Confirmed).await.expect_success();
            all_are_told(&mut streams).await
        };
        let (told, statements) = city.server().all_statements_during(step).await;
        assert!(told.iter().all(|event| event.body == told[0].body && event.at("/orderStatusChanged/sequence") == 2), "{told:?}");
        // Whoever wakes when the others are done reads once more: some do, and by far not all.
        for words in [r#"AS "A_order_id""#, r#"FROM "customers" WHERE "#, r#"FROM "restaurants" "#] {
            let count = statements.count_of(&[words]);
            assert!((1..=FOLLOWERS / 3).contains(&count), "{count} statements {words}: {statements}");
        }
    }

    async fn each_is_told_what_it_may_see_and_what_it_selects(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ada) = (city.customer("Ann").await, city.admin().await);
        let (duy, ivo) = (city.driver("Duy").await, city.driver("Ivo").await);
        let staff = city.merchant_of(&restaurant).await;
        let order = city.order(&ann, &restaurant).status(Preparing).create().await.id();
        let short = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { sequence } }";
        let spoken = "subscription($id: ID!, $named: Boolean!) { orderStatusChanged(orderId: $id) { \
             sequence name: order { restaurantName @include(if: $named) customerName @skip(if: $named) } } }";
        let mut of_ann = followers(&ann, &order, FOLLOW, 5).await;
        let mut of_ada = followers(&ada, &order, FOLLOW, 5).await;
        let mut of_ivo = followers(&ivo, &order, FOLLOW, 5).await;
        let mut in_short = followers(&ann, &order, short, 5).await;
        let mut named = ann.subscribe(spoken, json!({"id": order, "named": true})).await;
        let mut unnamed = ann.subscribe(spoken, json!({"id": order, "named": false})).await;
        for stream in [&mut named, &mut unnamed] {
            stream.next_event().await;
        }
        // Whoever could have claimed it may see neither phone. When somebody else has, it sees nothing more.
        staff.update_order_status(&order, Ready).await.expect_success();
        for event in all_are_told(&mut of_ivo).await {
            assert_eq!(event.at("/orderStatusChanged/order/customer/phone"), &Value::Null);
        }
        for stream in of_ann.iter_mut().chain(&mut of_ada).chain(&mut in_short).chain([&mut named, &mut unnamed]) {
            stream.next_event().await.expect_success();
        }
        duy.assign_driver(&order, &duy).await.expect_success();
        for event in all_are_told(&mut of_ann).await.into_iter().chain(all_are_told(&mut of_ada).await) {
            let event = event.expect_success();
            assert!(event.text("/orderStatusChanged/order/customer/phone").starts_with("+1 555"), "{event}");
            assert!(event.text("/orderStatusChanged/order/driver/phone").starts_with("+1 556"), "{event}");
        }
        for event in all_are_told(&mut in_short).await {
            assert_eq!(event.at("/orderStatusChanged"), &json!({"sequence": event.get::<i64>("/orderStatusChanged/sequence")}));
        }
        assert_eq!(named.next_event().await.at("/orderStatusChanged/name"), &json!({"restaurantName": restaurant.row.name}));
        assert_eq!(unnamed.next_event().await.at("/orderStatusChanged/name"), &json!({"customerName": "Ann"}));
        for stream in of_ivo {
            stream.expect_complete().await;
        }
    }

    async fn who_comes_and_goes_among_many_is_told_each_step_once(city: &City) {
        const SEQUENCE: &str = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { sequence } }";
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let order = city.order(&ann, &restaurant).status(Pending).create().await.id();
        let mut streams = followers(&ann, &order, SEQUENCE, 10).await;
        for (step, status) in [(2, Confirmed), (3, Preparing), (4, Ready)] {
            staff.update_order_status(&order, status).await.expect_success();
            for event in all_are_told(&mut streams).await {
                assert_eq!(event.get::<i64>("/orderStatusChanged/sequence"), step);
            }
            // Those who were first leave, and others come.
            streams.drain(..6);
            streams.extend(followers(&ann, &order, SEQUENCE, 8).await);
        }
        staff.cancel_order(&order).await.expect_success();
        for mut stream in streams {
            assert_eq!(stream.next_event().await.get::<i64>("/orderStatusChanged/sequence"), 5);
            stream.expect_complete().await;
        }
    }
}
