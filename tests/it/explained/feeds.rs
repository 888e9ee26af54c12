//! Every feed over many orders, and that of reviews: from the present on, and from a step on until it was told of another.

use futures_util::future::join_all;
use serde_json::json;
use tiffin_tests::EventStream;

use crate::statements::town::{
    Town,
    Viewer::{self, Admin, Ann, Anonymous, Driver, Merchant},
};

const FEEDS: [(Viewer, &str); 7] = [
    (Merchant, "restaurantOrderChanged(restaurantId: $restaurant, after: $after) { cursor }"),
    (Merchant, "ordersChanged(filter: {restaurantIds: $restaurants}, after: $after) { cursor }"),
    (Admin, "ordersChanged(after: $after) { cursor }"),
    (Ann, "myOrdersChanged(after: $after) { cursor }"),
    (Driver, "driverOrderChanged(after: $after) { cursor }"),
    (Driver, "claimableOrdersChanged(after: $after) { cursor order { id } }"),
    (Anonymous, "reviewPosted(restaurantId: $restaurant, after: $after) { cursor }"),
];

/// Follows all of them while something happens that each of them tells.
pub async fn follow(town: &Town<'_>) {
    let cursor = "{ order(id: $order) { events { cursor } } }";
    let cursor = town.person(Admin).query(&town.address(cursor), json!({})).await;
    let after = cursor.list("/order/events").last().expect("an order has a first step")["cursor"].clone();
    let mut told: Vec<EventStream> = Vec::new();
    for (viewer, feed) in FEEDS {
        let document = town.address(&format!("subscription($after: String) {{ told: {feed} }}"));
        for after in [&json!(null), &after] {
            told.push(town.person(viewer).subscribe(&document, json!({"after": after})).await);
        }
    }
    let driver = town.person(Driver);
    for (person, act) in [
        (&driver, "updateOrderStatus(input: {orderId: $order, status: DELIVERED}) { order { id } }"),
        (&town.person(Ann), "deleteReview(input: {id: $review}) { deletedReviewId }"),
        (&town.person(Ann), "postReview(input: {restaurantId: $restaurant, rating: 4}) { review { id } }"),
    ] {
        person.query(&town.address(&format!("mutation {{ {act} }}")), json!({})).await.expect_success();
    }
    let claimable = "{ claimableOrders(first: 1) { nodes { id } } }";
    let claimable = driver.query(claimable, json!({})).await.text("/claimableOrders/nodes/0/id").to_owned();
    driver.assign_driver(&claimable, &driver).await.expect_success();
    join_all(told.iter_mut().map(|stream| async { stream.next_event().await.expect_success() })).await;
}
