//! Reviews: who may write one, and what the restaurant makes of it.

use entity::sea_orm_active_enums::OrderStatus;
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Person, both_databases, builders::Restaurant};

const SHOWN: &str = "review { id rating comment customer { name } } restaurant { avgRating reviewCount }";

async fn post(viewer: &Person, restaurant: &Restaurant, rating: i32, comment: Option<&str>) -> Answer {
    let document = format!("mutation($input: PostReviewInput!) {{ postReview(input: $input) {{ {SHOWN} }} }}");
    let input = json!({"restaurantId": restaurant.id(), "rating": rating, "comment": comment});
    viewer.query(&document, json!({"input": input})).await
}

async fn update(viewer: &Person, input: Value) -> Answer {
    let document = format!("mutation($input: UpdateReviewInput!) {{ updateReview(input: $input) {{ {SHOWN} }} }}");
    viewer.query(&document, json!({"input": input})).await
}

async fn delete(viewer: &Person, review: &str) -> Answer {
    let document = "mutation($id: ID!) { deleteReview(input: {id: $id}) { deletedReviewId restaurant { avgRating reviewCount } } }";
    viewer.query(document, json!({"id": review})).await
}

fn rated(average: &str, count: u32) -> Value {
    json!({"avgRating": average, "reviewCount": count})
}

/// A customer whom the restaurant has delivered to.
async fn served(city: &City, name: &str, restaurant: &Restaurant) -> Person {
    let customer = city.customer(name).await;
    city.order(&customer, restaurant).status(OrderStatus::Delivered).create().await;
    customer
}

both_databases! {
    async fn the_rating_and_the_count_follow_every_change(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let other = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, cat) = (
            served(city, "Ann Lee", &restaurant).await,
            served(city, "Ben", &restaurant).await,
            served(city, "Cat", &restaurant).await,
        );
        let first = post(&ann, &restaurant, 5, Some("  Wonderful  ")).await;
        let review = first.text("/postReview/review/id").to_owned();
        let shown = json!({"id": review, "rating": 5, "comment": "Wonderful", "customer": {"name": "Ann"}});
        assert_eq!(first.at("/postReview/review"), &shown, "to the public, a given name");
        assert_eq!(first.at("/postReview/restaurant"), &rated("5.0", 1));
        assert_eq!(post(&ben, &restaurant, 4, None).await.at("/postReview/restaurant"), &rated("4.5", 2));
        // 13 / 3 = 4.333…, 11 / 3 = 3.666…
        assert_eq!(post(&cat, &restaurant, 4, None).await.at("/postReview/restaurant"), &rated("4.3", 3));
        let worse = update(&ann, json!({"id": review, "rating": 3})).await;
        assert_eq!(worse.at("/updateReview/restaurant"), &rated("3.7", 3));
        assert_eq!(worse.text("/updateReview/review/comment"), "Wonderful", "what is absent stays");
        let cleared = update(&ann, json!({"id": review, "comment": null})).await;
        assert_eq!(cleared.at("/updateReview/review/comment"), &Value::Null);
        assert_eq!(cleared.at("/updateReview/review/rating"), 3);
        assert_eq!(delete(&ann, &review).await.at("/deleteReview/restaurant"), &rated("4.0", 2));
        assert_eq!(post(&ann, &restaurant, 1, None).await.at("/postReview/restaurant"), &rated("3.0", 3), "and anew");

        let document = "query($id: ID!) { restaurant(id: $id) { avgRating reviewCount } }";
        let stored = city.anonymous().query(document, json!({"id": restaurant.id()})).await;
        assert_eq!(stored.at("/restaurant"), &rated("3.0", 3));
        let stored = city.anonymous().query(document, json!({"id": other.id()})).await;
        assert_eq!(stored.at("/restaurant"), &rated("0.0", 0), "another restaurant's are its own");
    }

    async fn a_review_is_signed_with_what_its_author_chose(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = served(city, "Nguyễn Thị Hoa", &restaurant).await;
        let (ben, merchant, admin) = (served(city, "王小明", &restaurant).await, city.merchant_of(&restaurant).await, city.admin().await);
        for reviewer in [&ann, &ben] {
            post(reviewer, &restaurant, 5, None).await.expect_success();
        }
        let signed = async || {
            let document = "query($id: ID!) { restaurant(id: $id) { reviews { nodes { customer { name } } } } }";
            let answer = city.anonymous().query(document, json!({"id": restaurant.id()})).await;
            let names = answer.list("/restaurant/reviews/nodes").iter().map(|review| review["customer"]["name"].clone());
            names.collect::<Vec<_>>()
        };
        assert_eq!(signed().await, ["王.", "Hoa"]);
        let choose = async |viewer: &Person, name: Value| {
            let document = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { name reviewName } } }";
            viewer.query(document, json!({"input": {"id": ann.customer_id(), "reviewName": name}})).await
        };
        let chosen = choose(&ann, json!("  Phở\n lover\u{200d} ")).await;
        assert_eq!(chosen.at("/updateCustomer/customer"), &json!({"name": "Nguyễn Thị Hoa", "reviewName": "Phở lover\u{200d}"}));
        assert_eq!(signed().await, ["王.", "Phở lover\u{200d}"], "those that are there as well");
        choose(&ann, json!("a\u{202e}b")).await.expect_error("BAD_USER_INPUT", "reviewName");
        choose(&merchant, json!("Nobody")).await.expect_code("FORBIDDEN");
        assert_eq!(choose(&admin, json!("Guest")).await.text("/updateCustomer/customer/reviewName"), "Guest");
        for nothing in [json!(null), json!(" \u{3164}")] {
            choose(&ann, json!("Somebody")).await.expect_success();
            assert_eq!(choose(&ann, nothing).await.text("/updateCustomer/customer/reviewName"), "Hoa");
        }
        assert_eq!(signed().await, ["王.", "Hoa"]);

        // Nobody is told which of its customers signs so, nor finds it by that.
        let document = "query($id: ID!) { customer(id: $id) { name reviewName } }";
        let told = merchant.query(document, json!({"id": ann.customer_id()})).await;
        assert_eq!(told.at("/customer"), &json!({"name": "Nguyễn Thị Hoa", "reviewName": null}));
        choose(&ann, json!("Somebody")).await.expect_success();
        let found = merchant.query("{ customers(search: \"somebody\") { totalCount } }", json!({})).await;
        assert_eq!(found.at("/customers/totalCount"), 0);
    }

    async fn only_customers_who_were_served_review_and_only_once(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        post(&city.anonymous(), &restaurant, 5, None).await.expect_code("UNAUTHENTICATED");
        let waiting = city.customer("Will").await;
        use OrderStatus::{Confirmed, Pending, PickedUp, Preparing, Ready};
        for status in [Pending, Confirmed, Preparing, Ready, PickedUp] {
            city.order(&waiting, &restaurant).status(status).create().await;
        }
        city.order(&waiting, &restaurant).cancelled_from(Ready).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let outsiders = [city.customer("Nam").await, served(city, "Eve", &elsewhere).await, waiting, merchant, city.admin().await];
        for viewer in outsiders {
            post(&viewer, &restaurant, 5, None).await.expect_code("FORBIDDEN");
        }
        let ann = served(city, "Ann", &restaurant).await;
        city.order(&ann, &restaurant).status(OrderStatus::Delivered).create().await;
        post(&ann, &restaurant, 5, None).await.expect_success();
        post(&ann, &restaurant, 4, None).await.expect_code("CONFLICT");
        let document = "query($id: ID!) { restaurant(id: $id) { avgRating reviewCount reviews { totalCount } } }";
        let stored = ann.query(document, json!({"id": restaurant.id()})).await;
        assert_eq!(stored.at("/restaurant"), &json!({"avgRating": "5.0", "reviewCount": 1, "reviews": {"totalCount": 1}}));
        for rating in [0, 6, -1] {
            post(&ann, &elsewhere, rating, None).await.expect_error("BAD_USER_INPUT", "rating");
        }
    }

    async fn only_the_author_and_admins_change_a_review(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = served(city, "Ann", &restaurant).await;
        let review = city.review(&ann, &restaurant).rating(4).create().await.id();
        update(&city.anonymous(), json!({"id": review, "rating": 1})).await.expect_code("UNAUTHENTICATED");
        delete(&city.anonymous(), &review).await.expect_code("UNAUTHENTICATED");
        let others = [served(city, "Ben", &restaurant).await, city.merchant_of(&restaurant).await, city.driver("Duy").await];
        for viewer in others {
            update(&viewer, json!({"id": review, "rating": 1})).await.expect_code("FORBIDDEN");
            delete(&viewer, &review).await.expect_code("FORBIDDEN");
        }
        let admin = city.admin().await;
        assert_eq!(update(&admin, json!({"id": review, "rating": 2})).await.at("/updateReview/restaurant"), &rated("2.0", 1));
        assert_eq!(delete(&admin, &review).await.at("/deleteReview/restaurant"), &rated("0.0", 0));
        delete(&ann, &review).await.expect_code("NOT_FOUND");
        update(&ann, json!({"id": review, "rating": 5})).await.expect_code("NOT_FOUND");
    }

    async fn the_reviews_of_a_hidden_restaurant_stay_with_their_authors(city: &City) {
        let closed = city.restaurant().named("Closed").inactive().with_dishes(1).create().await;
        let ann = served(city, "Ann", &closed).await;
        let review = post(&ann, &closed, 4, None).await.text("/postReview/review/id").to_owned();
        let document = "query($id: ID!) { customer(id: $id) { reviews { nodes { rating restaurant { name isActive } } } } }";
        let mine = ann.query(document, json!({"id": ann.customer_id()})).await;
        let expected = json!([{"rating": 4, "restaurant": {"name": "Closed", "isActive": false}}]);
        assert_eq!(mine.at("/customer/reviews/nodes"), &expected);
        let node = "query($id: ID!) { node(id: $id) { id } }";
        let eve = city.customer("Eve").await;
        for stranger in [city.anonymous(), eve] {
            assert_eq!(stranger.query(node, json!({"id": review})).await.at("/node"), &Value::Null);
        }
        assert_eq!(ann.query(node, json!({"id": review})).await.text("/node/id"), review);
        assert_eq!(update(&ann, json!({"id": review, "rating": 5})).await.at("/updateReview/restaurant"), &rated("5.0", 1));
    }

    async fn reviews_that_come_at_once_all_count(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let mut customers = Vec::new();
        for number in 0..12 {
            customers.push(served(city, &format!("Customer {number}"), &restaurant).await);
        }
        let posts = customers.iter().enumerate().map(|(number, customer)| post(customer, &restaurant, 1 + number as i32 % 5, None));
        for answer in futures_util::future::join_all(posts).await {
            answer.expect_success();
        }
        let document = "query($id: ID!) { restaurant(id: $id) { avgRating reviewCount reviews { totalCount } } }";
        let stored = city.anonymous().query(document, json!({"id": restaurant.id()})).await;
        // 15 + 15 + 1 + 2 = 33; 33 / 12 = 2.75, half up.
        assert_eq!(stored.at("/restaurant"), &json!({"avgRating": "2.8", "reviewCount": 12, "reviews": {"totalCount": 12}}));
    }
}
