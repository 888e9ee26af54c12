//! The shortest way through everything: a server answers people, and tells its subscribers.

use entity::orders;
use entity::sea_orm_active_enums::OrderStatus;
use sea_orm::EntityTrait;
use serde_json::json;
use tiffin_tests::{City, Database, both_databases, builders::decimal};

both_databases! {
    async fn a_nested_query_is_answered_with_one_statement_a_level(city: &City) {
        let restaurant = city.restaurant().named("Phở Thìn").with_dishes(3).create().await;
        let document = "query($id: ID!) { restaurant(id: $id) { name menu { dishes { nodes { name price } } } } }";
        let anonymous = city.anonymous();
        let variables = json!({"id": restaurant.id()});
        let (answer, statements) = city.server().statements_during(anonymous.query(document, variables)).await;
        assert_eq!(answer.text("/restaurant/name"), "Phở Thìn");
        assert_eq!(answer.at("/restaurant/menu/dishes/nodes/2"), &json!({"name": "Dish 3", "price": "7.00"}));
        assert_eq!((statements.count(), statements.rows()), (3, 5), "{statements}");
    }

    async fn an_order_is_placed_and_its_steps_reach_a_subscriber(city: &City) {
        let restaurant = city.restaurant().charging("USD", "2.99", "0.08").dish("Phở bò", "9.50").create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let ann = city.customer("Ann").await;

        let input = json!({
            "restaurantId": restaurant.id(),
            "items": [{"dishId": restaurant.dish_id(0), "quantity": 2}],
            "deliveryAddress": {"line1": "1 Lake Road", "city": "Hà Nội"},
        });
        let place = "mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id status totalAmount } } }";
        let placed = ann.query(place, json!({"input": input})).await;
        assert_eq!(placed.text("/placeOrder/order/totalAmount"), "23.51");
        let order = placed.text("/placeOrder/order/id");

        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { sequence status } }";
        let mut steps = ann.subscribe(watch, json!({"id": order})).await;
        let step = |sequence, status| json!({"sequence": sequence, "status": status});
        assert_eq!(steps.next_event().await.at("/orderStatusChanged"), &step(1, "PENDING"));

        let cancel = "mutation($id: ID!) { cancelOrder(input: {orderId: $id}) { order { status } } }";
        merchant.query(cancel, json!({"id": order})).await.expect_success();
        assert_eq!(steps.next_event().await.at("/orderStatusChanged"), &step(2, "CANCELLED"));
        steps.expect_complete().await;
    }

    async fn what_is_hidden_is_not_found(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
        let order = city.order(&ann, &restaurant).status(OrderStatus::Delivered).items(&[(0, 3)]).create().await;
        let document = "query($id: ID!) { order(id: $id) { totalAmount events { status } } }";
        let variables = json!({"id": order.id()});
        ben.query(document, variables.clone()).await.expect_code("NOT_FOUND");
        let answer = ann.query(document, variables).await;
        assert_eq!(answer.text("/order/totalAmount"), "17.99");
        assert_eq!(answer.list("/order/events").len(), order.events.len());
        let row = orders::Entity::find_by_id(order.row.id).one(city.db()).await;
        let row = row.expect("orders can be read").expect("the order is there");
        assert_eq!(row.total_amount, decimal("17.99"));
    }
}

#[test]
fn a_step_at_one_server_reaches_subscribers_at_another() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let other = city.another_server().await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let ann = city.customer("Ann").await;
        let order = city.order(&ann, &restaurant).status(OrderStatus::Confirmed).create().await;

        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status } }";
        let mut steps = ann.at(&other).subscribe(watch, json!({"id": order.id()})).await;
        assert_eq!(steps.next_event().await.text("/orderStatusChanged/status"), "CONFIRMED");
        let prepare =
            "mutation($id: ID!) { updateOrderStatus(input: {orderId: $id, status: PREPARING}) { order { id } } }";
        merchant.query(prepare, json!({"id": order.id()})).await.expect_success();
        assert_eq!(steps.next_event().await.text("/orderStatusChanged/status"), "PREPARING");
    });
}
