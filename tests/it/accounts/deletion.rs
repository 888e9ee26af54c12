//! Deletion of an account, and the export of personal data.

use entity::{customers, order_events, orders, reviews, sea_orm_active_enums::OrderStatus, sessions, users};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tiffin_tests::{City, Person, Script, both_databases, global_id, rows::row_number, workspace};

use super::{PASSWORD, me, mutate, sign_in, sign_up};

both_databases! {
    async fn everything_personal_goes_and_the_books_stay(city: &City) {
        let anonymous = city.anonymous();
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let mai = city.merchant_of(&restaurant).await;
        let opened = sign_up(&anonymous, "secret-ann@example.com").await;
        let ann = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        let mut basket = restaurant.basket(&[(0, 2)]);
        basket["deliveryAddress"] = json!({"line1": "1 Secret Street", "city": "Secretville", "instructions": "secret code"});
        let order = ann.has_ordered(&basket).await;
        let profile = json!({"id": ann.query("{ me { customer { id } } }", json!({})).await.text("/me/customer/id"),
            "reviewName": "Secret gourmet", "addresses": [{"line1": "1 Secret Street", "city": "Secretville"}]});
        mutate(&ann, "updateCustomer", "customer { id }", profile).await.expect_success();

        let delete = async |password: Option<&str>| mutate(&ann, "deleteAccount", "deletedUserId", json!({"password": password})).await;
        delete(None).await.expect_error("BAD_USER_INPUT", "password");
        delete(Some("wrong password")).await.expect_error("BAD_USER_INPUT", "password");
        assert!(delete(Some(PASSWORD)).await.expect_code("CONFLICT").message.contains("under way"));
        mutate(&ann, "cancelOrder", "order { id }", json!({"orderId": order, "reason": "secret reason"})).await.expect_success();
        let before = city.order_row(&order).await;

        delete(Some(PASSWORD)).await.expect_success();
        me(&ann).await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "secret-ann@example.com", PASSWORD).await.expect_code("UNAUTHENTICATED");
        let after = city.order_row(&order).await;
        assert_eq!((after.total_amount, after.status), (before.total_amount, OrderStatus::Cancelled));
        let contents = city.contents().await;
        let holds = |text: &str| contents.iter().filter(|(_, rows)| rows.iter().any(|row| row.contains(text))).map(|(table, _)| table).collect::<Vec<_>>();
        for personal in ["ecret", "Ann Example", "555 7777"] {
            assert_eq!(holds(personal), Vec::<&String>::new(), "{personal} is still there");
        }
        // The kitchen's history is whole, and the address is free for a new account.
        let seen = mai.query("query($id: ID!) { order(id: $id) { customerName events { status } } }", json!({"id": order})).await;
        assert_eq!((seen.text("/order/customerName"), seen.list("/order/events").len()), ("Deleted customer", 2));
        sign_up(&anonymous, "secret-ann@example.com").await.expect_success();
    }

    async fn only_ones_own_is_touched(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
        let order = city.order(&ben, &restaurant).status(OrderStatus::Delivered).create().await;
        city.review(&ben, &restaurant).create().await;
        mutate(&ann, "deleteAccount", "deletedUserId", json!({})).await.expect_success();
        let row = orders::Entity::find_by_id(row_number(&order.id())).one(city.db()).await.expect("read").expect("there");
        assert_eq!((&row.delivery_address, &row.customer_name), (&order.row.delivery_address, &order.row.customer_name));
        let user = users::Entity::find_by_id(ben.user().id).one(city.db()).await.expect("read").expect("there");
        assert_eq!((user.email.as_str(), user.is_active), (ben.user().email.as_str(), true));
        assert_eq!(customers::Entity::find_by_id(ben.customer().id).one(city.db()).await.expect("read").as_ref(), Some(ben.customer()));
        let sessions = sessions::Entity::find().filter(sessions::Column::UserId.eq(ann.user().id)).all(city.db()).await;
        assert!(sessions.expect("read").is_empty());
        assert_eq!(reviews::Entity::find().all(city.db()).await.expect("read").len(), 1);
        assert!(!order_events::Entity::find().all(city.db()).await.expect("read").is_empty());
        me(&ben).await.expect_success();
    }

    async fn the_last_admin_and_a_driver_on_the_way_stay(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ada, ann, duy) = (city.admin().await, city.customer("Ann").await, city.driver("Duy").await);
        city.order(&ann, &restaurant).status(OrderStatus::PickedUp).driver(&duy).create().await;
        for person in [&ada, &duy] {
            mutate(person, "deleteAccount", "deletedUserId", json!({})).await.expect_code("CONFLICT");
            me(person).await.expect_success();
        }
        let lan = city.driver("Lan").await;
        mutate(&lan, "deleteAccount", "deletedUserId", json!({})).await.expect_success();
        let contents = city.contents().await;
        assert!(!contents["drivers"].iter().any(|row| row.contains("Lan") || row.contains(&lan.driver().license_number)));
    }

    async fn everything_held_on_somebody_can_be_taken_along(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let (ann, ben, duy) = (city.customer("Ann").await, city.customer("Ben").await, city.driver("Duy").await);
        city.make_member(&ann, &restaurant).await;
        // More of each than a page has, where a page is short.
        let mut orders = Vec::new();
        for _ in 0..21 {
            orders.insert(0, json!(city.order(&ann, &restaurant).create().await.id()));
        }
        let long_ago = "2026-03-04T12:00:00Z".parse().expect("a time");
        let order = city.order(&ann, &restaurant).status(OrderStatus::Delivered).driver(&duy).placed_at(long_ago).route(3).create().await;
        orders.push(json!(order.id()));
        city.order(&ben, &restaurant).status(OrderStatus::Delivered).create().await;
        let review = city.review(&ann, &restaurant).create().await;
        city.review(&ben, &restaurant).create().await;
        let act = city.audit_event(&ann).await;
        city.audit_event(&ben).await;

        let chosen = json!({"id": ann.customer_id(), "reviewName": "Gourmet"});
        mutate(&ann, "updateCustomer", "customer { id }", chosen).await.expect_success();

        let everything = taken_along(city, &ann).await;
        assert_eq!(everything["user"]["email"], json!(ann.user().email));
        assert_eq!(everything["customer"]["addresses"][0]["line1"], json!("1 Lake Road"));
        assert_eq!(everything["customer"]["reviewName"], json!("Gourmet"));
        let ids = |list: &str| -> Vec<Value> {
            everything[list].as_array().expect("a list").iter().map(|entry| entry["id"].clone()).collect()
        };
        assert_eq!(ids("orders"), orders);
        assert!(everything["orders"][0]["items"].as_array().is_some_and(|items| !items.is_empty()), "{everything:#}");
        assert_eq!(everything["orders"][21]["totalAmount"], json!(city.order_row(&order.id()).await.total_amount.to_string()));
        assert_eq!(ids("reviews"), [json!(review.id())]);
        assert_eq!(ids("auditEvents"), [json!(global_id("AuditEvent", act.id))]);
        assert_eq!(ids("sessions").len(), 1);
        assert_eq!(everything["memberships"][0]["restaurant"]["id"], json!(restaurant.id()));
        assert_eq!((&everything["driver"], &everything["routes"]), (&json!(null), &json!([])));
        assert!(!everything.to_string().contains(&ben.user().email) && !everything.to_string().contains("hash"), "{everything:#}");

        let everything = taken_along(city, &duy).await;
        assert_eq!(everything["driver"]["licenseNumber"], json!(duy.driver().license_number));
        let points = everything["routes"].as_array().expect("a list");
        assert_eq!(points.iter().map(|point| point["orderId"].clone()).collect::<Vec<_>>(), vec![json!(order.id()); 3]);
        for nothing in ["orders", "reviews", "memberships"] {
            assert_eq!(everything[nothing], json!([]), "{nothing}");
        }
        city.anonymous().query("{ personalData { collectedAt } }", json!({})).await.expect_code("UNAUTHENTICATED");
    }
}

/// Everything that is held on the person, by the code of docs/personal-data.md.
pub async fn taken_along(city: &City, person: &Person) -> Value {
    let url = city.server().url("/graphql");
    Script::start("take_along.mjs", &[&url, person.access_token().expect("signed in")]).next().await
}

#[test]
fn the_document_shows_the_code_that_takes_everything_along() {
    let document = workspace::read("docs/personal-data.md");
    let code = workspace::read("tests/node/export.mjs");
    assert!(document.contains(&format!("```js\n{code}```")), "docs/personal-data.md does not show export.mjs as it is");
}
