//! What is refused because of the state of things, or because of what two inputs say together.

use entity::sea_orm_active_enums::{DriverStatus, OrderStatus};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};
use tiffin_tests::{City, Person, both_databases};

use super::wrong_with;

/// What must not happen: who asks for what, and the refusal.
struct Refusal<'a> {
    person: &'a Person,
    /// A mutation that takes `input`, or the selection of a query.
    asked: Asked,
    code: &'static str,
    field: Option<&'static str>,
}

enum Asked {
    Mutation(&'static str, Value),
    Query(String),
}

impl Refusal<'_> {
    async fn problem(&self) -> Option<String> {
        let (document, variables) = match &self.asked {
            Asked::Query(selection) => (format!("{{ {selection} }}"), json!({})),
            Asked::Mutation(name, input) => {
                let ty = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
                let document = format!("mutation($input: {ty}!) {{ {name}(input: $input) {{ __typename }} }}");
                (document, json!({"input": input}))
            }
        };
        let answer = self.person.query(&document, variables.clone()).await;
        wrong_with(&answer, self.code, self.field).map(|wrong| format!("{document} {variables}: {wrong}"))
    }
}

/// None of them may succeed, and none may write anything.
async fn expect_refusals(city: &City, refusals: &[Refusal<'_>]) {
    let before = city.contents().await;
    let mut problems = Vec::new();
    for refusal in refusals {
        problems.extend(refusal.problem().await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(city.contents().await, before);
}

both_databases! {
    async fn an_order_of_what_is_not_on_sale_is_refused(city: &City) {
        let restaurant = city.restaurant().with_dishes(2)
            .dish_with("Bún chả", "8.00", |dish| dish.is_available = Set(false))
            .dish("A golden bowl", "999999.99").create().await;
        let other = city.restaurant().with_dishes(1).create().await;
        let closed = city.restaurant().inactive().with_dishes(1).create().await;
        let staff = city.merchant_of(&closed).await;
        let ann = city.customer("Ann").await;
        let good = restaurant.basket(&[(0, 1), (1, 1)]);
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut basket = good.clone();
            change(&mut basket);
            basket
        };
        let line = |dish: String, quantity: i32| json!({"dishId": dish, "quantity": quantity});
        let lines = |count: usize, quantity: i32| vec![line(restaurant.dish_id(0), quantity); count];
        let rows = [
            (&ann, changed(&|basket| basket["restaurantId"] = closed.id().into()), "NOT_FOUND", "restaurantId"),
            (&staff, changed(&|basket| basket["restaurantId"] = closed.id().into()), "CONFLICT", "restaurantId"),
            (&ann, changed(&|basket| basket["items"][1]["dishId"] = other.dish_id(0).into()), "BAD_USER_INPUT", "items.1.dishId"),
            (&ann, changed(&|basket| basket["items"][1]["dishId"] = closed.dish_id(0).into()), "NOT_FOUND", "items.1.dishId"),
            (&ann, changed(&|basket| basket["items"][1]["dishId"] = restaurant.dish_id(2).into()), "CONFLICT", "items.1.dishId"),
            (&ann, changed(&|basket| basket["items"] = lines(101, 1).into()), "BAD_USER_INPUT", "items"),
            (&ann, changed(&|basket| basket["items"] = lines(2, 50).into()), "BAD_USER_INPUT", "items.1.quantity"),
            (&ann, changed(&|basket| basket["items"] = lines(100, i32::MAX).into()), "BAD_USER_INPUT", "items.0.quantity"),
            (&ann, changed(&|basket| basket["items"] = json!([line(restaurant.dish_id(3), 99), line(restaurant.dish_id(3), 1)])), "BAD_USER_INPUT", "items.1.quantity"),
        ];
        let mut refusals: Vec<_> = rows.into_iter().map(|(person, input, code, field)| {
            Refusal { person, asked: Asked::Mutation("placeOrder", input), code, field: Some(field) }
        }).collect();
        // 99 of what costs 999,999.99 is 98,999,999.01, which fits; with a fee and tax it need not.
        let dear = city.restaurant().charging("USD", "2.99", "0.99").dish("A golden bowl", "999999.99").create().await;
        let asked = Asked::Mutation("placeOrder", dear.basket(&[(0, 99)]));
        refusals.push(Refusal { person: &ann, asked, code: "BAD_USER_INPUT", field: Some("items") });
        expect_refusals(city, &refusals).await;
        ann.place_order(&good).await.expect_success();
    }

    async fn what_is_taken_or_in_another_state_is_a_conflict(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let (merchant, admin) = (city.merchant_of(&restaurant).await, city.admin().await);
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let offline = city.new_driver("Lan").status(DriverStatus::Offline).create().await;
        let busy = city.driver("Bao").await;
        let order = async |status| city.order(&ann, &restaurant).status(status).create().await.id();
        let carried = city.order(&ann, &restaurant).status(OrderStatus::Ready).driver(&busy).create().await.id();
        let (ready, pending) = (order(OrderStatus::Ready).await, order(OrderStatus::Pending).await);
        let delivered = order(OrderStatus::Delivered).await;
        city.review(&ann, &restaurant).create().await;
        let mut used = restaurant.basket(&[(0, 1)]);
        used["idempotencyKey"] = "a key".into();
        ann.place_order(&used).await.expect_success();
        used["items"][0]["quantity"] = 2.into();

        let new_driver = |field: &str, value: &str| {
            let mut driver = json!({
                "email": "new@example.com", "name": "New", "phone": "+1 555 9999", "licenseNumber": "NEW-1", "vehicleType": "Car",
            });
            driver[field] = value.into();
            driver
        };
        let assign = |order: &str, driver: &Person| json!({"orderId": order, "driverId": driver.driver_id()});
        let rows: Vec<(&Person, &'static str, Value, Option<&'static str>)> = vec![
            (&ann, "placeOrder", used, Some("idempotencyKey")),
            (&ann, "postReview", json!({"restaurantId": restaurant.id(), "rating": 1}), Some("restaurantId")),
            (&admin, "createDriver", new_driver("phone", &duy.driver().phone), Some("phone")),
            (&admin, "createDriver", new_driver("licenseNumber", &duy.driver().license_number), Some("licenseNumber")),
            (&admin, "createDriver", new_driver("email", &ann.user().email), Some("email")),
            (&admin, "createDriver", new_driver("email", &ann.user().email.to_uppercase()), Some("email")),
            (&duy, "updateDriver", json!({"id": duy.driver_id(), "phone": offline.driver().phone}), Some("phone")),
            (&busy, "setDriverStatus", json!({"driverId": busy.driver_id(), "status": "OFFLINE"}), None),
            (&merchant, "deleteDish", json!({"id": restaurant.dish_id(0)}), Some("id")),
            (&merchant, "assignDriver", assign(&ready, &busy), Some("driverId")),
            (&admin, "assignDriver", assign(&ready, &offline), Some("driverId")),
            (&merchant, "assignDriver", assign(&carried, &duy), None),
            (&merchant, "assignDriver", assign(&pending, &duy), None),
            (&merchant, "assignDriver", assign(&delivered, &duy), None),
            (&merchant, "releaseDriver", json!({"orderId": ready}), None),
            (&merchant, "updateOrderStatus", json!({"orderId": pending, "status": "PENDING"}), None),
            (&merchant, "updateOrderStatus", json!({"orderId": pending, "status": "DELIVERED"}), None),
            (&ann, "cancelOrder", json!({"orderId": delivered}), None),
        ];
        let refusals: Vec<_> = rows.into_iter().map(|(person, name, input, field)| {
            Refusal { person, asked: Asked::Mutation(name, input), code: "CONFLICT", field }
        }).collect();
        expect_refusals(city, &refusals).await;
    }

    async fn what_does_not_fit_together_is_refused(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let dong = city.restaurant().charging("VND", "15000", "0.08").create().await;
        let (admin, ann) = (city.admin().await, city.customer("Ann").await);
        let order = city.order(&ann, &restaurant).create().await.id();
        let answer = admin.query("{ restaurants { edges { cursor } } }", json!({})).await;
        let cursor = answer.text("/restaurants/edges/0/cursor");
        let address = json!({"line1": "1 Lake Road", "city": "Hà Nội"});
        let mut second = vec![address; 21];
        let too_many = json!({"id": ann.customer_id(), "addresses": second});
        second.truncate(2);
        second[1]["city"] = " ".into();
        let query = |selection: &str, field: &'static str| Refusal {
            person: &admin,
            asked: Asked::Query(selection.to_owned()),
            code: "BAD_USER_INPUT",
            field: Some(field),
        };
        let mutation = |person, name, input, field: &'static str| Refusal {
            person, asked: Asked::Mutation(name, input), code: "BAD_USER_INPUT", field: Some(field),
        };
        let revenue = |arguments: &str, field| {
            query(&format!("restaurant(id: \"{}\") {{ revenue({arguments}) {{ periodStart }} }}", restaurant.id()), field)
        };
        let list = |arguments: String, field| query(&format!("restaurants({arguments}) {{ __typename }}"), field);
        let free = json!({"name": "A", "address": "B", "phone": "1", "cuisineType": "C", "currency": "VND", "deliveryFee": "0.5"});
        let refusals = [
            list("first: 1, last: 1".to_owned(), "last"),
            list(format!("offset: 0, after: \"{cursor}\""), "offset"),
            list(format!("offset: 1, before: \"{cursor}\""), "offset"),
            list("offset: 1, last: 1".to_owned(), "offset"),
            list(format!("orderBy: NAME, after: \"{cursor}\""), "after"),
            query(&format!("dishes(after: \"{cursor}\") {{ __typename }}"), "after"),
            query("orders(filter: {placedSince: \"2026-11-20T00:00:00Z\", placedUntil: \"2026-11-19T00:00:00Z\"}) { __typename }", "filter.placedUntil"),
            revenue("since: \"2026-11-20\", until: \"2026-11-19\"", "since"),
            revenue("since: \"2024-11-20\", until: \"2026-11-19\"", "since"),
            revenue("period: MONTH, since: \"0001-01-01\", until: \"9999-12-31\"", "since"),
            revenue("until: \"0000-01-01\", since: \"0000-01-02\"", "since"),
            mutation(&ann, "updateCustomer", too_many, "addresses"),
            mutation(&ann, "updateCustomer", json!({"id": ann.customer_id(), "addresses": second}), "addresses.1.city"),
            mutation(&admin, "updateRestaurant", json!({"id": dong.id(), "deliveryFee": "0.5"}), "deliveryFee"),
            mutation(&admin, "createRestaurant", free, "deliveryFee"),
            mutation(&admin, "createDish", json!({"menuId": dong.menu_id(), "name": "A", "category": "B", "price": "0.5"}), "price"),
        ];
        expect_refusals(city, &refusals).await;
        let not_followed = "subscription($id: ID!) { orderStatusChanged(orderId: $id, after: 2) { sequence } }";
        let answer = ann.subscribe(not_followed, json!({"id": order})).await.first_answer().await;
        assert_eq!(wrong_with(&answer, "BAD_USER_INPUT", Some("after")), None);
    }
}
