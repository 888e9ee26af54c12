//! Dismissal: somebody who loses a role or a record does not go on working; rights need both.

use entity::{
    audit_events, orders, restaurant_members,
    sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole},
    users,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Person, both_databases, rows::row_number};

use crate::{
    contention::Arena,
    sockets::{NEWER, Socket},
};

const CLAIMABLE: &str = "{ claimableOrders { nodes { id customerName } } }";

async fn mutate(person: &Person, mutation: &str, input: Value) -> Answer {
    let input_type = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let document = format!("mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ __typename }} }}");
    person.query(&document, json!({ "input": input })).await
}

async fn set_role(admin: &Person, person: &Person, role: &str) -> Answer {
    mutate(admin, "setUserRole", json!({ "userId": person.user_id(), "role": role })).await
}

async fn set_active(admin: &Person, person: &Person, is_active: bool) -> Answer {
    mutate(admin, "setUserActive", json!({ "userId": person.user_id(), "isActive": is_active })).await
}

async fn set_status(admin: &Person, driver: &Person, status: &str) -> Answer {
    mutate(admin, "setDriverStatus", json!({ "driverId": driver.driver_id(), "status": status })).await
}

async fn available(staff: &Person, restaurant: &str) -> Vec<Value> {
    let document = "query($id: ID!) { restaurant(id: $id) { availableDrivers { name } } }";
    staff.query(document, json!({ "id": restaurant })).await.list("/restaurant/availableDrivers").to_vec()
}

/// The order is claimable again, as its history says, and the driver is at home.
async fn expect_released(city: &City, order: &str, driver: &Person, by: &Person) {
    let row = city.order_row(order).await;
    assert_eq!((row.driver_id, row.status), (None, OrderStatus::Ready));
    let events = city.order_events(order).await;
    let event = events.last().unwrap();
    assert_eq!((event.driver_id, event.previous_status, &event.actor), (None, Some(OrderStatus::Ready), &by.user_id()));
    assert_eq!(city.driver_status(driver).await, DriverStatus::Offline);
}

both_databases! {
    async fn a_driver_who_is_made_a_customer_sees_and_claims_nothing_more(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, admin) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.admin().await);
        let duy = city.driver("Duy").await;
        let assigned = city.order(&ann, &restaurant).status(OrderStatus::Ready).driver(&duy).create().await;
        let waiting = city.order(&ann, &restaurant).status(OrderStatus::Ready).create().await;
        let mut socket = Socket::of(&duy, city.server(), NEWER).await;
        socket.subscribe("mine", "subscription { driverOrderChanged { status } }", json!({})).await;
        assert_eq!(socket.hear().await["payload"]["data"]["driverOrderChanged"]["status"], "READY");
        let watch = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { status } }";
        socket.subscribe("other", watch, json!({ "id": waiting.id() })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["orderStatusChanged"]["status"], "READY");

        set_role(&admin, &duy, "CUSTOMER").await.expect_success();
        expect_released(city, &assigned.id(), &duy, &admin).await;
        // That the order was taken from it may be told before the end.
        let mut ended = 0;
        while ended < 2 {
            let message = socket.hear().await;
            let is_release = message["payload"]["data"]["driverOrderChanged"]["status"] == "READY";
            ended += usize::from(message["type"] == "complete");
            assert!(message["type"] == "complete" || is_release, "{message}");
        }
        assert!(duy.query(CLAIMABLE, json!({})).await.list("/claimableOrders/nodes").is_empty());
        for order in [&assigned, &waiting] {
            let seen = duy.query("query($id: ID!) { order(id: $id) { customer { phone } } }", json!({ "id": order.id() })).await;
            seen.expect_code("NOT_FOUND");
            duy.assign_driver(&order.id(), &duy).await.expect_error("NOT_FOUND", "orderId");
        }
        mutate(&duy, "updateDriverLocation", json!({ "lat": 1, "lng": 2 })).await.expect_code("FORBIDDEN");
        set_status(&duy, &duy, "AVAILABLE").await.expect_code("NOT_FOUND");
        // Nor does anybody else make it work.
        assert!(available(&staff, &restaurant.id()).await.is_empty());
        set_status(&admin, &duy, "AVAILABLE").await.expect_code("CONFLICT");
        admin.assign_driver(&waiting.id(), &duy).await.expect_error("CONFLICT", "driverId");

        // With the role the work may begin again.
        set_role(&admin, &duy, "DRIVER").await.expect_success();
        assert_eq!(city.driver_status(&duy).await, DriverStatus::Offline);
        set_status(&duy, &duy, "AVAILABLE").await.expect_success();
        duy.assign_driver(&waiting.id(), &duy).await.expect_success();
        for role in ["MERCHANT", "ADMIN"] {
            set_role(&admin, &duy, "DRIVER").await.expect_success();
            set_role(&admin, &duy, role).await.expect_success();
            assert_eq!(city.order_row(&waiting.id()).await.driver_id, None, "{role}");
        }
    }

    async fn a_driver_on_the_way_keeps_its_role_until_the_order_ends(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, admin, duy) = (city.customer("Ann").await, city.admin().await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(OrderStatus::PickedUp).driver(&duy).create().await;
        for role in ["CUSTOMER", "MERCHANT", "ADMIN"] {
            set_role(&admin, &duy, role).await.expect_code("CONFLICT");
        }
        mutate(&duy, "deleteAccount", json!({})).await.expect_code("CONFLICT");
        let refused = city.run_command(&["admin", "--email", &duy.user().email]).await.expect_failure("@@");
        assert!(refused.contains("on the way"), "{refused}");
        let row = users::Entity::find_by_id(duy.user().id).one(city.db()).await.unwrap().unwrap();
        assert_eq!((row.role, row.is_active), (UserRole::Driver, true));
        duy.update_order_status(&order.id(), OrderStatus::Delivered).await.expect_success();
        set_role(&admin, &duy, "CUSTOMER").await.expect_success();
    }

    async fn a_driver_who_is_deactivated_is_assigned_nothing_and_leaves_to_admins_what_it_carries(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, admin) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.admin().await);
        let (duy, lan, eve) = (city.driver("Duy").await, city.driver("Lan").await, city.driver("Eve").await);
        let assigned = city.order(&ann, &restaurant).status(OrderStatus::Ready).driver(&duy).create().await;
        let carried = city.order(&ann, &restaurant).status(OrderStatus::PickedUp).driver(&lan).create().await;
        let waiting = city.order(&ann, &restaurant).status(OrderStatus::Ready).create().await;
        for driver in [&duy, &lan, &eve] {
            set_active(&admin, driver, false).await.expect_success();
        }
        expect_released(city, &assigned.id(), &duy, &admin).await;
        assert!(available(&staff, &restaurant.id()).await.is_empty());
        staff.assign_driver(&waiting.id(), &eve).await.expect_error("NOT_FOUND", "driverId");
        admin.assign_driver(&waiting.id(), &eve).await.expect_error("CONFLICT", "driverId");
        set_status(&admin, &eve, "AVAILABLE").await.expect_code("CONFLICT");

        assert_eq!(city.driver_status(&lan).await, DriverStatus::Busy);
        assert_eq!(city.order_row(&carried.id()).await.driver_id, Some(lan.driver().id));
        staff.update_order_status(&carried.id(), OrderStatus::Delivered).await.expect_code("FORBIDDEN");
        admin.update_order_status(&carried.id(), OrderStatus::Delivered).await.expect_success();
        assert_eq!(city.driver_status(&lan).await, DriverStatus::Offline);
    }

    async fn a_merchant_who_is_made_a_customer_runs_nothing_more(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (mai, admin) = (city.merchant_of(&restaurant).await, city.admin().await);
        city.order(&city.customer("Ann").await, &restaurant).create().await;
        let mut socket = Socket::of(&mai, city.server(), NEWER).await;
        let kitchen = "subscription($id: ID!) { restaurantOrderChanged(restaurantId: $id) { status } }";
        socket.subscribe("kitchen", kitchen, json!({ "id": restaurant.id() })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["restaurantOrderChanged"]["status"], "PENDING");

        // The restaurant is left without staff.
        set_role(&admin, &mai, "CUSTOMER").await.expect_success();
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "kitchen" }));
        let rename = json!({ "id": restaurant.id(), "name": "Mine" });
        mutate(&mai, "updateRestaurant", rename.clone()).await.expect_code("FORBIDDEN");
        assert!(mai.query("{ orders { nodes { id } } }", json!({})).await.list("/orders/nodes").is_empty());
        assert_eq!(restaurant_members::Entity::find().count(city.db()).await.unwrap(), 0);
        // A role alone gives nothing, and neither does a record alone.
        set_role(&admin, &mai, "MERCHANT").await.expect_success();
        mutate(&mai, "updateRestaurant", rename.clone()).await.expect_code("FORBIDDEN");
        let eve = city.customer("Eve").await;
        city.make_member(&eve, &restaurant).await;
        mutate(&eve, "updateRestaurant", rename.clone()).await.expect_code("FORBIDDEN");
        // Whoever is a driver, or an admin, may be staff too.
        let duy = city.driver("Duy").await;
        city.make_member(&duy, &restaurant).await;
        mutate(&duy, "updateRestaurant", rename).await.expect_success();
        set_role(&admin, &duy, "ADMIN").await.expect_success();
        assert_eq!(restaurant_members::Entity::find().count(city.db()).await.unwrap(), 2);
    }

    async fn a_driver_who_deletes_its_account_leaves_its_order_to_others(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy, ivo) = (city.customer("Ann").await, city.driver("Duy").await, city.driver("Ivo").await);
        let order = city.order(&ann, &restaurant).status(OrderStatus::Ready).driver(&duy).create().await;
        mutate(&duy, "deleteAccount", json!({})).await.expect_success();
        expect_released(city, &order.id(), &duy, &duy).await;
        ivo.assign_driver(&order.id(), &ivo).await.expect_success();
    }

    async fn of_a_dismissal_and_an_assignment_at_once_nobody_works_who_does_not(database: Database) {
        let arena = Arena::new(database).await;
        let (admin, staff) = (arena.city.admin().await, arena.city.merchant_of(&arena.restaurant).await);
        arena.rounds_of(48, async |round| {
            let duy = arena.city.driver("Duy").await;
            let assigned = arena.order(OrderStatus::Ready).await;
            let there = arena.there(&admin);
            let dismiss = async || match round % 2 {
                0 => set_role(&there, &duy, "CUSTOMER").await,
                _ => set_active(&there, &duy, false).await,
            };
            let refusals: &[&str] = &["CONFLICT", "NOT_FOUND", "UNAUTHENTICATED"];
            let id = assigned.id();
            let (dismissed, other) = match round % 3 {
                0 => tokio::join!(dismiss(), staff.assign_driver(&id, &duy)),
                1 => tokio::join!(dismiss(), duy.assign_driver(&id, &duy)),
                _ => {
                    duy.assign_driver(&id, &duy).await.expect_success();
                    tokio::join!(dismiss(), staff.cancel_order(&id))
                }
            };
            dismissed.expect_success();
            assert!(other.problems().iter().all(|problem| refusals.contains(&problem.code.as_str())), "{other}");
            assert_eq!(arena.city.driver_status(&duy).await, DriverStatus::Offline, "round {round}: {other}");
            let row = arena.city.order_row(&assigned.id()).await;
            assert!(row.driver_id.is_none() || row.status == OrderStatus::Cancelled, "round {round}: {row:?}");
        }).await;
    }

    async fn of_a_dismissal_and_a_pick_up_at_once_one_is_refused(database: Database) {
        let arena = Arena::new(database).await;
        let admin = arena.city.admin().await;
        arena.rounds_of(24, async |_| {
            let duy = arena.city.driver("Duy").await;
            let order = arena.city.order(&arena.customer, &arena.restaurant).status(OrderStatus::Ready).driver(&duy).create().await;
            let (there, id) = (arena.there(&admin), order.id());
            let (dismissed, picked_up) =
                tokio::join!(set_role(&there, &duy, "CUSTOMER"), duy.update_order_status(&id, OrderStatus::PickedUp));
            let row = arena.city.order_row(&order.id()).await;
            if dismissed.problems().is_empty() {
                assert!(!picked_up.problems().is_empty(), "{picked_up}");
                assert_eq!((row.status, row.driver_id), (OrderStatus::Ready, None));
                assert_eq!(arena.city.driver_status(&duy).await, DriverStatus::Offline);
            } else {
                dismissed.expect_code("CONFLICT");
                picked_up.expect_success();
                assert_eq!((row.status, row.driver_id), (OrderStatus::PickedUp, Some(duy.driver().id)));
                assert_eq!(arena.city.driver_status(&duy).await, DriverStatus::Busy);
            }
        }).await;
    }

    async fn an_account_that_is_deleted_at_the_same_moment_leaves_nothing_behind(database: Database) {
        let arena = Arena::new(database).await;
        let deleted = std::sync::Mutex::new(Vec::new());
        arena.rounds_of(60, async |round| {
            let secret = format!("Secret{round}End");
            let address = json!({ "line1": secret, "city": "Huế" });
            let mut basket = arena.restaurant.basket(&[(0, 1)]);
            basket["deliveryAddress"] = address.clone();
            let person = match round % 6 {
                0 | 3 | 4 => arena.city.customer(&secret).await,
                1 => arena.city.newcomer(&secret, UserRole::Customer).await,
                2 => arena.city.driver(&secret).await,
                _ => {
                    let person = arena.city.merchant(&secret).await;
                    arena.city.make_member(&person, &arena.restaurant).await;
                    person
                }
            };
            if round % 6 == 3 {
                arena.city.order(&person, &arena.restaurant).status(OrderStatus::Delivered).create().await;
            }
            let delete = async || mutate(&arena.there(&person), "deleteAccount", json!({})).await;
            let (gone, other) = match round % 6 {
                0 | 1 => tokio::join!(delete(), person.place_order(&basket)),
                2 => {
                    let input = json!({ "id": person.driver_id(), "name": format!("{secret} again") });
                    tokio::join!(delete(), mutate(&person, "updateDriver", input))
                }
                3 => {
                    let input = json!({ "restaurantId": arena.restaurant.id(), "rating": 5, "comment": secret });
                    tokio::join!(delete(), mutate(&person, "postReview", input))
                }
                4 => {
                    let input = json!({ "id": person.customer_id(), "addresses": [address] });
                    tokio::join!(delete(), mutate(&person, "updateCustomer", input))
                }
                _ => {
                    let input = json!({ "id": arena.restaurant.menu_id(), "name": "Menu" });
                    tokio::join!(delete(), mutate(&person, "updateMenu", input))
                }
            };
            let late = ["UNAUTHENTICATED", "NOT_FOUND", "FORBIDDEN", "CONFLICT"];
            assert!(other.problems().iter().all(|problem| late.contains(&problem.code.as_str())), "round {round}: {other}");
            if !gone.problems().is_empty() {
                // Its order came first.
                gone.expect_code("CONFLICT");
                other.expect_success();
                return;
            }
            deleted.lock().unwrap().push((secret, person));
        }).await;

        let city = &arena.city;
        let contents = city.contents().await;
        let deleted = deleted.into_inner().unwrap();
        assert!(deleted.len() >= 40, "{} were deleted", deleted.len());
        for (secret, person) in &deleted {
            let found: Vec<_> = contents.iter().filter(|(_, rows)| rows.iter().any(|row| row.to_lowercase().contains(&secret.to_lowercase()))).map(|(table, _)| table).collect();
            assert!(found.is_empty(), "{secret} is still in {found:?}");
            let user = row_number(&person.user_id());
            let told = audit_events::Entity::find()
                .filter(audit_events::Column::ActorId.eq(user))
                .filter(audit_events::Column::Address.is_not_null());
            assert_eq!(told.count(city.db()).await.unwrap(), 0, "from where {secret} acted is still told");
        }
        let live = orders::Entity::find()
            .filter(orders::Column::Status.eq(OrderStatus::Pending))
            .filter(Expr::cust("customer_id in (select id from customers where name = 'Deleted customer')"));
        assert_eq!(live.count(city.db()).await.unwrap(), 0, "there are orders of nobody");
    }
}
