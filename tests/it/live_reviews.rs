//! `reviewPosted`: a restaurant's reviews as they are posted.

use std::time::Duration;

use entity::{journal_events, sea_orm_active_enums::OrderStatus::Delivered};
use futures_util::future::{join, join_all};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, EventStream, Person, both_databases, builders::Restaurant};

use crate::live_feeds::{Scene, UNKNOWN_CURSOR, expect_expired};

const REVIEWS: &str = "subscription($id: ID!, $after: String) { event: reviewPosted(restaurantId: $id, after: $after) {
    cursor review { id rating } } }";

/// How long nothing comes for where nothing is expected to.
const SILENCE: Duration = Duration::from_millis(300);

/// So many customers whom the restaurant has delivered an order.
async fn guests(city: &City, restaurant: &Restaurant, count: usize) -> Vec<Person> {
    let mut guests = Vec::new();
    for _ in 0..count {
        let guest = city.customer("Ann").await;
        city.order(&guest, restaurant).status(Delivered).create().await;
        guests.push(guest);
    }
    guests
}

async fn post(guest: &Person, restaurant: &Restaurant, rating: i32) -> String {
    guest.post_review(restaurant, rating).await.text("/postReview/review/id").to_owned()
}

async fn act(person: &Person, document: &str, id: &str) {
    person.query(document, json!({ "id": id })).await.expect_success();
}

async fn first(viewer: &Person, variables: Value) -> Answer {
    viewer.subscribe(REVIEWS, variables).await.first_answer().await
}

async fn next_review(stream: &mut EventStream) -> String {
    stream.next_event().await.text("/event/review/id").to_owned()
}

const CLOSE: &str = "mutation($id: ID!) { deactivateRestaurant(input: {id: $id}) { restaurant { isActive } } }";
const DELETE: &str = "mutation($id: ID!) { deleteReview(input: {id: $id}) { deletedReviewId } }";
const UPDATE: &str = "mutation($id: ID!) { updateReview(input: {id: $id, rating: 1}) { review { id } } }";

both_databases! {
    async fn reviews_are_told_as_they_are_posted(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, .. } = &scene;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let guests = guests(city, restaurant, 3).await;
        city.order(&guests[0], &elsewhere).status(Delivered).create().await;
        let anonymous = city.anonymous();
        let mut streams = Vec::new();
        for viewer in [&anonymous, staff, &scene.there(&guests[0])] {
            let mut stream = viewer.subscribe(REVIEWS, json!({"id": restaurant.id()})).await;
            stream.expect_silence(SILENCE).await;
            streams.push(stream);
        }
        let here = post(&guests[0], restaurant, 4).await;
        post(&guests[0], &elsewhere, 2).await;
        // What is refused, changed or taken back is no new review.
        guests[0].post_review(restaurant, 5).await.expect_code("CONFLICT");
        act(&guests[0], UPDATE, &here).await;
        let there = post(&scene.there(&guests[1]), restaurant, 5).await;
        for stream in &mut streams {
            assert_eq!([next_review(stream).await, next_review(stream).await], [here.clone(), there.clone()]);
        }
        // One event for each.
        let posted = journal_events::Entity::find().all(city.db()).await.unwrap();
        assert_eq!(posted.iter().filter(|event| event.kind == "REVIEW_POSTED").count(), 3);

        // The newest comes first, and then what is new.
        let mut stream = anonymous.subscribe(REVIEWS, json!({"id": restaurant.id()})).await;
        assert_eq!(next_review(&mut stream).await, there);
        let third = post(&guests[2], restaurant, 3).await;
        let event = stream.next_event().await;
        assert_eq!(event.at("/event/review"), &json!({"id": third, "rating": 3}));
    }

    async fn whoever_reconnects_misses_no_review(database: Database) {
        const GUESTS: usize = 12;
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, .. } = &scene;
        let guests = guests(city, restaurant, GUESTS + 1).await;
        post(&guests[GUESTS], restaurant, 1).await;
        let anonymous = city.anonymous();
        let posting = join_all(guests[..GUESTS].iter().enumerate().map(async |(number, guest)| {
            let guest = if number % 2 == 0 { guest } else { &scene.there(guest) };
            post(guest, restaurant, 5).await
        }));
        let start = first(&anonymous, json!({"id": restaurant.id()})).await.text("/event/cursor").to_owned();
        let follow = async |viewer: &Person, reviews_a_connection: usize| {
            let (mut told, mut after) = (Vec::new(), start.clone());
            while told.len() < GUESTS {
                let mut stream = viewer.subscribe(REVIEWS, json!({"id": restaurant.id(), "after": after})).await;
                for _ in 0..reviews_a_connection.min(GUESTS - told.len()) {
                    let event = stream.next_event().await;
                    event.text("/event/cursor").clone_into(&mut after);
                    told.push(event.text("/event/review/id").to_owned());
                }
            }
            told
        };
        let staff_there = scene.there(staff);
        let (mut posted, (mut here, there)) = join(posting, join(follow(&anonymous, 2), follow(&staff_there, 5))).await;
        assert_eq!(here, there, "in one order, whoever follows");
        here.sort();
        posted.sort();
        assert_eq!(here, posted);
    }

    async fn a_review_that_was_taken_back_is_not_told_later(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let guests = guests(city, &restaurant, 3).await;
        let anonymous = city.anonymous();
        post(&guests[0], &restaurant, 5).await;
        let start = first(&anonymous, json!({"id": restaurant.id()})).await.text("/event/cursor").to_owned();
        let taken_back = post(&guests[1], &restaurant, 1).await;
        act(&guests[1], DELETE, &taken_back).await;
        let kept = post(&guests[2], &restaurant, 4).await;
        let mut stream = anonymous.subscribe(REVIEWS, json!({"id": restaurant.id(), "after": start})).await;
        assert_eq!(next_review(&mut stream).await, kept);
        act(&guests[2], DELETE, &kept).await;
        anonymous.subscribe(REVIEWS, json!({"id": restaurant.id()})).await.expect_silence(SILENCE).await;
    }

    async fn whoever_may_not_know_of_the_restaurant_is_told_nothing_of_it(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let staff = city.merchant_of(&restaurant).await;
        let guests = guests(city, &restaurant, 2).await;
        let anonymous = city.anonymous();
        let variables = json!({"id": restaurant.id()});
        post(&guests[0], &restaurant, 5).await;
        let mut of_public = anonymous.subscribe(REVIEWS, variables.clone()).await;
        let mut of_staff = staff.subscribe(REVIEWS, variables.clone()).await;
        for stream in [&mut of_public, &mut of_staff] {
            stream.next_event().await.expect_success();
        }
        act(&staff, CLOSE, &restaurant.id()).await;
        // Who ordered there may still say how it was.
        let review = post(&guests[1], &restaurant, 2).await;
        assert_eq!(next_review(&mut of_staff).await, review);
        of_public.expect_complete().await;
        for viewer in [&anonymous, &guests[0], &city.driver("Duy").await] {
            first(viewer, variables.clone()).await.expect_error("NOT_FOUND", "restaurantId");
        }
        first(&anonymous, json!({"id": "Restaurant:2147483647"})).await.expect_error("NOT_FOUND", "restaurantId");
        first(&staff, json!({"id": restaurant.id(), "after": "x"})).await.expect_error("BAD_USER_INPUT", "after");
        expect_expired(&first(&staff, json!({"id": restaurant.id(), "after": UNKNOWN_CURSOR})).await);
    }

    async fn a_review_that_could_not_be_written_is_not_in_the_journal(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let before = journal_events::Entity::find().count(city.db()).await.unwrap();
        city.customer("Ben").await.post_review(&restaurant, 5).await.expect_code("FORBIDDEN");
        assert_eq!(journal_events::Entity::find().count(city.db()).await.unwrap(), before);
    }
}
