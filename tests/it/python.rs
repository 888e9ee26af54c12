//! The client of docs/clients/python.md, as it stands there, at a server that is restarted: the real gql in Python.

use entity::sea_orm_active_enums::OrderStatus;
use serde_json::{Value, json};
use tiffin_tests::{City, Database, PATIENCE, Proxy, Script, access_token, workspace};

use OrderStatus::{Confirmed, Delivered, PickedUp, Preparing, Ready};

async fn said(script: &mut Script) -> Value {
    tokio::time::timeout(PATIENCE, script.next()).await.expect("the script goes on")
}

#[test]
fn a_script_orders_exactly_and_follows_over_a_restart() {
    tiffin_tests::run(async {
        let mut city = City::new(Database::Sqlite).await;
        city.stop().await;
        let mut server = city.another_server().await;
        let line = Proxy::before(&[&server]).await;
        let restaurant = city.restaurant().charging("USD", "2.99", "0.0825").dish("Phở bò", "14.50").create().await;
        let [ann, staff, duy] =
            [city.customer("Ann").await, city.merchant_of(&restaurant).await, city.driver("Duy").await]
                .map(|person| person.by_way_of(&line));

        let session = city.session(ann.user()).await.id;
        let [expired, good] = [-60, 3600].map(|seconds| access_token(ann.user().id, session, seconds));
        let url = format!("{}graphql", line.url());
        let schema = workspace::root().join("schema.graphql").display().to_string();
        let (tokens, basket) = (json!([expired, good]).to_string(), restaurant.basket(&[(0, 2)]).to_string());
        let mut script = Script::start("python_client.py", &[&url, &schema, &tokens, &basket]);

        // 29.00, 2.3925 of tax and 2.99, as Decimals of Python.
        let quoted = json!({ "totalAmount": "Decimal('34.38')", "currency": "USD" });
        assert_eq!(said(&mut script).await, json!({ "quoted": quoted }));
        assert_eq!(said(&mut script).await, json!({ "refused": ["CONFLICT", "TypeError"] }));
        let placed = said(&mut script).await["placed"].take();
        assert_eq!(placed[0]["id"], placed[1]["id"], "{placed}");
        assert_eq!((&placed[0]["status"], &placed[0]["totalAmount"]), (&json!("PENDING"), &json!("Decimal('34.38')")));
        let moment = placed[0]["orderTime"].as_str().expect("a moment");
        assert!(moment.starts_with("datetime.datetime(2") && moment.contains("tzinfo"), "{placed}");
        let order = placed[0]["id"].as_str().expect("an id").to_owned();

        // The first token of its socket is refused, the second is not.
        assert_eq!(said(&mut script).await["step"]["status"], "PENDING");
        staff.update_order_status(&order, Confirmed).await.expect_success();
        assert_eq!(said(&mut script).await["step"]["status"], "CONFIRMED");

        server.request_stop();
        server.ended().await;
        let _started = city.another_server_behind(&line).await;
        staff.update_order_status(&order, Preparing).await.expect_success();
        staff.update_order_status(&order, Ready).await.expect_success();
        duy.assign_driver(&order, &duy).await.expect_success();
        for status in [PickedUp, Delivered] {
            duy.update_order_status(&order, status).await.expect_success();
        }
        let mut told = Vec::new();
        loop {
            match said(&mut script).await {
                Value::String(complete) => break assert_eq!(complete, "complete"),
                mut step => told.push(step["step"]["sequence"].take()),
            }
        }
        assert_eq!(told, [3, 4, 5, 6, 7]);
    });
}
