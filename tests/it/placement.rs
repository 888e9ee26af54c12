//! Placing an order: prices, refusals, and idempotency keys, by which asking twice orders once.

use entity::{customers, order_items, orders, sea_orm_active_enums::UserRole};
use futures_util::future::join;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
};
use serde_json::{Value, json};
use tiffin_tests::{
    City, both_databases,
    builders::{Restaurant, decimal},
};

both_databases! {
    async fn an_order_keeps_the_prices_and_names_of_its_day(city: &City) {
        let restaurant = city.restaurant().named("Phở Thìn").dish("Phở bò", "9.50").dish("Trà đá", "0.75").create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let placed = ann.place_order(&restaurant.basket(&[(0, 2), (1, 1)])).await;
        let order = placed.text("/placeOrder/order/id").to_owned();
        // The answer shows the items as they were written, without reading them again: with two decimals, in the order of their dishes.
        let document = "query($id: ID!) { order(id: $id) { items { dishName quantity unitPrice lineTotal } } }";
        let read = ann.query(document, json!({"id": order})).await;
        assert_eq!(placed.at("/placeOrder/order/items"), read.at("/order/items"));

        let rename = "mutation($dish: ID!, $restaurant: ID!) {
            updateDish(input: {id: $dish, name: \"Bún bò\", price: \"99.00\"}) { dish { id } }
            updateRestaurant(input: {id: $restaurant, name: \"Bún Bò Huế\", deliveryFee: \"50.00\"}) { restaurant { id } } }";
        staff.query(rename, json!({"dish": restaurant.dish_id(0), "restaurant": restaurant.id()})).await.expect_success();
        let rename = "mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"Anna\"}) { customer { id } } }";
        ann.query(rename, json!({"id": ann.customer_id()})).await.expect_success();

        let document = "query($id: ID!) { order(id: $id) { customerName restaurantName deliveryFee totalAmount
            items { dishName quantity unitPrice lineTotal dish { name price } } customer { name } restaurant { name } } }";
        let answer = ann.query(document, json!({"id": order})).await;
        let expected = json!({
            "customerName": "Ann",
            "restaurantName": "Phở Thìn",
            "deliveryFee": "2.99",
            "totalAmount": "22.74",
            "items": [
                {"dishName": "Phở bò", "quantity": 2, "unitPrice": "9.50", "lineTotal": "19.00",
                 "dish": {"name": "Bún bò", "price": "99.00"}},
                {"dishName": "Trà đá", "quantity": 1, "unitPrice": "0.75", "lineTotal": "0.75",
                 "dish": {"name": "Trà đá", "price": "0.75"}},
            ],
            "customer": {"name": "Anna"},
            "restaurant": {"name": "Bún Bò Huế"},
        });
        assert_eq!(answer.at("/order"), &expected);
        let events = city.order_events(&order).await;
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].previous_status, &events[0].actor), (None, &ann.user_id()));
    }

    async fn a_dish_named_twice_adds_up(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let ann = city.customer("Ann").await;
        let answer = ann.place_order(&restaurant.basket(&[(0, 1), (1, 1), (0, 2)])).await;
        let quantities: Vec<_> = answer.list("/placeOrder/order/items").iter().map(|item| item["quantity"].clone()).collect();
        assert_eq!(quantities, [3, 1]);
        assert_eq!(answer.text("/placeOrder/order/subtotal"), "21.00");
    }

    async fn what_cannot_be_ordered_is_named_and_nothing_is_written(city: &City) {
        let sold_out = |dish: &mut entity::dishes::ActiveModel| dish.is_available = Set(false);
        let restaurant = city.restaurant().dish("Phở bò", "9.50").dish_with("Bún chả", "8.00", sold_out).create().await;
        let elsewhere = city.restaurant().dish("Pizza", "11.00").create().await;
        let closed = city.restaurant().named("Closed").inactive().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&closed).await);

        let with_dish = |dish: &str| {
            let mut basket = restaurant.basket(&[(0, 1), (0, 1)]);
            basket["items"][1]["dishId"] = json!(dish);
            basket
        };
        let refusals = [
            (&ann, with_dish(&elsewhere.dish_id(0)), "BAD_USER_INPUT", "items.1.dishId", "Pizza"),
            (&ann, with_dish(&restaurant.dish_id(1)), "CONFLICT", "items.1.dishId", "Bún chả"),
            (&ann, with_dish("Dish:999999"), "NOT_FOUND", "items.1.dishId", "Dish:999999"),
            (&ann, closed.basket(&[(0, 1)]), "NOT_FOUND", "restaurantId", "restaurant"),
            (&staff, closed.basket(&[(0, 1)]), "CONFLICT", "restaurantId", "Closed"),
        ];
        for (viewer, basket, code, field, said) in refusals {
            for answer in [viewer.place_order(&basket).await, viewer.quote_order(&basket).await] {
                let problem = answer.expect_error(code, field);
                assert!(problem.message.contains(said), "{}", problem.message);
            }
        }
        let basket = restaurant.basket(&[(0, 1)]);
        city.anonymous().place_order(&basket).await.expect_code("UNAUTHENTICATED");
        city.anonymous().quote_order(&basket).await.expect_code("UNAUTHENTICATED");
        assert_eq!(counts(city).await, (0, 0));
        for restaurant in [&restaurant, &elsewhere, &closed] {
            assert_eq!(city.restaurant_row(restaurant).await.total_orders, 0);
        }
    }

    async fn an_order_at_another_price_than_the_customer_agreed_to_is_not_placed(city: &City) {
        let restaurant = city.restaurant().dish("Phở bò", "9.50").create().await;
        let (ann, newcomer) = (city.customer("Ann").await, city.newcomer("Nam", UserRole::Customer).await);
        let staff = city.merchant_of(&restaurant).await;
        let mut basket = restaurant.basket(&[(0, 2)]);
        let quoted = ann.quote_order(&basket).await;
        let quoted = quoted.text("/orderQuote/totalAmount").to_owned();
        basket["expectedTotalAmount"] = json!(quoted);
        let rise = "mutation($dish: ID!) { updateDish(input: {id: $dish, price: \"9.60\"}) { dish { id } } }";
        staff.query(rise, json!({"dish": restaurant.dish_id(0)})).await.expect_success();

        let now = ann.quote_order(&basket).await;
        let now = now.text("/orderQuote/totalAmount").to_owned();
        assert_ne!(quoted, now, "a quote tells the price, whatever was expected");
        let before = city.contents().await;
        for person in [&ann, &newcomer] {
            let refused = person.place_order(&basket).await;
            refused.expect_error("CONFLICT", "expectedTotalAmount");
            let extensions = &refused.body["errors"][0]["extensions"];
            assert_eq!((&extensions["reason"], &extensions["totalAmount"]), (&json!("PRICE_CHANGED"), &json!(now)), "{refused}");
        }
        assert_eq!(city.contents().await, before);

        // The same amount, however it is written; and the key of what was refused is as good as new.
        for (person, expected) in [(&ann, format!("{now}00")), (&newcomer, now.clone())] {
            basket["idempotencyKey"] = json!("of the refused one");
            basket["expectedTotalAmount"] = json!(quoted);
            person.place_order(&basket).await.expect_error("CONFLICT", "expectedTotalAmount");
            basket["expectedTotalAmount"] = json!(expected);
            let placed = person.place_order(&basket).await;
            assert_eq!(placed.text("/placeOrder/order/totalAmount"), now);
            // Sent again, it is there, whatever it would cost by now; with another amount it is another request.
            basket["expectedTotalAmount"] = json!(now);
            assert_eq!(person.has_ordered(&basket).await, placed.text("/placeOrder/order/id"));
            basket["expectedTotalAmount"] = json!(quoted);
            person.place_order(&basket).await.expect_error("CONFLICT", "idempotencyKey");
        }
    }

    async fn each_order_counts_at_its_restaurant(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let other = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        for count in 1..=3 {
            ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            assert_eq!(city.restaurant_row(&restaurant).await.total_orders, count);
        }
        assert_eq!(city.restaurant_row(&other).await.total_orders, 0);
    }

    async fn amounts_are_rounded_half_up_once_per_line_and_once_for_the_tax(city: &City) {
        let dollars = city.restaurant().charging("USD", "2.99", "0.0825").dish("Bánh mì", "0.35").dish("Chè", "1.10");
        let dollars = dollars.create().await;
        // 3 × 0.35 + 1.10 = 2.15; its tax 0.177375.
        expect_charge(city, &dollars, &[(0, 3), (1, 1)], ["2.15", "0.18", "2.99", "5.32"], "USD").await;

        let halves = city.restaurant().charging("USD", "0", "0.05").dish("Bánh mì", "0.50").dish("Chè", "0.30").create().await;
        // Tax 0.025, 0.125 and, just below the half, 0.015 + 0.0… = 0.015: half-up each time, where half-even would give 0.02, 0.12.
        expect_charge(city, &halves, &[(0, 1)], ["0.50", "0.03", "0.00", "0.53"], "USD").await;
        expect_charge(city, &halves, &[(0, 5)], ["2.50", "0.13", "0.00", "2.63"], "USD").await;
        expect_charge(city, &halves, &[(1, 1)], ["0.30", "0.02", "0.00", "0.32"], "USD").await;

        let dong = city.restaurant().charging("VND", "15000", "0.1").dish("Phở bò", "55000").dish("Trà đá", "5").create().await;
        // Tax 5500; 0.5; 1.5; 2.5.
        expect_charge(city, &dong, &[(0, 1)], ["55000", "5500", "15000", "75500"], "VND").await;
        expect_charge(city, &dong, &[(1, 1)], ["5", "1", "15000", "15006"], "VND").await;
        expect_charge(city, &dong, &[(1, 3)], ["15", "2", "15000", "15017"], "VND").await;
        expect_charge(city, &dong, &[(1, 5)], ["25", "3", "15000", "15028"], "VND").await;
    }

    async fn a_quote_writes_nothing(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let newcomer = city.newcomer("Nia", UserRole::Customer).await;
        let mut basket = restaurant.basket(&[(0, 1)]);
        basket["idempotencyKey"] = json!("quoted");
        newcomer.quote_order(&basket).await.expect_success();
        assert_eq!(counts(city).await, (0, 0));
        assert_eq!(city.restaurant_row(&restaurant).await.total_orders, 0);
        assert!(customers::Entity::find().one(city.db()).await.unwrap().is_none());
        // The key is still free, for another basket even.
        let mut other = restaurant.basket(&[(1, 1)]);
        other["idempotencyKey"] = json!("quoted");
        newcomer.has_ordered(&other).await;
    }

    async fn anybody_signed_in_can_order_and_becomes_a_customer_once(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let basket = restaurant.basket(&[(0, 1)]);
        for role in [UserRole::Customer, UserRole::Merchant, UserRole::Driver, UserRole::Admin] {
            let person = city.newcomer("Nia", role).await;
            let answer = person.place_order(&basket).await;
            assert_eq!(answer.text("/placeOrder/order/customerName"), "Nia");
            person.has_ordered(&basket).await;
            let answer = person.query("{ me { customer { name email orders { nodes { id } } } } }", json!({})).await;
            assert_eq!(answer.text("/me/customer/email"), person.user().email);
            assert_eq!(answer.list("/me/customer/orders/nodes").len(), 2, "{role:?}");
            assert_eq!(customer_records(city, person.user().id).await, 1, "{role:?}");
        }
    }

    async fn two_first_orders_at_once_make_one_customer(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let basket = restaurant.basket(&[(0, 1)]);
        for _ in 0..20 {
            let person = city.newcomer("Nia", UserRole::Driver).await;
            let (one, other) = join(person.place_order(&basket), person.place_order(&basket)).await;
            assert_ne!(one.text("/placeOrder/order/id"), other.text("/placeOrder/order/id"));
            assert_eq!(customer_records(city, person.user().id).await, 1);
        }
    }

    async fn a_key_gives_the_same_order_again(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
        let keyed = |items: &[(usize, i32)]| {
            let mut basket = restaurant.basket(items);
            basket["idempotencyKey"] = json!("8f14e45f");
            basket
        };
        let first = ann.place_order(&keyed(&[(0, 2), (1, 1)])).await;
        let again = ann.place_order(&keyed(&[(0, 2), (1, 1)])).await;
        assert_eq!(again.at("/placeOrder/order"), first.at("/placeOrder/order"));
        // The same, written otherwise.
        let again = ann.place_order(&keyed(&[(1, 1), (0, 1), (0, 1)])).await;
        assert_eq!(again.at("/placeOrder/order"), first.at("/placeOrder/order"));

        for items in [&[(0, 2)][..], &[(0, 2), (1, 2)], &[(0, 3), (1, 1)]] {
            ann.place_order(&keyed(items)).await.expect_error("CONFLICT", "idempotencyKey");
        }
        let mut elsewhere = keyed(&[(0, 2), (1, 1)]);
        elsewhere["deliveryAddress"]["line1"] = json!("2 Lake Road");
        ann.place_order(&elsewhere).await.expect_error("CONFLICT", "idempotencyKey");

        // The key is the customer's own.
        let order_of_ben = ben.has_ordered(&keyed(&[(0, 1)])).await;
        assert_ne!(order_of_ben, first.text("/placeOrder/order/id"));
        // Without a key every request is an order.
        let basket = restaurant.basket(&[(0, 2), (1, 1)]);
        assert_ne!(ann.has_ordered(&basket).await, ann.has_ordered(&basket).await);
        assert_eq!(counts(city).await.0, 4);
        assert_eq!(city.restaurant_row(&restaurant).await.total_orders, 4);
    }

    async fn a_key_gives_the_same_order_also_when_it_could_not_be_placed_any_more(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let mut basket = restaurant.basket(&[(0, 2)]);
        basket["idempotencyKey"] = json!("8f14e45f");
        let order = ann.has_ordered(&basket).await;

        let dish = restaurant.dishes[0].clone();
        let mut sold_out = dish.into_active_model();
        sold_out.is_available = Set(false);
        sold_out.price = Set(decimal("500.00"));
        sold_out.update(city.db()).await.unwrap();
        assert_eq!(ann.has_ordered(&basket).await, order);
        let close = "mutation($id: ID!) { deactivateRestaurant(input: {id: $id}) { restaurant { isActive } } }";
        staff.query(close, json!({"id": restaurant.id()})).await.expect_success();
        assert_eq!(ann.has_ordered(&basket).await, order);
        staff.cancel_order(&order).await.expect_success();
        let again = ann.place_order(&basket).await;
        assert_eq!(again.text("/placeOrder/order/id"), order);
        assert_eq!(again.text("/placeOrder/order/status"), "CANCELLED");

        basket["idempotencyKey"] = json!("another");
        ann.place_order(&basket).await.expect_error("NOT_FOUND", "restaurantId");
    }

    async fn a_mutation_selected_twice_runs_once(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let variables = json!({"input": restaurant.basket(&[(0, 1)])});
        let document = "mutation($input: PlaceOrderInput!) {
            placeOrder(input: $input) { order { id } }
            ...again
            ... on Mutation { placeOrder(input: $input) { order { totalAmount } } }
        }
        fragment again on Mutation { placeOrder(input: $input) { order { status } } }";
        let answer = ann.query(document, variables.clone()).await;
        let order = answer.at("/placeOrder/order");
        assert_eq!((&order["status"], &order["totalAmount"]), (&json!("PENDING"), &json!("7.99")));
        assert_eq!(counts(city).await.0, 1);

        let twice = "mutation($input: PlaceOrderInput!) {
            one: placeOrder(input: $input) { order { id } } other: placeOrder(input: $input) { order { id } } }";
        let answer = ann.query(twice, variables).await;
        assert_ne!(answer.text("/one/order/id"), answer.text("/other/order/id"));
        assert_eq!(counts(city).await.0, 3);
    }
}

/// Orders and items, all of them.
async fn counts(city: &City) -> (u64, u64) {
    let orders = orders::Entity::find().count(city.db()).await.unwrap();
    (orders, order_items::Entity::find().count(city.db()).await.unwrap())
}

async fn customer_records(city: &City, user: i32) -> u64 {
    let records = customers::Entity::find().filter(customers::Column::UserId.eq(user));
    records.count(city.db()).await.unwrap()
}

/// The quote, the answer to placing, the order asked for later and the row all say this: subtotal, tax, fee and total.
async fn expect_charge(
    city: &City,
    restaurant: &Restaurant,
    items: &[(usize, i32)],
    amounts: [&str; 4],
    currency: &str,
) {
    let ann = city.customer("Ann").await;
    let [subtotal, tax, fee, total] = amounts;
    let expected = json!({
        "subtotal": subtotal, "tax": tax, "deliveryFee": fee, "totalAmount": total, "currency": currency,
    });
    let basket = restaurant.basket(items);
    assert_eq!(ann.quote_order(&basket).await.at("/orderQuote"), &expected);

    let placed = ann.place_order(&basket).await;
    let charge = |order: &Value| {
        let fields = ["subtotal", "tax", "deliveryFee", "totalAmount", "currency"];
        Value::from_iter(fields.map(|field| (field, order[field].clone())))
    };
    assert_eq!(charge(placed.at("/placeOrder/order")), expected);
    let id = placed.text("/placeOrder/order/id");
    let document = "query($id: ID!) { order(id: $id) { subtotal tax deliveryFee totalAmount currency } }";
    assert_eq!(ann.query(document, json!({"id": id})).await.at("/order"), &expected);

    let row = city.order_row(id).await;
    let stored = [row.subtotal, row.tax, row.delivery_fee, row.total_amount];
    assert_eq!(stored, amounts.map(decimal));
}
