//! The first start of the embedded default: nothing is configured, and there is a city to look at.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use tiffin_tests::{Answer, Person, Server, Settings, workspace};

const LIVE: bool = true;

/// A server with nothing but a port, a folder, and a log that the tests can read.
async fn start(directory: &Path, live: bool) -> Server {
    let data = directory.join("data");
    let mut settings = vec![
        ("TIFFIN_LISTEN", "127.0.0.1:0"),
        ("TIFFIN_LOG_FORMAT", "json"),
        // A token is to outlive the process it came from.
        ("TIFFIN_ACCOUNTS_TOKEN_KEYS", "demo=aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW"),
        ("TIFFIN_DATABASE_DATA_DIRECTORY", data.to_str().expect("a temporary folder has a plain name")),
    ];
    if !live {
        settings.push(("TIFFIN_DEMO_LIVE", "false"));
    }
    let settings: Settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Server::start(directory, &settings).await
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

async fn account(server: &Server, name: &str) -> Person {
    Person::signing_in(server, &format!("{name}@demo.tiffin.example"), "tiffin-demo").await
}

/// All entries of a connection at the root, page by page.
async fn all(person: &Person, field: &str, selections: &str) -> Vec<Value> {
    let document = format!(
        "query($after: String) {{ page: {field}(first: 100, after: $after) {{ nodes {{ {selections} }} \
         pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = person.query(&document, json!({"after": after})).await;
        found.extend_from_slice(answer.list("/page/nodes"));
        if answer.at("/page/pageInfo/hasNextPage") == &json!(false) {
            return found;
        }
        after = answer.at("/page/pageInfo/endCursor").clone();
    }
}

fn distinct<'a>(rows: &'a [Value], pointer: &str) -> BTreeSet<&'a str> {
    rows.iter().filter_map(|row| row.pointer(pointer)?.as_str()).collect()
}

#[test]
fn the_first_start_makes_a_believable_city_and_the_second_leaves_it() {
    tiffin_tests::run(async {
        let directory = directory();
        let mut server = start(directory.path(), !LIVE).await;
        let admin = account(&server, "admin").await;

        let restaurants = all(&admin, "restaurants", "id cuisineType menu { dishes { totalCount } }").await;
        assert!(restaurants.len() >= 12, "{restaurants:#?}");
        assert!(distinct(&restaurants, "/cuisineType").len() >= 6, "{restaurants:#?}");
        for restaurant in &restaurants {
            let dishes = restaurant.pointer("/menu/dishes/totalCount").and_then(Value::as_u64);
            assert!(dishes.is_some_and(|dishes| (8..=20).contains(&dishes)), "{restaurant}");
        }
        assert_eq!(all(&admin, "customers", "id").await.len(), 40);
        let drivers = all(&admin, "drivers", "location { lat lng }").await;
        assert!(drivers.len() == 10 && drivers.iter().all(|driver| driver["location"].is_object()), "{drivers:#?}");
        expect_reviews(&admin).await;
        let orders = all(&admin, "orders", "id status orderTime events { sequence status previousStatus at }").await;
        expect_histories(&orders);

        server.request_stop();
        assert!(server.ended().await.success());
        let server = start(directory.path(), !LIVE).await;
        let admin = admin.at(&server);
        let again = all(&admin, "orders", "id status orderTime events { sequence status previousStatus at }").await;
        assert_eq!(again, orders);
        assert_eq!(all(&admin, "customers", "id").await.len(), 40);
    });
}

async fn expect_reviews(admin: &Person) {
    let reviewed = all(admin, "restaurants", "reviewCount reviews { totalCount }").await;
    let count = |restaurant: &Value| restaurant["reviewCount"].as_u64().unwrap_or_default();
    assert!(reviewed.iter().map(count).sum::<u64>() > 0, "{reviewed:#?}");
    assert!(reviewed.iter().all(|restaurant| restaurant["reviews"]["totalCount"] == restaurant["reviewCount"]));
}

fn expect_histories(orders: &[Value]) {
    assert_eq!(orders.len(), 300);
    assert_eq!(distinct(orders, "/status").len(), 7, "some order in every state");
    let days: BTreeSet<_> = distinct(orders, "/orderTime").into_iter().filter_map(|time| time.get(..10)).collect();
    assert!((25..=29).contains(&days.len()), "orders of four weeks: {days:?}");
    for order in orders {
        let events = order["events"].as_array().expect("events are a list");
        let mut before = &Value::Null;
        for (index, event) in events.iter().enumerate() {
            assert_eq!((&event["sequence"], &event["previousStatus"]), (&json!(index + 1), before), "{order:#}");
            before = &event["status"];
        }
        assert!(before == &order["status"], "{order:#}");
    }
}

/// Somebody with the examples' operations.
struct Actor<'a> {
    person: Person,
    /// The operations that ran.
    ran: &'a mut BTreeSet<String>,
}

impl Actor<'_> {
    fn operation(&mut self, file: &str, name: &str, variables: Value) -> Value {
        self.ran.insert(name.to_owned());
        json!({"query": example(file), "operationName": name, "variables": variables})
    }

    async fn run(&mut self, file: &str, name: &str, variables: Value) -> Answer {
        let operation = self.operation(file, name, variables);
        self.person.send(&operation).await.expect_success()
    }

    /// The first event of a subscription.
    async fn watch(&mut self, file: &str, name: &str, variables: Value) -> Answer {
        self.ran.insert(name.to_owned());
        self.person.subscribe(&example(file), variables).await.next_event().await.expect_success()
    }
}

fn example(file: &str) -> String {
    workspace::read(&format!("api/assets/graphiql/examples/{file}.graphql"))
}

/// The names of all operations of all examples.
fn operations() -> BTreeSet<String> {
    let files = std::fs::read_dir(workspace::root().join("api/assets/graphiql/examples")).expect("examples exist");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a text"));
    let names = |text: String| -> Vec<String> {
        let heads = text.lines().filter_map(|line| {
            ["query ", "mutation ", "subscription "].into_iter().find_map(|kind| line.strip_prefix(kind))
        });
        heads.map(|head| head.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
    };
    texts.flat_map(names).collect()
}

#[test]
fn every_operation_of_the_ready_tabs_works_on_the_first_start() {
    tiffin_tests::run(async {
        let directory = directory();
        let server = start(directory.path(), !LIVE).await;
        let mut ran = BTreeSet::new();

        let mut anonymous = Actor { person: Person::anonymous(&server), ran: &mut ran };
        let welcome = anonymous.run("welcome", "Welcome", json!({"cuisine": null})).await;
        assert_eq!(welcome.list("/restaurants/nodes").len(), 3);
        let found = anonymous.run("search", "Search", json!({"text": "rice"})).await;
        assert!(!found.list("/dishes/nodes").is_empty(), "{found}");

        let visitor = json!({
            "account": {"email": "customer@demo.tiffin.example", "password": "tiffin-demo"},
            "newAccount": {"email": "ann@example.com", "password": "ten characters or more", "name": "Ann"},
        });
        anonymous.run("sign_in", "SignUp", visitor.clone()).await;
        let signed_in = anonymous.run("sign_in", "SignIn", visitor).await;
        let token = signed_in.at("/signIn/session/refreshToken");
        anonymous.run("sign_in", "RefreshSession", json!({"refreshToken": token})).await;

        let merchant_person = account(&server, "merchant").await;
        let kitchen =
            "{ me { restaurants { id menu { dishes(first: 1, filter: {isAvailable: true}) { nodes { id } } } } } }";
        let kitchen = merchant_person.query(kitchen, json!({})).await;
        let restaurant = kitchen.at("/me/restaurants/0/id").clone();
        let dish = kitchen.at("/me/restaurants/0/menu/dishes/nodes/0/id").clone();

        let mut customer = Actor { person: account(&server, "customer").await, ran: &mut ran };
        let address = customer.run("who_am_i", "WhoAmI", json!({})).await.at("/me/customer/addresses/0").clone();
        let address = json!({"line1": address["line1"], "city": address["city"]});
        let items = json!([{"dishId": dish, "quantity": 1}]);
        let input = json!({"input": {"restaurantId": restaurant, "items": items, "deliveryAddress": address}});
        let quote = customer.run("place_order", "Quote", input.clone()).await;
        let placed = customer.run("place_order", "PlaceOrder", input).await;
        assert_eq!(placed.at("/placeOrder/order/totalAmount"), quote.at("/orderQuote/totalAmount"));
        let order = placed.text("/placeOrder/order/id").to_owned();
        let watched = customer.watch("watch_order", "WatchOrder", json!({"order": order, "after": null})).await;
        assert_eq!(watched.text("/orderStatusChanged/status"), "PENDING");
        let own = customer.watch("watch_my_orders", "WatchMyOrders", json!({"after": null})).await;
        assert!(own.at("/myOrdersChanged/sequence").is_number(), "{own}");
        let carried = "{ orders(filter: {status: [PICKED_UP]}) { nodes { id } } }";
        let carried = customer.person.query(carried, json!({})).await.at("/orders/nodes/0/id").clone();
        let position = customer.watch("driver_on_the_map", "DriverOnTheMap", json!({"order": carried})).await;
        assert!(position.at("/driverLocationChanged/lat").is_number(), "{position}");

        let mut merchant = Actor { person: merchant_person, ran: &mut ran };
        let cooking = merchant.run("kitchen", "Kitchen", json!({"restaurant": restaurant})).await;
        assert!(cooking.list("/restaurant/orders/nodes").iter().any(|row| row["id"] == json!(order)), "{cooking}");
        let moved = merchant.run("kitchen", "MoveOrder", json!({"order": order, "status": "CONFIRMED"})).await;
        assert_eq!(moved.text("/updateOrderStatus/order/status"), "CONFIRMED");
        let feed = json!({"restaurant": restaurant, "after": null});
        merchant.watch("watch_kitchen", "WatchKitchen", feed).await;
        let revenue = merchant.run("revenue", "Revenue", json!({"restaurant": restaurant, "period": "DAY"})).await;
        assert!(revenue.list("/restaurant/revenue").iter().any(|day| day["totalOrders"] != json!(0)), "{revenue}");

        let mut driver = Actor { person: account(&server, "driver").await, ran: &mut ran };
        let looked = driver.run("driver", "Driver", json!({})).await;
        let ready = looked.list("/claimableOrders/nodes").iter().find(|order| order["status"] == "READY");
        let ready = ready.unwrap_or_else(|| panic!("no order is ready: {looked}"))["id"].clone();
        let board = json!({"after": null});
        let claimable = driver.watch("watch_claimable_orders", "WatchClaimableOrders", board).await;
        assert_eq!(claimable.text("/claimableOrdersChanged/kind"), "ADDED");
        let claim = json!({"order": ready, "driver": looked.at("/me/driver/id")});
        driver.run("driver", "Claim", claim).await;
        driver.run("driver", "Report", json!({"position": {"lat": 10.0, "lng": 106.0}})).await;
        let carried = driver.run("driver", "Carry", json!({"order": ready})).await;
        assert_eq!(carried.text("/updateOrderStatus/order/status"), "PICKED_UP");
        assert_eq!(ran, operations());
    });
}

#[test]
fn the_city_lives_by_itself() {
    tiffin_tests::run(async {
        let directory = directory();
        let server = start(directory.path(), LIVE).await;
        let customer = account(&server, "customer").await;
        let carried = "{ orders(filter: {status: [PICKED_UP]}) { nodes { id } } }";
        let order = customer.query(carried, json!({})).await.text("/orders/nodes/0/id").to_owned();
        let watch = "subscription($id: ID!) { driverLocationChanged(orderId: $id) { lat lng } }";
        let mut positions = customer.subscribe(watch, json!({"id": order})).await;
        let first = positions.next_event().await.at("/driverLocationChanged").clone();
        let second = positions.next_event().await.at("/driverLocationChanged").clone();
        assert_ne!(first, second, "the driver moves");
    });
}
