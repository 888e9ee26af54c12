//! Test steps: what people do with orders, one operation each. The test says whether it has to succeed.

use chrono::{DateTime, Utc};
use entity::sea_orm_active_enums::OrderStatus;
use serde_json::{Value, json};

use crate::{Answer, Person, builders::Restaurant};

/// The status as clients know it.
pub fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "PENDING",
        OrderStatus::Confirmed => "CONFIRMED",
        OrderStatus::Preparing => "PREPARING",
        OrderStatus::Ready => "READY",
        OrderStatus::PickedUp => "PICKED_UP",
        OrderStatus::Delivered => "DELIVERED",
        OrderStatus::Cancelled => "CANCELLED",
    }
}

impl Restaurant {
    /// An order of these dishes (by their index) as `placeOrder` and `orderQuote` take it.
    pub fn basket(&self, items: &[(usize, i32)]) -> Value {
        let items: Vec<_> =
            items.iter().map(|&(dish, quantity)| json!({"dishId": self.dish_id(dish), "quantity": quantity})).collect();
        let address = json!({"line1": "1 Lake Road", "city": "Hà Nội"});
        json!({"restaurantId": self.id(), "items": items, "deliveryAddress": address})
    }
}

impl Person {
    pub async fn place_order(&self, basket: &Value) -> Answer {
        let document = "mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { order { \
             id status customerName restaurantName subtotal tax deliveryFee totalAmount currency \
             items { dishName quantity unitPrice lineTotal } events { sequence status previousStatus } } } }";
        self.query(document, json!({"input": basket})).await
    }

    /// Places an order, which must succeed, and gives its id.
    pub async fn has_ordered(&self, basket: &Value) -> String {
        self.place_order(basket).await.text("/placeOrder/order/id").to_owned()
    }

    pub async fn quote_order(&self, basket: &Value) -> Answer {
        let document = "query($input: PlaceOrderInput!) { orderQuote(input: $input) { \
             subtotal tax deliveryFee totalAmount currency } }";
        self.query(document, json!({"input": basket})).await
    }

    pub async fn update_order_status(&self, order: &str, status: OrderStatus) -> Answer {
        let document = "mutation($id: ID!, $status: OrderStatus!) { \
             updateOrderStatus(input: {orderId: $id, status: $status}) { order { status nextStatuses } } }";
        self.query(document, json!({"id": order, "status": status_name(status)})).await
    }

    pub async fn cancel_order(&self, order: &str) -> Answer {
        let document = "mutation($id: ID!) { cancelOrder(input: {orderId: $id}) { order { status nextStatuses } } }";
        self.query(document, json!({"id": order})).await
    }

    pub async fn assign_driver(&self, order: &str, driver: &Person) -> Answer {
        let document = "mutation($order: ID!, $driver: ID!) { \
             assignDriver(input: {orderId: $order, driverId: $driver}) { order { status driver { id status } } } }";
        self.query(document, json!({"order": order, "driver": driver.driver_id()})).await
    }

    pub async fn release_driver(&self, order: &str) -> Answer {
        let document = "mutation($id: ID!) { \
             releaseDriver(input: {orderId: $id, reason: \"A flat tyre\"}) { order { status driver { id } } } }";
        self.query(document, json!({"id": order})).await
    }

    /// Tells where this driver is.
    pub async fn move_to(&self, lat: f64, lng: f64) -> Answer {
        let document = "mutation($lat: Float!, $lng: Float!) { \
             updateDriverLocation(input: {lat: $lat, lng: $lng}) { location { lat lng } } }";
        self.query(document, json!({"lat": lat, "lng": lng})).await
    }

    /// Tells where this driver was: times, latitudes and longitudes.
    pub async fn move_along(&self, places: &[(DateTime<Utc>, f64, f64)]) -> Answer {
        let document = "mutation($locations: [RecordedLocationInput!]!) { \
             updateDriverLocations(input: {locations: $locations}) { location { lat lng recordedAt } } }";
        let locations =
            places.iter().map(|(at, lat, lng)| json!({"recordedAt": at.to_rfc3339(), "lat": lat, "lng": lng}));
        self.query(document, json!({"locations": locations.collect::<Vec<_>>()})).await
    }

    pub async fn post_review(&self, restaurant: &Restaurant, rating: i32) -> Answer {
        let document = "mutation($id: ID!, $rating: Int!) { \
             postReview(input: {restaurantId: $id, rating: $rating}) { review { id rating } } }";
        self.query(document, json!({"id": restaurant.id(), "rating": rating})).await
    }
}
