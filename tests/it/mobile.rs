//! The client of docs/clients/mobile.md, as it stands there, in an app that is put away, taken out again and killed.

use std::net::TcpListener;

use entity::sea_orm_active_enums::OrderStatus;
use serde_json::{Value, json};
use tempfile::TempDir;
use tiffin_tests::{City, Database, PATIENCE, Person, Proxy, Script, workspace};

use OrderStatus::{Confirmed, Delivered, PickedUp, Preparing, Ready};

/// What the app says until it says this, without what is said of sockets that were left.
async fn heard_until(app: &mut Script, last: &Value) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let said: Value = tokio::time::timeout(PATIENCE, app.next()).await.expect("the app goes on");
        assert!(said.get("failed").is_none(), "{said}");
        if said.get("closed").is_none() {
            heard.push(said.clone());
        }
        if said == *last {
            return heard;
        }
    }
}

fn step(sequence: i32, status: &str) -> Value {
    json!({ "step": { "sequence": sequence, "status": status } })
}

#[test]
fn an_app_that_comes_back_is_told_what_it_missed() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let (staff, duy) = (city.merchant_of(&restaurant).await, city.driver("Duy").await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let line = Proxy::before(&[city.server()]).await;
        let url = format!("{}graphql", line.url());
        let mut app = Script::start("mobile.mjs", &["follow", &url, ann.access_token().unwrap(), &order]);
        assert_eq!(heard_until(&mut app, &step(1, "PENDING")).await, [json!("connected"), step(1, "PENDING")]);

        // Somebody calls: the app goes on.
        app.tell("inactive").await;
        staff.update_order_status(&order, Confirmed).await.expect_success();
        assert_eq!(heard_until(&mut app, &step(2, "CONFIRMED")).await, [step(2, "CONFIRMED")]);
        app.tell("active").await;

        app.tell("background").await;
        assert_eq!(heard_until(&mut app, &json!({ "closed": 1000 })).await, Vec::<Value>::new());
        staff.update_order_status(&order, Preparing).await.expect_success();
        staff.update_order_status(&order, Ready).await.expect_success();
        app.tell("active").await;
        let missed = [step(3, "PREPARING"), step(4, "READY")];
        let heard = heard_until(&mut app, &missed[1]).await;
        assert_eq!(heard, [&[json!("refreshed"), json!("connected")][..], &missed].concat());

        // In the pocket the network is gone, and nobody says goodbye: the socket that was left is not waited for.
        line.silence();
        app.tell("background").await;
        duy.assign_driver(&order, &duy).await.expect_success();
        duy.update_order_status(&order, PickedUp).await.expect_success();
        app.tell("active").await;
        assert_eq!(heard_until(&mut app, &json!("refreshed")).await, [json!("refreshed")]);
        line.cut();
        line.mend();
        duy.update_order_status(&order, Delivered).await.expect_success();
        let heard = heard_until(&mut app, &json!("complete")).await;
        let steps: Vec<_> = heard.iter().filter_map(|said| said["step"]["sequence"].as_i64()).collect();
        assert_eq!(steps, [5, 6, 7], "{heard:?}");
    });
}

/// How often Ann has ordered.
async fn orders(ann: &Person) -> i64 {
    ann.query("{ orders { totalCount } }", json!({})).await.get("/orders/totalCount")
}

#[test]
fn an_order_is_placed_once_whenever_the_app_is_killed() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let folder = TempDir::new().unwrap();
        let storage = folder.path().join("storage").display().to_string();
        let start_at = async |url: &str, basket: &Value, end: &str| {
            let arguments = ["order", url, ann.access_token().unwrap(), &storage, &basket.to_string(), end];
            let said = workspace::node_script("mobile.mjs", &arguments).await;
            (!said.is_empty()).then(|| serde_json::from_str::<Value>(&said).expect("the app says JSON"))
        };
        let url = city.server().url("/graphql");
        let start = async |basket: &Value, end: &str| start_at(&url, basket, end).await;
        // Where nobody listens.
        let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let nowhere = format!("http://{nowhere}/graphql");
        let basket = restaurant.basket(&[(0, 1)]);

        assert_eq!(start(&basket, "killed").await, None);
        assert_eq!(orders(&ann).await, 1);
        let resumed = start(&basket, "answered").await.unwrap();
        assert!(resumed["resumed"]["data"]["placeOrder"]["order"]["id"].is_string(), "{resumed}");
        assert_eq!(orders(&ann).await, 1);
        let placed = start(&basket, "answered").await.unwrap();
        assert!(placed["placed"]["data"]["placeOrder"]["order"]["id"].is_string(), "{placed}");
        assert_eq!(orders(&ann).await, 2);

        // Where it is sent and does not arrive it is placed at the next start, if it is still wanted.
        for (end, expected, count) in [("answered", "resumed", 3), ("unwanted", "forgotten", 3)] {
            assert!(start_at(&nowhere, &basket, "answered").await.unwrap()["lost"].is_string());
            let said = start(&basket, end).await.unwrap();
            assert!(said == expected || said[expected]["data"].is_object(), "{said}");
            assert_eq!(orders(&ann).await, count);
        }

        // What is refused is over.
        let refused = start(&restaurant.basket(&[(0, 0)]), "answered").await.unwrap();
        assert_eq!(refused["placed"]["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{refused}");
        assert!(start(&basket, "answered").await.unwrap()["placed"]["data"].is_object());
    });
}
