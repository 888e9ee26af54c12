//! Assignment of drivers: who may assign and release a driver and when, and what its parties see of each other meanwhile.

use chrono::{Duration, Utc};
use entity::sea_orm_active_enums::{DriverStatus, OrderStatus};
use serde_json::{Value, json};
use tiffin_tests::{Person, acts::status_name, both_databases};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

both_databases! {
    async fn a_driver_is_assigned_by_itself_by_staff_or_by_an_admin(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann, admin) = (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.admin().await);
        for status in [Confirmed, Preparing, Ready] {
            for by in ["itself", "staff", "admin"] {
                let duy = city.driver("Duy").await;
                let order = city.order(&ann, &restaurant).status(status).create().await;
                let actor = match by {
                    "itself" => &duy,
                    "staff" => &staff,
                    _ => &admin,
                };
                let answer = actor.assign_driver(&order.id(), &duy).await;
                let expected = json!({"status": status_name(status), "driver": {"id": duy.driver_id(), "status": "BUSY"}});
                assert_eq!(answer.at("/assignDriver/order"), &expected, "{by}");
                assert_eq!(city.driver_status(&duy).await, DriverStatus::Busy);
                let events = city.order_events(&order.id()).await;
                assert_eq!(events.len(), order.events.len() + 1);
                let event = events.last().unwrap();
                assert_eq!(event.sequence, order.events.last().unwrap().sequence + 1);
                assert_eq!((event.previous_status, event.status), (Some(status), status));
                assert_eq!((event.driver_id, &event.actor), (Some(duy.driver().id), &actor.user_id()));
            }
        }
    }

    async fn nobody_else_assigns_a_driver(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, rival) = (city.customer("Ann").await, city.customer("Ben").await, city.merchant_of(&elsewhere).await);
        let (duy, ivo) = (city.driver("Duy").await, city.driver("Ivo").await);
        let order = city.order(&ann, &restaurant).status(Ready).create().await;
        // Known to Ann, for he carried an order of hers.
        let known = city.driver("Khoa").await;
        city.order(&ann, &restaurant).status(Delivered).driver(&known).create().await;

        city.anonymous().assign_driver(&order.id(), &duy).await.expect_code("UNAUTHENTICATED");
        ann.assign_driver(&order.id(), &known).await.expect_code("FORBIDDEN");
        ann.assign_driver(&order.id(), &duy).await.expect_error("NOT_FOUND", "driverId");
        ivo.assign_driver(&order.id(), &duy).await.expect_error("NOT_FOUND", "driverId");
        ben.assign_driver(&order.id(), &duy).await.expect_error("NOT_FOUND", "orderId");
        rival.assign_driver(&order.id(), &duy).await.expect_error("NOT_FOUND", "orderId");
        assert_eq!(city.order_row(&order.id()).await, order.row);
        assert_eq!(city.order_events(&order.id()).await, order.events);
        assert_eq!(city.driver_status(&duy).await, DriverStatus::Available);
    }

    async fn a_driver_is_assigned_from_confirmed_to_ready_only(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann, admin) = (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.admin().await);
        let duy = city.driver("Duy").await;
        for status in [Pending, PickedUp, Delivered, Cancelled] {
            let order = city.order(&ann, &restaurant).status(status).create().await;
            staff.assign_driver(&order.id(), &duy).await.expect_code("CONFLICT");
            admin.assign_driver(&order.id(), &duy).await.expect_code("CONFLICT");
            duy.assign_driver(&order.id(), &duy).await.expect_error("NOT_FOUND", "orderId");
            assert_eq!(city.order_row(&order.id()).await, order.row);
            assert_eq!(city.order_events(&order.id()).await, order.events);
        }
        assert_eq!(city.driver_status(&duy).await, DriverStatus::Available);
    }

    async fn an_order_has_one_driver_and_a_driver_one_order(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann, admin) = (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.admin().await);
        let (duy, ivo) = (city.driver("Duy").await, city.driver("Ivo").await);
        let off = city.new_driver("Ora").status(DriverStatus::Offline).create().await;
        let first = city.order(&ann, &restaurant).status(Ready).create().await;
        let second = city.order(&ann, &restaurant).status(Ready).create().await;
        duy.assign_driver(&first.id(), &duy).await.expect_success();

        duy.assign_driver(&first.id(), &duy).await.expect_code("CONFLICT");
        staff.assign_driver(&first.id(), &ivo).await.expect_code("CONFLICT");
        ivo.assign_driver(&first.id(), &ivo).await.expect_error("NOT_FOUND", "orderId");
        duy.assign_driver(&second.id(), &duy).await.expect_error("CONFLICT", "driverId");
        admin.assign_driver(&second.id(), &duy).await.expect_error("CONFLICT", "driverId");
        off.assign_driver(&second.id(), &off).await.expect_error("CONFLICT", "driverId");
        admin.assign_driver(&second.id(), &off).await.expect_error("CONFLICT", "driverId");

        assert_eq!(city.order_row(&first.id()).await.driver_id, Some(duy.driver().id));
        assert_eq!(city.order_row(&second.id()).await, second.row);
        assert_eq!(city.order_events(&second.id()).await, second.events);
        assert_eq!(city.driver_status(&off).await, DriverStatus::Offline);
        assert_eq!(city.driver_status(&ivo).await, DriverStatus::Available);
    }

    async fn a_driver_is_released_before_it_picks_up(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann, admin) = (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.admin().await);
        for status in [Confirmed, Preparing, Ready] {
            for by in ["itself", "staff", "admin"] {
                let duy = city.driver("Duy").await;
                let order = city.order(&ann, &restaurant).status(status).driver(&duy).create().await;
                let actor = match by {
                    "itself" => &duy,
                    "staff" => &staff,
                    _ => &admin,
                };
                let answer = actor.release_driver(&order.id()).await;
                assert_eq!(answer.at("/releaseDriver/order"), &json!({"status": status_name(status), "driver": null}));
                assert_eq!(city.driver_status(&duy).await, DriverStatus::Available);
                let events = city.order_events(&order.id()).await;
                assert_eq!(events.len(), order.events.len() + 1);
                let event = events.last().unwrap();
                assert_eq!((event.previous_status, event.status, event.driver_id), (Some(status), status, None));
                assert_eq!((event.note.as_deref(), &event.actor), (Some("A flat tyre"), &actor.user_id()));
                // Both are free again: for each other, too.
                duy.assign_driver(&order.id(), &duy).await.expect_success();
            }
        }
    }

    async fn nobody_else_releases_a_driver_and_not_later(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, rival) = (city.customer("Ann").await, city.customer("Ben").await, city.merchant_of(&elsewhere).await);
        let (staff, admin, ivo) = (city.merchant_of(&restaurant).await, city.admin().await, city.driver("Ivo").await);

        let duy = city.driver("Duy").await;
        let order = city.order(&ann, &restaurant).status(Ready).driver(&duy).create().await;
        city.anonymous().release_driver(&order.id()).await.expect_code("UNAUTHENTICATED");
        ann.release_driver(&order.id()).await.expect_code("FORBIDDEN");
        for hidden_from in [&ben, &rival, &ivo] {
            hidden_from.release_driver(&order.id()).await.expect_error("NOT_FOUND", "orderId");
        }
        assert_eq!(city.order_row(&order.id()).await, order.row);
        assert_eq!(city.order_events(&order.id()).await, order.events);
        assert_eq!(city.driver_status(&duy).await, DriverStatus::Busy);

        for status in [PickedUp, Delivered, Cancelled] {
            let khoa = city.driver("Khoa").await;
            let order = city.order(&ann, &restaurant).status(status).driver(&khoa);
            let order = if status == Cancelled { order.cancelled_from(Ready) } else { order }.create().await;
            for actor in [&khoa, &staff, &admin] {
                actor.release_driver(&order.id()).await.expect_code("CONFLICT");
            }
            assert_eq!(city.order_events(&order.id()).await, order.events);
        }
        let unassigned = city.order(&ann, &restaurant).status(Ready).create().await;
        staff.release_driver(&unassigned.id()).await.expect_code("CONFLICT");
        ivo.release_driver(&unassigned.id()).await.expect_code("FORBIDDEN");
        assert_eq!(city.order_events(&unassigned.id()).await, unassigned.events);
    }

    async fn claimable_orders_wait_for_a_driver_oldest_first(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, admin) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.admin().await);
        let duy = city.driver("Duy").await;
        let placed = |minutes: i64| (Utc::now() - Duration::minutes(minutes)).fixed_offset();
        let ready = city.order(&ann, &restaurant).status(Ready).placed_at(placed(60)).create().await;
        let confirmed = city.order(&ann, &restaurant).status(Confirmed).placed_at(placed(90)).create().await;
        let preparing = city.order(&ann, &restaurant).status(Preparing).placed_at(placed(30)).create().await;
        for status in [Pending, PickedUp, Delivered, Cancelled] {
            city.order(&ann, &restaurant).status(status).placed_at(placed(45)).create().await;
        }
        let taken = city.driver("Tam").await;
        let carried = city.order(&ann, &restaurant).status(Ready).driver(&taken).placed_at(placed(75)).create().await;

        let oldest_first = [confirmed.id(), ready.id(), preparing.id()];
        assert_eq!(claimable(&duy).await, oldest_first);
        assert_eq!(claimable(&admin).await, oldest_first);
        for nobody in [&ann, &staff, &city.anonymous()] {
            assert!(claimable(nobody).await.is_empty());
        }
        duy.assign_driver(&ready.id(), &duy).await.expect_success();
        taken.release_driver(&carried.id()).await.expect_success();
        assert_eq!(claimable(&taken).await, [confirmed.id(), carried.id(), preparing.id()]);
    }

    async fn a_driver_sees_the_customer_s_phone_while_it_carries_the_order(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(Ready).create().await;
        let ann_s_phone = ann.customer().phone.clone().unwrap();

        let claimable = "{ claimableOrders { nodes { customer { name phone } } } }";
        let answer = duy.query(claimable, json!({})).await;
        assert_eq!(answer.at("/claimableOrders/nodes/0/customer"), &json!({"name": "Ann", "phone": null}));
        expect_hidden(&phone_of_customer(&duy, &order.id()).await);

        duy.assign_driver(&order.id(), &duy).await.expect_success();
        assert_eq!(phone_of_customer(&duy, &order.id()).await.text("/order/customer/phone"), ann_s_phone);
        duy.release_driver(&order.id()).await.expect_success();
        expect_hidden(&phone_of_customer(&duy, &order.id()).await);
        duy.assign_driver(&order.id(), &duy).await.expect_success();
        duy.update_order_status(&order.id(), PickedUp).await.expect_success();
        assert_eq!(phone_of_customer(&duy, &order.id()).await.text("/order/customer/phone"), ann_s_phone);
        duy.update_order_status(&order.id(), Delivered).await.expect_success();
        expect_hidden(&phone_of_customer(&duy, &order.id()).await);
    }

    async fn customer_and_staff_see_where_the_driver_is_from_assignment_to_the_end(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, staff) = (city.customer("Ann").await, city.customer("Ben").await, city.merchant_of(&restaurant).await);
        let rival = city.merchant_of(&elsewhere).await;
        let duy = city.new_driver("Duy").located_at(21.0285, 105.8542).create().await;
        // An old order of each: they know him, and that is not enough.
        for (customer, restaurant) in [(&ann, &restaurant), (&ben, &elsewhere)] {
            city.order(customer, restaurant).status(Delivered).driver(&duy).create().await;
        }
        let order = city.order(&ann, &restaurant).status(Ready).create().await;
        let parties = [&ann, &staff];
        let strangers = [&ben, &rival];
        for viewer in parties.into_iter().chain(strangers) {
            expect_driver_hidden(viewer, &duy).await;
        }
        duy.assign_driver(&order.id(), &duy).await.expect_success();
        for viewer in parties {
            expect_driver_seen(viewer, &duy).await;
        }
        duy.release_driver(&order.id()).await.expect_success();
        for viewer in parties {
            expect_driver_hidden(viewer, &duy).await;
        }
        duy.assign_driver(&order.id(), &duy).await.expect_success();
        duy.update_order_status(&order.id(), PickedUp).await.expect_success();
        for viewer in parties.into_iter().chain([&duy, &city.admin().await]) {
            expect_driver_seen(viewer, &duy).await;
        }
        for viewer in strangers {
            expect_driver_hidden(viewer, &duy).await;
        }
        duy.update_order_status(&order.id(), Delivered).await.expect_success();
        for viewer in parties.into_iter().chain(strangers) {
            expect_driver_hidden(viewer, &duy).await;
        }
    }

    async fn what_is_hidden_of_the_driver_when_the_order_is_delivered_is_null_without_an_error(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.new_driver("Duy").located_at(21.0, 105.0).create().await);
        let order = city.order(&ann, &restaurant).status(PickedUp).driver(&duy).create().await.id();
        let selection = "status driver { phone licenseNumber location { lat } }";
        let query = format!("query($id: ID!) {{ order(id: $id) {{ {selection} }} }}");
        let watch = format!("subscription($id: ID!) {{ orderStatusChanged(orderId: $id) {{ status order {{ {selection} }} }} }}");
        let mut steps = ann.subscribe(&watch, json!({"id": order})).await;
        let shown = json!({"phone": duy.driver().phone, "licenseNumber": null, "location": {"lat": 21.0}});
        let hidden = json!({"phone": null, "licenseNumber": null, "location": null});
        assert_eq!(steps.next_event().await.at("/orderStatusChanged/order/driver"), &shown);

        duy.update_order_status(&order, Delivered).await.expect_success();
        let delivered = json!({"status": "DELIVERED", "driver": hidden});
        let last = steps.next_event().await;
        assert_eq!(last.at("/orderStatusChanged"), &json!({"status": "DELIVERED", "order": delivered}));
        steps.expect_complete().await;
        assert_eq!(ann.query(&query, json!({"id": order})).await.at("/order"), &delivered);
        let review = format!(
            "mutation($id: ID!) {{ postReview(input: {{restaurantId: $id, rating: 5}}) {{
                 restaurant {{ revenue {{ totalOrders }} members {{ email }} availableDrivers {{ id }} orders {{ nodes {{ {selection} }} }} }} }} }}"
        );
        let posted = ann.query(&review, json!({"id": restaurant.id()})).await;
        let expected = json!({"revenue": null, "members": null, "availableDrivers": null, "orders": {"nodes": [delivered]}});
        assert_eq!(posted.at("/postReview/restaurant"), &expected);
    }
}

async fn claimable(viewer: &Person) -> Vec<String> {
    let answer = viewer.query("{ claimableOrders { nodes { id } } }", json!({})).await;
    let id = |order: &Value| order["id"].as_str().unwrap().to_owned();
    answer.list("/claimableOrders/nodes").iter().map(id).collect()
}

async fn phone_of_customer(viewer: &Person, order: &str) -> tiffin_tests::Answer {
    viewer.query("query($id: ID!) { order(id: $id) { customer { phone } } }", json!({"id": order})).await
}

#[track_caller]
fn expect_hidden(answer: &tiffin_tests::Answer) {
    assert_eq!(answer.at("/order/customer/phone"), &Value::Null);
}

const DRIVER: &str = "query($id: ID!) { driver(id: $id) { name phone location { lat lng } } }";

async fn expect_driver_seen(viewer: &Person, driver: &Person) {
    let answer = viewer.query(DRIVER, json!({"id": driver.driver_id()})).await;
    let location = json!({"lat": 21.0285, "lng": 105.8542});
    let expected = json!({"name": driver.driver().name, "phone": driver.driver().phone, "location": location});
    assert_eq!(answer.at("/driver"), &expected);
}

/// Known by name, with neither phone nor place.
async fn expect_driver_hidden(viewer: &Person, driver: &Person) {
    let answer = viewer.query(DRIVER, json!({"id": driver.driver_id()})).await;
    assert_eq!(answer.at("/driver"), &json!({"name": driver.driver().name, "phone": null, "location": null}));
}
