//! A customer's addresses: each has an id, and is added, changed and removed by itself.

use futures_util::future::join_all;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use serde_json::{Value, json};
use tiffin_tests::{Answer, Person, both_databases};

const SHOWN: &str = "id line1 city label";

async fn change(viewer: &Person, name: &str, payload: &str, input: Value) -> Answer {
    let input_type = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let document = format!("mutation($input: {input_type}!) {{ {name}(input: $input) {{ {payload} }} }}");
    viewer.query(&document, json!({"input": input})).await
}

async fn add(viewer: &Person, customer: &Person, line1: &str) -> Answer {
    let input = json!({"customerId": customer.customer_id(), "address": {"line1": line1, "city": "Hà Nội"}});
    let payload = format!("address {{ {SHOWN} }} customer {{ addresses {{ {SHOWN} }} }}");
    change(viewer, "addCustomerAddress", &payload, input).await
}

async fn addresses(viewer: &Person, customer: &Person) -> Vec<Value> {
    let document = format!("query($id: ID!) {{ customer(id: $id) {{ addresses {{ {SHOWN} }} }} }}");
    viewer.query(&document, json!({"id": customer.customer_id()})).await.list("/customer/addresses").to_vec()
}

both_databases! {
    async fn an_address_is_added_changed_and_removed_by_itself(city: &City) {
        let ann = city.customer("Ann").await;
        let before = addresses(&ann, &ann).await;
        assert_eq!((before.len(), &before[0]["label"]), (1, &json!("Home")));
        assert_eq!(addresses(&ann, &ann).await, before, "one from before there were ids has the same each time");

        let added = add(&ann, &ann, "2 Lake Road").await;
        let new = added.at("/addCustomerAddress/address").clone();
        assert_eq!((&new["line1"], &new["label"]), (&json!("2 Lake Road"), &Value::Null));
        let both = json!([before[0], new]);
        assert_eq!(added.at("/addCustomerAddress/customer/addresses"), &both);

        let input = json!({"id": before[0]["id"], "address": {"line1": "3 Lake Road", "city": "Huế"}});
        let payload = format!("address {{ {SHOWN} }} customer {{ addresses {{ {SHOWN} }} }}");
        let updated = change(&ann, "updateCustomerAddress", &payload, input).await;
        let changed = json!({"id": before[0]["id"], "line1": "3 Lake Road", "city": "Huế", "label": null});
        assert_eq!(updated.at("/updateCustomerAddress/address"), &changed);
        assert_eq!(updated.at("/updateCustomerAddress/customer/addresses"), &json!([changed, new]));

        let removed = json!({"id": changed["id"]});
        let payload = format!("removedAddressId customer {{ addresses {{ {SHOWN} }} }}");
        let left = change(&ann, "removeCustomerAddress", &payload, removed.clone()).await;
        let expected = json!({"removedAddressId": changed["id"], "customer": {"addresses": [new]}});
        assert_eq!(left.at("/removeCustomerAddress"), &expected);
        let again = change(&ann, "removeCustomerAddress", "removedAddressId", removed).await;
        again.expect_error("NOT_FOUND", "id");
        assert_eq!(again.body["data"], json!({"removeCustomerAddress": null}), "it may be null");
    }

    async fn a_list_that_replaces_them_keeps_the_ids_of_those_that_stay(city: &City) {
        let ann = city.customer("Ann").await;
        let second = add(&ann, &ann, "2 Lake Road").await.at("/addCustomerAddress/address").clone();
        let first = addresses(&ann, &ann).await[0].clone();
        let kept = json!({"label": "Home", "line1": "1 Lake Road", "city": "Hà Nội"});
        let input = json!({"id": ann.customer_id(), "addresses": [{"line1": "4 Lake Road", "city": "Hà Nội"}, kept, kept]});
        change(&ann, "updateCustomer", "customer { id }", input).await.expect_success();
        let now = addresses(&ann, &ann).await;
        assert_eq!((now.len(), &now[1]["id"]), (3, &first["id"]));
        let ids: std::collections::HashSet<_> = now.iter().chain([&second]).map(|address| address["id"].to_string()).collect();
        assert_eq!(ids.len(), 4, "two that say the same are two: {now:?}");
        let input = json!({"id": ann.customer_id(), "addresses": null});
        change(&ann, "updateCustomer", "customer { id }", input).await.expect_success();
        let cleared = ann.query("{ me { customer { addresses { id } } } }", json!({})).await;
        assert_eq!(cleared.at("/me/customer/addresses"), &Value::Null);
        assert_eq!(add(&ann, &ann, "5 Lake Road").await.list("/addCustomerAddress/customer/addresses").len(), 1);
    }

    async fn addresses_that_say_the_same_have_ids_of_their_own(city: &City) {
        let ann = city.customer("Ann").await;
        let mut row = ann.customer().clone().into_active_model();
        let same = json!({"line1": "1 Lake Road", "city": "Hà Nội"});
        row.addresses = Set(Some(json!([same, same, "somewhere by the lake"])));
        row.update(city.db()).await.unwrap();
        let before = addresses(&ann, &ann).await;
        assert_ne!(before[0]["id"], before[1]["id"]);
        let removed = json!({"id": before[0]["id"]});
        change(&ann, "removeCustomerAddress", "removedAddressId", removed).await.expect_success();
        assert_eq!(addresses(&ann, &ann).await, before[1..]);
    }

    async fn of_many_that_are_added_at_once_none_is_lost_and_twenty_are_the_most(city: &City) {
        let ann = city.customer("Ann").await;
        let lines: Vec<_> = (2..=20).map(|number| format!("{number} Lake Road")).collect();
        let added = join_all(lines.iter().map(|line| add(&ann, &ann, line))).await;
        added.into_iter().for_each(|answer| _ = answer.expect_success());
        assert_eq!(addresses(&ann, &ann).await.len(), 20);
        add(&ann, &ann, "21 Lake Road").await.expect_error("CONFLICT", "customerId");
    }

    async fn an_order_keeps_the_address_that_it_was_placed_with(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let id = addresses(&ann, &ann).await[0]["id"].clone();
        change(&ann, "removeCustomerAddress", "removedAddressId", json!({"id": id})).await.expect_success();
        let document = "query($id: ID!) { order(id: $id) { deliveryAddress { id line1 } } }";
        let answer = ann.query(document, json!({"id": order})).await;
        assert_eq!(answer.at("/order/deliveryAddress"), &json!({"id": null, "line1": "1 Lake Road"}));
    }

    async fn what_is_no_address_of_ones_own_is_not_found(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, staff) = (city.customer("Ann").await, city.customer("Ben").await, city.merchant_of(&restaurant).await);
        city.order(&ann, &restaurant).create().await;
        let id = addresses(&ann, &ann).await[0]["id"].clone();
        for stranger in [&ben, &staff] {
            for name in ["removeCustomerAddress", "updateCustomerAddress"] {
                let mut input = json!({"id": id});
                if name == "updateCustomerAddress" {
                    input["address"] = json!({"line1": "Mine", "city": "Mine"});
                }
                change(stranger, name, "customer { id }", input).await.expect_error("NOT_FOUND", "id");
            }
        }
        add(&ben, &ann, "Mine").await.expect_error("NOT_FOUND", "customerId");
        add(&staff, &ann, "Mine").await.expect_code("FORBIDDEN");
        add(&city.anonymous(), &ann, "Mine").await.expect_code("UNAUTHENTICATED");
        for malformed in ["", "Address", "Address:1", "Address:1:2", "Customer:1", "Address:0:0123456789abcdef", "Address:1:0123456789ABCDEF"] {
            let input = json!({"id": malformed});
            change(&ann, "removeCustomerAddress", "removedAddressId", input).await.expect_error("BAD_USER_INPUT", "id");
        }
        add(&city.admin().await, &ann, "By an admin").await.expect_success();
        assert_eq!(addresses(&ann, &ann).await.len(), 2);
    }
}
