//! Users, customers and drivers: which of their data are shown to whom, and what drivers do.

use chrono::{DateTime, TimeDelta, Utc};
use entity::sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole};
use serde_json::{Value, json};
use tiffin_tests::{Answer, Person, both_databases};

/// Which of some fields are shown: the others are null, without an error.
fn shown(answer: &Answer, object: &str, fields: &[&str]) -> Vec<bool> {
    fields.iter().map(|field| !answer.at(&format!("/{object}/{field}")).is_null()).collect()
}

async fn customer_of(viewer: &Person, customer: &Person) -> Answer {
    let document = "query($id: ID!) { customer(id: $id) { name email phone addresses { city } } }";
    viewer.query(document, json!({"id": customer.customer_id()})).await
}

async fn driver_of(viewer: &Person, driver: &Person) -> Answer {
    let document = "query($id: ID!) { driver(id: $id) { name status phone licenseNumber location { lat lng } } }";
    viewer.query(document, json!({"id": driver.driver_id()})).await
}

async fn found(viewer: &Person, list: &str, search: &str) -> Vec<String> {
    let document = format!("query($search: String) {{ {list}(first: 100, search: $search) {{ nodes {{ name }} }} }}");
    let answer = viewer.query(&document, json!({"search": search})).await;
    let names = answer.list(&format!("/{list}/nodes")).iter().map(|node| node["name"].as_str().unwrap_or_default());
    names.map(str::to_owned).collect()
}

async fn set_status(viewer: &Person, driver: &Person, status: &str) -> Answer {
    let document = "mutation($id: ID!, $status: DriverStatus!) {
        setDriverStatus(input: {driverId: $id, status: $status}) { driver { status } } }";
    viewer.query(document, json!({"id": driver.driver_id(), "status": status})).await
}

async fn move_to(viewer: &Person, input: Value) -> Answer {
    let document = "mutation($input: UpdateDriverLocationInput!) { updateDriverLocation(input: $input) {
        location { lat lng heading speed recordedAt driver { id } } } }";
    viewer.query(document, json!({"input": input})).await
}

const PERSONAL: [&str; 3] = ["email", "phone", "addresses"];
const OF_DRIVERS: [&str; 3] = ["phone", "licenseNumber", "location"];

both_databases! {
    async fn me_is_who_asks(city: &City) {
        let restaurant = city.restaurant().named("Phở Thìn").inactive().create().await;
        let (ann, merchant, driver) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.driver("Duy").await);
        let newcomer = city.newcomer("Nam", UserRole::Customer).await;
        let document = "{ me { id email name role isActive emailVerified customer { name } driver { name } restaurants { name } } }";
        let me = async |person: &Person| person.query(document, json!({})).await.at("/me").clone();
        let who = |person: &Person, role, customer: Value, driver: Value, restaurants: Value| {
            json!({"id": person.user_id(), "email": person.user().email, "name": person.user().name, "role": role,
                "isActive": true, "emailVerified": false, "customer": customer, "driver": driver, "restaurants": restaurants})
        };
        let nobody = Value::Null;
        assert_eq!(me(&city.anonymous()).await, nobody);
        assert_eq!(me(&ann).await, who(&ann, "CUSTOMER", json!({"name": "Ann"}), Value::Null, json!([])));
        assert_eq!(me(&driver).await, who(&driver, "DRIVER", Value::Null, json!({"name": "Duy"}), json!([])));
        let hers = json!([{"name": "Phở Thìn"}]);
        assert_eq!(me(&merchant).await, who(&merchant, "MERCHANT", Value::Null, Value::Null, hers));
        assert_eq!(me(&newcomer).await, who(&newcomer, "CUSTOMER", Value::Null, Value::Null, json!([])));
    }

    async fn users_are_seen_by_admins_and_otherwise_by_themselves(city: &City) {
        let (ann, admin) = (city.customer("Ann").await, city.admin().await);
        city.driver("Đặng").await;
        city.merchant("Mai").await;
        let document = "query($role: Role) { users(first: 100, role: $role) { totalCount nodes { name } } }";
        let seen = async |person: &Person, role: Value| {
            let answer = person.query(document, json!({"role": role})).await;
            let names: Vec<String> = answer.list("/users/nodes").iter().map(|user| user["name"].as_str().unwrap_or_default().to_owned()).collect();
            assert_eq!(answer.at("/users/totalCount"), names.len());
            names
        };
        assert_eq!(seen(&admin, Value::Null).await, ["Ann", "Ada", "Đặng", "Mai"]);
        assert_eq!(seen(&admin, json!("DRIVER")).await, ["Đặng"]);
        assert_eq!(seen(&ann, Value::Null).await, ["Ann"]);
        assert!(seen(&ann, json!("ADMIN")).await.is_empty());
        assert!(seen(&city.anonymous(), Value::Null).await.is_empty());
        assert_eq!(found(&admin, "users", "DANG").await, ["Đặng"]);
        assert_eq!(found(&admin, "users", &ann.user().email.to_uppercase()).await, ["Ann"]);
        assert!(found(&ann, "users", "dang").await.is_empty());
    }

    async fn a_customer_is_shown_to_whom_an_order_under_way_concerns(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy, merchant) = (city.customer("Ann").await, city.driver("Duy").await, city.merchant_of(&restaurant).await);
        let past = city.restaurant().with_dishes(1).create().await;
        let (dan, past_merchant) = (city.driver("Dan").await, city.merchant_of(&past).await);
        let stranger = city.merchant_of(&city.restaurant().create().await).await;
        city.order(&ann, &past).status(OrderStatus::Delivered).driver(&dan).create().await;
        let strangers = [city.anonymous(), city.customer("Ben").await, stranger, city.driver("Eve").await];
        for viewer in strangers.iter().chain([&merchant, &duy]) {
            customer_of(viewer, &ann).await.expect_code("NOT_FOUND");
        }
        city.order(&ann, &restaurant).status(OrderStatus::Ready).driver(&duy).create().await;
        for viewer in &strangers {
            customer_of(viewer, &ann).await.expect_code("NOT_FOUND");
        }
        for viewer in [&ann, &city.admin().await] {
            assert_eq!(shown(&customer_of(viewer, &ann).await, "customer", &PERSONAL), [true, true, true]);
        }
        for viewer in [&merchant, &duy] {
            assert_eq!(shown(&customer_of(viewer, &ann).await, "customer", &PERSONAL), [false, true, false]);
        }
        for viewer in [&past_merchant, &dan] {
            let answer = customer_of(viewer, &ann).await;
            assert_eq!(shown(&answer, "customer", &PERSONAL), [false, false, false], "the order is long delivered");
            assert_eq!(answer.partial("/customer/name"), "Ann");
        }
    }

    async fn an_order_that_waits_for_a_driver_does_not_show_the_customers_phone(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        city.order(&ann, &restaurant).status(OrderStatus::Ready).create().await;
        let document = "{ claimableOrders { nodes { customer { name phone } deliveryAddress { line1 } } } }";
        let answer = duy.query(document, json!({})).await;
        assert_eq!(answer.at("/claimableOrders/nodes/0/customer"), &json!({"name": "Ann", "phone": null}));
        for viewer in [city.anonymous(), ann, city.merchant_of(&restaurant).await] {
            assert_eq!(viewer.query(document, json!({})).await.at("/claimableOrders/nodes"), &json!([]));
        }
    }

    async fn searching_customers_does_not_tell_their_e_mail(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (merchant, admin) = (city.merchant_of(&restaurant).await, city.admin().await);
        let (dang, ben) = (city.customer("Đặng Ánh").await, city.customer("Ben").await);
        city.order(&dang, &restaurant).create().await;
        let email = &dang.customer().email;
        assert_eq!(found(&admin, "customers", &email.to_uppercase()).await, ["Đặng Ánh"]);
        assert_eq!(found(&admin, "customers", "EXAMPLE.com").await.len(), 2);
        assert_eq!(found(&admin, "customers", "%").await.len(), 0);
        assert_eq!(found(&merchant, "customers", "DANG").await, ["Đặng Ánh"]);
        for part in [email.as_str(), "@", "example", "com"] {
            assert!(found(&merchant, "customers", part).await.is_empty(), "{part} finds nobody by e-mail");
        }
        assert_eq!(found(&merchant, "customers", "").await, ["Đặng Ánh"], "only its own customers");
        assert_eq!(found(&ben, "customers", "").await, ["Ben"]);
        assert!(found(&city.anonymous(), "customers", "").await.is_empty());
        // Nor after the profile was changed through the API.
        let rename = "mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"Kim\"}) { customer { name } } }";
        dang.query(rename, json!({"id": dang.customer_id()})).await.expect_success();
        assert_eq!(found(&merchant, "customers", "kim").await, ["Kim"]);
        assert!(found(&merchant, "customers", "example").await.is_empty());
        assert!(found(&merchant, "customers", "dang").await.is_empty());
    }

    async fn a_customer_changes_its_own_profile(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben, merchant) = (city.customer("Ann").await, city.customer("Ben").await, city.merchant_of(&restaurant).await);
        city.order(&ann, &restaurant).create().await;
        let update = async |viewer: &Person, input: Value| {
            let document = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) {
                customer { name phone addresses { label line1 city location { lat } } } } }";
            viewer.query(document, json!({"input": input})).await
        };
        let id = ann.customer_id();
        let home = json!({"line1": "5 Hill Road", "city": "Huế", "location": {"lat": 16.4, "lng": 107.5}});
        let changed = update(&ann, json!({"id": id, "name": "Anh", "addresses": [home]})).await;
        let phone = ann.customer().phone.clone();
        assert_eq!(changed.at("/updateCustomer/customer"), &json!({"name": "Anh", "phone": phone,
            "addresses": [{"label": null, "line1": "5 Hill Road", "city": "Huế", "location": {"lat": 16.4}}]}));
        let cleared = update(&ann, json!({"id": id, "phone": null, "addresses": null})).await;
        assert_eq!(cleared.at("/updateCustomer/customer"), &json!({"name": "Anh", "phone": null, "addresses": null}));
        update(&ann, json!({"id": id, "name": null})).await.expect_error("BAD_USER_INPUT", "name");
        update(&city.admin().await, json!({"id": id, "phone": "+1"})).await.expect_success();
        update(&city.anonymous(), json!({"id": id})).await.expect_code("UNAUTHENTICATED");
        update(&ben, json!({"id": id})).await.expect_error("NOT_FOUND", "id");
        update(&merchant, json!({"id": id})).await.expect_code("FORBIDDEN");
    }

    async fn a_driver_is_shown_to_whom_it_carries_for(city: &City) {
        let restaurant = city.restaurant().located_at(21.0, 105.8).with_dishes(1).create().await;
        let other = city.restaurant().create().await;
        let duy = city.new_driver("Duy").located_at(21.01, 105.81).create().await;
        let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
        let (merchant, other_merchant, admin) = (city.merchant_of(&restaurant).await, city.merchant_of(&other).await, city.admin().await);
        city.order(&ben, &restaurant).status(OrderStatus::Delivered).driver(&duy).create().await;
        for viewer in [&city.anonymous(), &ann, &city.driver("Eve").await] {
            driver_of(viewer, &duy).await.expect_code("NOT_FOUND");
        }
        let answer = driver_of(&other_merchant, &duy).await;
        assert_eq!(shown(&answer, "driver", &OF_DRIVERS), [false, false, false], "AVAILABLE ones are known to merchants");
        let order = city.order(&ann, &restaurant).status(OrderStatus::PickedUp).driver(&duy).create().await;
        driver_of(&other_merchant, &duy).await.expect_code("NOT_FOUND");
        for viewer in [&duy, &admin] {
            assert_eq!(shown(&driver_of(viewer, &duy).await, "driver", &OF_DRIVERS), [true, true, true]);
        }
        for viewer in [&ann, &merchant] {
            assert_eq!(shown(&driver_of(viewer, &duy).await, "driver", &OF_DRIVERS), [true, false, true]);
        }
        assert_eq!(shown(&driver_of(&ben, &duy).await, "driver", &OF_DRIVERS), [false, false, false], "its order is over");
        let deliver = "mutation($id: ID!) { updateOrderStatus(input: {orderId: $id, status: DELIVERED}) { order { status } } }";
        duy.query(deliver, json!({"id": order.id()})).await.expect_success();
        for viewer in [&ann, &merchant] {
            assert_eq!(shown(&driver_of(viewer, &duy).await, "driver", &OF_DRIVERS), [false, false, false], "until it is final");
        }
    }

    async fn available_drivers_come_nearest_first(city: &City) {
        let restaurant = city.restaurant().located_at(21.0, 105.8).create().await;
        let elsewhere = city.restaurant().located_at(10.77, 106.7).create().await;
        for (name, place) in [("Far", Some((10.8, 106.7))), ("Near", Some((21.001, 105.8))), ("Lost", None), ("Middle", Some((21.0, 105.9)))] {
            let driver = city.new_driver(name);
            match place {
                Some((lat, lng)) => driver.located_at(lat, lng).create().await,
                None => driver.create().await,
            };
        }
        city.new_driver("Off").status(DriverStatus::Offline).located_at(21.0, 105.8).create().await;
        city.new_driver("Busy").status(DriverStatus::Busy).located_at(21.0, 105.8).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        city.make_member(&merchant, &elsewhere).await;
        let document = "query($id: ID!) { restaurant(id: $id) { availableDrivers { name } } }";
        let nearby = async |restaurant: String| {
            let answer = merchant.query(document, json!({"id": restaurant})).await;
            let names = answer.list("/restaurant/availableDrivers").iter().map(|driver| driver["name"].as_str().unwrap_or_default());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(nearby(restaurant.id()).await, ["Near", "Middle", "Far", "Lost"]);
        assert_eq!(nearby(elsewhere.id()).await, ["Far", "Middle", "Near", "Lost"]);
        // Of each restaurant's nearest so many, in one statement, and no more are read.
        let two = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Restaurant { availableDrivers(first: 2) { name } } } }";
        let nearest = merchant.query(two, json!({"ids": [restaurant.id(), elsewhere.id()]}));
        let (answer, statements) = city.server().statements_during(nearest).await;
        let names = |names: [&str; 2]| json!({"availableDrivers": names.map(|name| json!({"name": name}))});
        assert_eq!(answer.at("/nodes"), &json!([names(["Near", "Middle"]), names(["Far", "Middle"])]));
        // Who asks, the restaurants, their drivers.
        assert_eq!(statements.count(), 3, "{statements}");
        assert!(statements.rows() <= 2 + 2 + 4, "{statements}");
        let refused = merchant.query("query($id: ID!) { restaurant(id: $id) { availableDrivers(first: 501) { name } } }", json!({"id": restaurant.id()})).await;
        refused.expect_error("BAD_USER_INPUT", "first");
        for viewer in [city.anonymous(), city.customer("Ann").await, city.driver("Duy").await] {
            let hidden = viewer.query(document, json!({"id": restaurant.id()})).await;
            assert_eq!(hidden.at("/restaurant/availableDrivers"), &Value::Null);
        }
    }

    async fn a_driver_starts_and_ends_its_work_unless_it_carries_an_order(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let duy = city.new_driver("Duy").status(DriverStatus::Offline).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        assert_eq!(set_status(&duy, &duy, "AVAILABLE").await.text("/setDriverStatus/driver/status"), "AVAILABLE");
        assert_eq!(set_status(&duy, &duy, "AVAILABLE").await.text("/setDriverStatus/driver/status"), "AVAILABLE");
        assert_eq!(set_status(&city.admin().await, &duy, "OFFLINE").await.text("/setDriverStatus/driver/status"), "OFFLINE");
        set_status(&duy, &duy, "BUSY").await.expect_error("BAD_USER_INPUT", "status");
        set_status(&city.anonymous(), &duy, "AVAILABLE").await.expect_code("UNAUTHENTICATED");
        for viewer in [city.customer("Ann").await, city.driver("Dan").await, merchant.clone()] {
            set_status(&viewer, &duy, "AVAILABLE").await.expect_code("NOT_FOUND");
        }
        set_status(&duy, &duy, "AVAILABLE").await.expect_success();
        set_status(&merchant, &duy, "OFFLINE").await.expect_code("FORBIDDEN");
        city.order(&city.customer("Ben").await, &restaurant).status(OrderStatus::Ready).driver(&duy).create().await;
        for status in ["OFFLINE", "AVAILABLE"] {
            set_status(&duy, &duy, status).await.expect_code("CONFLICT");
        }
        assert_eq!(driver_of(&duy, &duy).await.text("/driver/status"), "BUSY");
    }

    async fn an_older_place_never_replaces_a_newer_one(city: &City) {
        let duy = city.driver("Duy").await;
        assert_eq!(driver_of(&duy, &duy).await.at("/driver/location"), &Value::Null);
        let now: DateTime<Utc> = Utc::now();
        let ago = |seconds| (now - TimeDelta::seconds(seconds)).to_rfc3339();
        let first = move_to(&duy, json!({"lat": 21.0, "lng": 105.8, "heading": 90.5, "speed": 4.2, "recordedAt": ago(60)})).await;
        let place = first.at("/updateDriverLocation/location");
        assert_eq!((&place["lat"], &place["lng"], &place["heading"], &place["speed"]), (&json!(21.0), &json!(105.8), &json!(90.5), &json!(4.2)));
        assert_eq!(place["driver"]["id"], duy.driver_id());
        let older = move_to(&duy, json!({"lat": 10.0, "lng": 10.0, "recordedAt": ago(61)})).await;
        assert_eq!(older.at("/updateDriverLocation/location"), place, "the newer one stays, and is the answer");
        assert_eq!(driver_of(&duy, &duy).await.at("/driver/location"), &json!({"lat": 21.0, "lng": 105.8}));
        let newer = move_to(&duy, json!({"lat": -33.12345678, "lng": 151.5, "recordedAt": ago(59)})).await;
        let place = newer.at("/updateDriverLocation/location");
        assert_eq!((&place["lat"], &place["heading"], &place["speed"]), (&json!(-33.12345678), &Value::Null, &Value::Null));
        let latest = move_to(&duy, json!({"lat": 1, "lng": 2})).await;
        let recorded: DateTime<Utc> = latest.get("/updateDriverLocation/location/recordedAt");
        assert!(recorded >= now - TimeDelta::seconds(1), "now, where nothing is said");
        assert_eq!(driver_of(&duy, &duy).await.at("/driver/location"), &json!({"lat": 1.0, "lng": 2.0}));
    }

    async fn only_drivers_tell_where_they_are_and_only_possible_places(city: &City) {
        let duy = city.driver("Duy").await;
        let here = json!({"lat": 21.0, "lng": 105.8});
        move_to(&city.anonymous(), here.clone()).await.expect_code("UNAUTHENTICATED");
        for viewer in [city.customer("Ann").await, city.merchant("Mai").await, city.admin().await] {
            move_to(&viewer, here.clone()).await.expect_code("FORBIDDEN");
        }
        let hours = |hours| json!((Utc::now() + TimeDelta::hours(hours)).to_rfc3339());
        for (field, value) in [
            ("lat", json!(90.1)), ("lat", json!(-91)), ("lng", json!(180.5)), ("lng", json!(-1e300)), ("heading", json!(361)),
            ("heading", json!(-2)), ("speed", json!(-0.1)), ("speed", json!(151)), ("recordedAt", hours(1)), ("recordedAt", hours(-25)),
        ] {
            let mut input = here.clone();
            input[field] = value;
            move_to(&duy, input).await.expect_error("BAD_USER_INPUT", field);
        }
        for edge in [json!({"lat": 90, "lng": 180}), json!({"lat": -90, "lng": -180, "heading": 360, "speed": 0})] {
            move_to(&duy, edge).await.expect_success();
        }
    }

    async fn admins_make_drivers_and_drivers_change_themselves(city: &City) {
        let admin = city.admin().await;
        let input = json!({"email": "duy@example.com", "name": "Duy", "phone": "+84 1", "licenseNumber": "29-A1", "vehicleType": "Scooter"});
        let create = async |viewer: &Person, input: Value| {
            let document = "mutation($input: CreateDriverInput!) { createDriver(input: $input) { driver { id name phone status vehicleType } } }";
            viewer.query(document, json!({"input": input})).await
        };
        let created = create(&admin, input.clone()).await;
        let driver = created.at("/createDriver/driver");
        let id = driver["id"].clone();
        assert_eq!(driver, &json!({"id": id, "name": "Duy", "phone": "+84 1", "status": "OFFLINE", "vehicleType": "Scooter"}));
        let users = admin.query("{ users(role: DRIVER) { nodes { email driver { id } } } }", json!({})).await;
        assert_eq!(users.at("/users/nodes"), &json!([{"email": "duy@example.com", "driver": {"id": id}}]));
        let fresh = json!({"email": "dan@example.com", "name": "Dan", "phone": "+84 2", "licenseNumber": "29-A2", "vehicleType": "Bike"});
        for (field, taken) in [("email", "DUY@example.com"), ("phone", "+84 1"), ("licenseNumber", "29-A1")] {
            let mut input = fresh.clone();
            input[field] = json!(taken);
            create(&admin, input).await.expect_error("CONFLICT", field);
        }
        create(&city.anonymous(), fresh.clone()).await.expect_code("UNAUTHENTICATED");
        let duy = city.driver("Dung").await;
        for viewer in [&duy, &city.merchant("Mai").await, &city.customer("Ann").await] {
            create(viewer, fresh.clone()).await.expect_code("FORBIDDEN");
        }
        create(&admin, fresh).await.expect_success();

        let update = async |viewer: &Person, input: Value| {
            let document = "mutation($input: UpdateDriverInput!) { updateDriver(input: $input) { driver { name vehicleType phone } } }";
            viewer.query(document, json!({"input": input})).await
        };
        let own = duy.driver_id();
        let changed = update(&duy, json!({"id": own, "vehicleType": "Car"})).await;
        assert_eq!(changed.at("/updateDriver/driver"), &json!({"name": "Dung", "vehicleType": "Car", "phone": duy.driver().phone}));
        update(&duy, json!({"id": own, "phone": "+84 1"})).await.expect_error("CONFLICT", "phone");
        update(&duy, json!({"id": own, "name": null})).await.expect_error("BAD_USER_INPUT", "name");
        update(&duy, json!({"id": id, "name": "Me"})).await.expect_error("NOT_FOUND", "id");
        update(&admin, json!({"id": id, "name": "Đuy"})).await.expect_success();
    }
}
