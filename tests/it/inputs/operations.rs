//! Every field that takes values, with valid arguments, into which one bad value is put.

use entity::sea_orm_active_enums::{AccountTokenPurpose, DriverStatus, OrderStatus};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, OpenIdProvider, Person, global_id};

use super::schema::Schema;

/// A field with good arguments, and somebody who may use it.
pub struct Operation {
    pub field: &'static str,
    person: Person,
    pub arguments: Value,
    /// What stands around a field that is at no root.
    around: Option<String>,
}

/// How values reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Variables,
    Document,
}

impl Operation {
    /// Sends the field with these arguments; `verbatim` replaces the marker in them.
    pub async fn run(&self, schema: &Schema, arguments: &Value, form: Form, verbatim: &str) -> Answer {
        let (mut declared, mut given) = (Vec::new(), Vec::new());
        for (argument, value) in arguments.as_object().expect("arguments are an object") {
            let ty = schema.argument(self.field, argument);
            match form {
                Form::Variables => {
                    declared.push(format!("${argument}: {ty}"));
                    given.push(format!("{argument}: ${argument}"));
                }
                Form::Document => given.push(format!("{argument}: {}", schema.literal(value, Some(&ty), verbatim))),
            }
        }
        let variables = if form == Form::Variables { arguments.clone() } else { json!({}) };
        self.send(schema, &declared, &given, variables).await
    }

    /// Sends the field with a variable for an argument, and no value for the variable.
    pub async fn run_without(&self, schema: &Schema, argument: &str) -> Answer {
        let declared = format!("${argument}: {}", schema.argument(self.field, argument));
        self.send(schema, &[declared], &[format!("{argument}: ${argument}")], json!({})).await
    }

    async fn send(&self, schema: &Schema, declared: &[String], given: &[String], variables: Value) -> Answer {
        let (kind, name) = self.field.split_once('.').expect("a field is named with its type");
        let in_brackets =
            |list: &[String]| if list.is_empty() { String::new() } else { format!("({})", list.join(", ")) };
        let selection = if schema.has_selection(self.field) { " { __typename }" } else { "" };
        let field = format!("{name}{}{selection}", in_brackets(given));
        let field = self.around.as_ref().map_or(field.clone(), |around| around.replace('@', &field));
        let root = match kind {
            "Mutation" | "Subscription" => kind.to_lowercase(),
            _ => "query".to_owned(),
        };
        let document = format!("{root}{} {{ {field} }}", in_brackets(declared));
        match kind {
            "Subscription" => self.person.subscribe(&document, variables).await.first_answer().await,
            _ => self.person.query(&document, variables).await,
        }
    }
}

/// Every field of the schema that takes values. The order is one in which all of them succeed, each once.
pub async fn operations(city: &City, provider: &OpenIdProvider) -> Vec<Operation> {
    let mut operations = reading(city).await;
    operations.extend(of_restaurants(city).await);
    operations.extend(of_orders(city).await);
    operations.extend(of_people(city).await);
    operations.extend(of_accounts(city).await);
    operations.extend(of_openid(city, provider).await);
    operations.extend(of_staff(city).await);
    operations.extend(of_jobs(city).await);
    operations
}

fn at_root(field: &'static str, person: &Person, arguments: Value) -> Operation {
    Operation { field, person: person.clone(), arguments, around: None }
}

fn below(field: &'static str, person: &Person, around: String) -> Operation {
    Operation { field, person: person.clone(), arguments: json!({}), around: Some(around) }
}

async fn reading(city: &City) -> Vec<Operation> {
    let restaurant = city.restaurant().with_dishes(1).create().await;
    let (admin, ann, driver) = (city.admin().await, city.customer("Ann").await, city.driver("Duy").await);
    let order = city.order(&ann, &restaurant).status(OrderStatus::Ready).driver(&driver).create().await;
    let lists =
        ["users", "auditEvents", "jobs", "restaurants", "dishes", "orders", "claimableOrders", "customers", "drivers"];
    let field = |name: &str| -> &'static str { format!("Query.{name}").leak() };
    let mut operations: Vec<_> = lists.iter().map(|name| at_root(field(name), &admin, json!({}))).collect();
    let ids = [
        ("node", restaurant.id()),
        ("restaurant", restaurant.id()),
        ("dish", restaurant.dish_id(0)),
        ("order", order.id()),
        ("customer", ann.customer_id()),
        ("driver", driver.driver_id()),
    ];
    operations.extend(ids.map(|(name, id)| at_root(field(name), &admin, json!({"id": id}))));
    operations.push(at_root("Query.nodes", &admin, json!({"ids": [restaurant.id()]})));
    let mut basket = restaurant.basket(&[(0, 2)]);
    basket["deliveryAddress"] = address();
    operations.push(at_root("Query.orderQuote", &ann, json!({"input": basket})));
    let in_restaurant = format!("restaurant(id: \"{}\") {{ @ }}", restaurant.id());
    let of_restaurants = [
        "Restaurant.reviews",
        "Restaurant.orders",
        "Restaurant.revenue",
        "Restaurant.availableDrivers",
        "Restaurant.members",
    ];
    for name in of_restaurants {
        operations.push(below(name, &admin, in_restaurant.clone()));
    }
    let in_menu = format!("restaurant(id: \"{}\") {{ menu {{ @ }} }}", restaurant.id());
    operations.push(below("Menu.dishes", &admin, in_menu));
    for name in ["Customer.orders", "Customer.reviews", "Customer.favourites"] {
        operations.push(below(name, &admin, format!("customer(id: \"{}\") {{ @ }}", ann.customer_id())));
    }
    operations.push(at_root("Query.sessions", &ann, json!({})));
    operations.push(below("User.restaurants", &ann, "me { @ }".to_owned()));
    operations.push(below("Order.events", &ann, format!("order(id: \"{}\") {{ @ }}", order.id())));
    for (name, person) in [
        ("PersonalData.orders", &ann),
        ("PersonalData.reviews", &ann),
        ("PersonalData.favourites", &ann),
        ("PersonalData.sessions", &ann),
        ("PersonalData.auditEvents", &ann),
        ("PersonalData.memberships", &ann),
        ("PersonalData.routes", &driver),
    ] {
        operations.push(below(name, person, "personalData { @ }".to_owned()));
    }
    operations.push(below("Driver.orders", &admin, format!("driver(id: \"{}\") {{ @ }}", driver.driver_id())));
    city.order(&ann, &restaurant).status(OrderStatus::Ready).create().await;
    city.review(&ann, &restaurant).create().await;
    operations.extend([
        at_root("Subscription.orderStatusChanged", &ann, json!({"orderId": order.id()})),
        at_root("Subscription.restaurantOrderChanged", &admin, json!({"restaurantId": restaurant.id()})),
        at_root("Subscription.driverOrderChanged", &driver, json!({})),
        at_root("Subscription.myOrdersChanged", &ann, json!({})),
        at_root(
            "Subscription.ordersChanged",
            &admin,
            json!({"filter": {"restaurantIds": [restaurant.id()], "status": ["READY"]}}),
        ),
        at_root("Subscription.claimableOrdersChanged", &driver, json!({})),
        at_root("Subscription.reviewPosted", &ann, json!({"restaurantId": restaurant.id()})),
    ]);
    let located = city.new_driver("Lan").located_at(21.0, 105.8).create().await;
    let carried = city.order(&ann, &restaurant).status(OrderStatus::Ready).driver(&located).create().await;
    operations.push(at_root("Subscription.driverLocationChanged", &ann, json!({"orderId": carried.id()})));
    operations
}

async fn of_restaurants(city: &City) -> Vec<Operation> {
    let restaurant = city.restaurant().with_dishes(2).create().await;
    let merchant = city.merchant_of(&restaurant).await;
    let location = json!({"lat": 21.03, "lng": 105.85});
    let described = json!({
        "name": "Phở Thìn", "address": "13 Lò Đúc", "phone": "+84 24 3821 2709", "cuisineType": "Vietnamese",
        "currency": "USD", "deliveryFee": "1.50", "taxRate": "0.08", "location": location,
        "menuName": "Phở", "menuDescription": "Since 1979",
    });
    let changed = json!({
        "id": restaurant.id(), "name": "Phở Thìn", "address": "13 Lò Đúc", "phone": "+84 24 3821 2709",
        "cuisineType": "Vietnamese", "deliveryFee": "1.50", "taxRate": "0.08", "location": location, "isActive": true,
    });
    let dish = json!({
        "name": "Phở tái lăn", "description": "With garlic", "price": "4.50", "category": "Soups",
        "imageUrl": "https://example.com/pho.jpg", "isAvailable": true,
    });
    let with_id = |name: &str, id: String| {
        let mut dish = dish.clone();
        dish[name] = id.into();
        json!({"input": dish})
    };
    let menu = json!({"id": restaurant.menu_id(), "name": "Phở", "description": "Since 1979"});
    vec![
        at_root("Mutation.createRestaurant", &merchant, json!({"input": described})),
        at_root("Mutation.updateRestaurant", &merchant, json!({"input": changed})),
        at_root("Mutation.updateMenu", &merchant, json!({"input": menu})),
        at_root("Mutation.createDish", &merchant, with_id("menuId", restaurant.menu_id())),
        at_root("Mutation.updateDish", &merchant, with_id("id", restaurant.dish_id(0))),
        at_root("Mutation.deleteDish", &merchant, json!({"input": {"id": restaurant.dish_id(1)}})),
        at_root("Mutation.deactivateRestaurant", &merchant, json!({"input": {"id": restaurant.id()}})),
    ]
}

async fn of_orders(city: &City) -> Vec<Operation> {
    let restaurant = city.restaurant().with_dishes(2).create().await;
    let (merchant, driver) = (city.merchant_of(&restaurant).await, city.driver("Duy").await);
    let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
    let order = async |status| city.order(&ann, &restaurant).status(status).create().await.id();
    let mut basket = restaurant.basket(&[(0, 2), (1, 1)]);
    basket["deliveryAddress"] = address();
    basket["idempotencyKey"] = "5b1f0d9c-2f1e-4b7e-9a53-1f0c5a1d2e3f".into();
    let step = json!({"orderId": order(OrderStatus::Pending).await, "status": "CONFIRMED", "note": "In 20 minutes"});
    let cancel = json!({"orderId": order(OrderStatus::Pending).await, "reason": "A mistake"});
    let assigned = order(OrderStatus::Ready).await;
    let assign = json!({"orderId": assigned, "driverId": driver.driver_id()});
    let release = json!({"orderId": assigned, "reason": "A flat tyre"});
    order(OrderStatus::Delivered).await;
    let other = city.restaurant().create().await;
    let written = city.review(&ben, &other).create().await.id();
    let deleted = city.review(&ben, &restaurant).create().await.id();
    let review = json!({"restaurantId": restaurant.id(), "rating": 5, "comment": "Worth the way"});
    vec![
        at_root("Mutation.placeOrder", &ann, json!({"input": basket})),
        at_root("Mutation.updateOrderStatus", &merchant, json!({"input": step})),
        at_root("Mutation.cancelOrder", &ann, json!({"input": cancel})),
        at_root("Mutation.assignDriver", &merchant, json!({"input": assign})),
        at_root("Mutation.releaseDriver", &merchant, json!({"input": release})),
        at_root("Mutation.postReview", &ann, json!({"input": review})),
        at_root("Mutation.updateReview", &ben, json!({"input": {"id": written, "rating": 4, "comment": "Still good"}})),
        at_root("Mutation.deleteReview", &ben, json!({"input": {"id": deleted}})),
    ]
}

async fn of_people(city: &City) -> Vec<Operation> {
    let (admin, ann) = (city.admin().await, city.customer("Ann").await);
    let driver = city.new_driver("Duy").status(DriverStatus::Offline).create().await;
    let profile = json!({
        "id": ann.customer_id(), "name": "Ann", "reviewName": "Ann who eats", "phone": "+1 555 0199", "addresses": [address()],
    });
    let new = json!({
        "email": "lan@example.com", "name": "Lan", "phone": "+84 90 000 0001", "licenseNumber": "29-A1 123.45",
        "vehicleType": "Motorbike",
    });
    let changed =
        json!({"id": driver.driver_id(), "name": "Duy", "phone": "+84 90 000 0002", "vehicleType": "Bicycle"});
    let position = json!({
        "lat": 21.03, "lng": 105.85, "heading": 90.5, "speed": 4.2, "recordedAt": chrono::Utc::now().to_rfc3339(),
    });
    let kept = city.restaurant().with_dishes(1).create().await;
    let ben = city.customer("Ben").await;
    let added = json!({"customerId": ben.customer_id(), "address": address()});
    let own = ben.query("{ me { customer { addresses { id } } } }", json!({})).await;
    let own = own.at("/me/customer/addresses/0/id").clone();
    vec![
        at_root("Mutation.updateCustomer", &ann, json!({"input": profile})),
        at_root("Mutation.addCustomerAddress", &ben, json!({"input": added})),
        at_root("Mutation.updateCustomerAddress", &ben, json!({"input": {"id": own, "address": address()}})),
        at_root("Mutation.removeCustomerAddress", &ben, json!({"input": {"id": own}})),
        at_root("Mutation.addFavourite", &ben, json!({"input": {"id": kept.dish_id(0)}})),
        at_root("Mutation.removeFavourite", &ben, json!({"input": {"id": kept.dish_id(0)}})),
        at_root("Mutation.createDriver", &admin, json!({"input": new})),
        at_root("Mutation.updateDriver", &driver, json!({"input": changed})),
        at_root(
            "Mutation.setDriverStatus",
            &driver,
            json!({"input": {"driverId": driver.driver_id(), "status": "AVAILABLE"}}),
        ),
        at_root("Mutation.updateDriverLocation", &driver, json!({"input": position})),
        at_root("Mutation.updateDriverLocations", &driver, json!({"input": {"locations": [position]}})),
    ]
}

async fn of_accounts(city: &City) -> Vec<Operation> {
    const PASSWORD: &str = "a long enough password";
    let (anonymous, ann, ben) = (city.anonymous(), city.customer("Ann").await, city.customer("Ben").await);
    let new = |email: &str| json!({"email": email, "password": PASSWORD, "name": "Eve", "phone": "+1 555 0198"});
    let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken refreshToken } } }";
    let opened = async |email: &str| anonymous.query(sign_up, json!({"input": new(email)})).await;
    let (eve, lan) = (opened("eve@example.com").await, opened("lan@example.org").await);
    let token = |answer: &Answer, name: &str| answer.text(&format!("/signUp/session/{name}")).to_owned();
    let signed_in = anonymous.with_access_token(&token(&lan, "accessToken"));
    let phone = tiffin_tests::global_id("ActiveSession", city.session(ann.user()).await.id);
    let verification = city.account_token(ann.user(), AccountTokenPurpose::VerifyEmail).await;
    let reset = city.account_token(ben.user(), AccountTokenPurpose::ResetPassword).await;
    let credentials = json!({"email": "eve@example.com", "password": PASSWORD});
    let change = json!({"currentPassword": PASSWORD, "newPassword": "quite another password"});
    let operation = |name: &str, person: &Person, input: Value| {
        at_root(format!("Mutation.{name}").leak(), person, json!({"input": input}))
    };
    vec![
        operation("signUp", &anonymous, new("oanh@example.com")),
        operation("signIn", &anonymous, credentials),
        operation("refreshSession", &anonymous, json!({"refreshToken": token(&eve, "refreshToken")})),
        operation("signOut", &anonymous, json!({"refreshToken": token(&eve, "refreshToken")})),
        operation("changePassword", &signed_in, change),
        operation(
            "changeEmail",
            &signed_in,
            json!({"newEmail": "lan@new.example", "password": "quite another password"}),
        ),
        operation("requestEmailVerification", &anonymous, json!({"email": "eve@example.com"})),
        operation("verifyEmail", &anonymous, json!({"token": verification})),
        operation("requestPasswordReset", &anonymous, json!({"email": "eve@example.com"})),
        operation("resetPassword", &anonymous, json!({"token": reset, "newPassword": PASSWORD})),
        operation("revokeSession", &ann, json!({"sessionId": phone})),
        operation("revokeAllSessions", &ann, json!({"userId": ann.user_id(), "exceptCurrent": true})),
        operation("deleteAccount", &signed_in, json!({"password": "quite another password"})),
    ]
}

async fn of_openid(city: &City, provider: &OpenIdProvider) -> Vec<Operation> {
    let anonymous = city.anonymous();
    let start = json!({"input": {"redirectUrl": OpenIdProvider::REDIRECT_URL}});
    let document =
        "mutation($input: StartOpenIdSignInInput!) { startOpenIdSignIn(input: $input) { authorizationUrl secret } }";
    let started = anonymous.query(document, start.clone()).await;
    provider.person("1", json!({"email": "thu@example.com", "email_verified": true})).await;
    let returned = provider.sign_in(started.text("/startOpenIdSignIn/authorizationUrl"), "1").await;
    let secret = started.text("/startOpenIdSignIn/secret");
    let complete = json!({"input": {"secret": secret, "state": returned.state, "code": returned.code}});
    vec![
        at_root("Mutation.startOpenIdSignIn", &anonymous, start),
        at_root("Mutation.completeOpenIdSignIn", &anonymous, complete),
    ]
}

async fn of_staff(city: &City) -> Vec<Operation> {
    let restaurant = city.restaurant().create().await;
    let (merchant, admin, other) =
        (city.merchant_of(&restaurant).await, city.admin().await, city.merchant("Oanh").await);
    city.make_member(&other, &restaurant).await;
    let ann = city.customer("Ann").await;
    let added = json!({"restaurantId": restaurant.id(), "email": ann.user().email});
    let removed = json!({"restaurantId": restaurant.id(), "userId": other.user_id()});
    let role = json!({"userId": ann.user_id(), "role": "MERCHANT"});
    let active = json!({"userId": ann.user_id(), "isActive": false});
    vec![
        at_root("Mutation.addRestaurantMember", &merchant, json!({"input": added})),
        at_root("Mutation.removeRestaurantMember", &merchant, json!({"input": removed})),
        at_root("Mutation.setUserRole", &admin, json!({"input": role})),
        at_root("Mutation.setUserActive", &admin, json!({"input": active})),
    ]
}

async fn of_jobs(city: &City) -> Vec<Operation> {
    let (admin, ann) = (city.admin().await, city.customer("Ann").await);
    let input = async || json!({"input": {"id": global_id("Job", city.dead_letter(&ann).await.id)}});
    vec![at_root("Mutation.retryJob", &admin, input().await), at_root("Mutation.discardJob", &admin, input().await)]
}

/// An address with everything that one can have.
fn address() -> Value {
    json!({
        "label": "Home", "line1": "1 Lake Road", "line2": "2nd floor", "city": "Hà Nội", "postalCode": "100000",
        "country": "Việt Nam", "location": {"lat": 21.03, "lng": 105.85}, "instructions": "Ring twice",
    })
}
