//! The audit record: who did what.

use chrono::{TimeDelta, Utc};
use entity::{audit_events, sea_orm_active_enums::OrderStatus, sessions};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    EntityTrait, IntoActiveModel, PaginatorTrait,
};
use serde_json::{Value, json};
use tiffin_tests::{City, Person, both_databases};

use super::{PASSWORD, mutate, sign_in, sign_up};
use crate::process::eventually;

async fn acts(person: &Person, filter: Value) -> Vec<Value> {
    let document = "query($filter: AuditEventFilter) { auditEvents(first: 100, filter: $filter) { nodes { \
         action subject address details actor { email } } } }";
    person.query(document, json!({"filter": filter})).await.list("/auditEvents/nodes").to_vec()
}

fn actions(acts: &[Value]) -> Vec<&str> {
    acts.iter().rev().map(|act| act["action"].as_str().expect("an action")).collect()
}

both_databases! {
    async fn signing_in_leaves_a_record(city: &City) {
        let anonymous = city.anonymous();
        let opened = sign_up(&anonymous, "ann@example.com").await;
        let ann = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        sign_in(&anonymous, "ann@example.com", "wrong password").await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "nobody@example.com", "wrong password").await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "ann@example.com", PASSWORD).await.expect_success();
        let own = acts(&ann, Value::Null).await;
        assert_eq!(actions(&own), ["SIGNED_UP", "SIGN_IN_FAILED", "SIGNED_IN"]);
        assert!(own.iter().all(|act| act["address"] == "127.0.0.1" && act["actor"]["email"] == "ann@example.com"), "{own:#?}");
        let all = acts(&city.admin().await, json!({"actions": ["SIGN_IN_FAILED"]})).await;
        let actors: Vec<_> = all.iter().map(|act| &act["actor"]).collect();
        assert_eq!(actors, [&json!(null), &json!({"email": "ann@example.com"})], "newest first");
    }

    async fn what_admins_and_merchants_do_is_recorded_with_the_act_or_not_at_all(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (mai, ada, ann) = (city.merchant_of(&restaurant).await, city.admin().await, city.customer("Ann").await);
        let duy = city.driver("Duy").await;
        let order = city.order(&ann, &restaurant).create().await;
        mutate(&mai, "updateRestaurant", "restaurant { id }", json!({"id": restaurant.id(), "name": "Phở"})).await.expect_success();
        let dish = json!({"menuId": restaurant.menu_id(), "name": "Phở", "price": "4.50", "category": "Soups"});
        mutate(&mai, "createDish", "dish { id }", dish.clone()).await.expect_success();
        mai.update_order_status(&order.id(), OrderStatus::Confirmed).await.expect_success();
        mai.assign_driver(&order.id(), &duy).await.expect_success();
        duy.release_driver(&order.id()).await.expect_success();
        // A refusal is no act.
        mutate(&mai, "createDish", "dish { id }", json!({"menuId": restaurant.menu_id(), "name": "", "price": "4.50", "category": "Soups"})).await.expect_code("BAD_USER_INPUT");
        mutate(&ada, "setUserRole", "user { id }", json!({"userId": ann.user_id(), "role": "MERCHANT"})).await.expect_success();

        let mais = acts(&mai, Value::Null).await;
        assert_eq!(actions(&mais), ["RESTAURANT_UPDATED", "DISH_CREATED", "ORDER_STATUS_UPDATED", "DRIVER_ASSIGNED"]);
        let step = mais.iter().find(|act| act["action"] == "ORDER_STATUS_UPDATED").expect("there");
        assert_eq!((&step["subject"], &step["details"]), (&json!(order.id()), &json!({"status": "CONFIRMED"})));
        assert_eq!(acts(&duy, Value::Null).await, Vec::<Value>::new(), "the order's history has what drivers do");
        let set = acts(&ada, json!({"actorId": ada.user_id(), "subject": ann.user_id()})).await;
        assert_eq!(set[0]["details"], json!({"from": "CUSTOMER", "to": "MERCHANT"}));
        assert_eq!(audit_events::Entity::find().all(city.db()).await.expect("read").len(), 5);
    }

    async fn everybody_reads_their_own_acts_only(city: &City) {
        let restaurant = city.restaurant().create().await;
        let (mai, ada) = (city.merchant_of(&restaurant).await, city.admin().await);
        mutate(&mai, "updateRestaurant", "restaurant { id }", json!({"id": restaurant.id(), "name": "Phở"})).await.expect_success();
        let found = ada.query("{ auditEvents { totalCount nodes { id } } }", json!({})).await;
        assert_eq!(found.at("/auditEvents/totalCount"), &json!(1));
        let id = found.text("/auditEvents/nodes/0/id").to_owned();
        for person in [city.customer("Ann").await, city.merchant("Oanh").await, city.driver("Duy").await] {
            assert_eq!(acts(&person, json!({"actorId": mai.user_id()})).await, Vec::<Value>::new());
            let node = person.query("query($id: ID!) { node(id: $id) { id } }", json!({"id": id})).await;
            assert_eq!(node.at("/node"), &json!(null));
        }
        city.anonymous().query("{ auditEvents { nodes { id } } }", json!({})).await.expect_code("UNAUTHENTICATED");
    }

    async fn the_record_is_kept_for_a_time(database: Database) {
        let mut city = City::new(database).await;
        city.stop().await;
        let ann = city.customer("Ann").await;
        let recent = city.audit_event(&ann).await;
        let day_before_yesterday = (Utc::now() - TimeDelta::days(2)).fixed_offset();
        let old = audit_events::ActiveModel { id: NotSet, at: Set(day_before_yesterday), ..recent.clone().into_active_model() };
        // More than one statement deletes.
        for _ in 0..5 {
            audit_events::Entity::insert_many(vec![old.clone(); 500]).exec(city.db()).await.unwrap();
        }
        let count = async || audit_events::Entity::find().count(city.db()).await.unwrap();
        // What ended long ago is forgotten by the same task, after the record.
        let forgetting = async |days: &str| {
            let session = city.session(ann.user()).await;
            let long_ago = (Utc::now() - TimeDelta::days(100)).fixed_offset();
            let ended = sessions::ActiveModel { ended_at: Set(Some(long_ago)), ..session.clone().into_active_model() };
            ended.update(city.db()).await.unwrap();
            let server = city.another_server_with(&[("TIFFIN_ACCOUNTS_AUDIT_DAYS", days)]).await;
            let is_gone = async || sessions::Entity::find_by_id(session.id).one(city.db()).await.unwrap().is_none();
            eventually("the old session is forgotten", is_gone).await;
            server
        };
        for days in ["0", "3"] {
            let _server = forgetting(days).await;
            assert_eq!(count().await, 2501, "kept for {days} days");
        }
        let _server = forgetting("1").await;
        eventually("what is old is deleted", async || count().await == 1).await;
        assert_eq!(audit_events::Entity::find().one(city.db()).await.unwrap(), Some(recent));
    }
}
