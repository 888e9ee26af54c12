//! The clients that pages use, as they are published, in a browser and from another origin than the API's: the code of `docs/clients`.
//!
//! Each goes through the same, and shows each step of an order once and in order all the while, without being loaded again.

use entity::sea_orm_active_enums::OrderStatus;
use serde_json::{Value, json};
use tiffin_tests::{
    Browser, City, Click, Database, PATIENCE, Person, Proxy, Seen, Server, Tab, access_token, acts::status_name,
    rows::row_number,
};

use OrderStatus::{Confirmed, Delivered, PickedUp, Preparing, Ready};

const EMAIL: &str = "ann@example.com";
const PASSWORD: &str = "a long enough password";

/// A customer with twelve orders, and those who bring them.
struct Scene {
    city: City,
    server: Server,
    line: Proxy,
    ann: Person,
    staff: Person,
    driver: Person,
    /// The newest first.
    orders: Vec<String>,
}

impl Scene {
    async fn new(database: Database, browser: &Browser) -> Self {
        let settings = [("TIFFIN_HTTP_ALLOWED_ORIGINS", browser.origin()), ("TIFFIN_LIMITS_BATCH_OPERATIONS", "3")];
        let mut city = City::with_settings(database, &settings).await;
        city.stop().await;
        let server = city.another_server().await;
        let line = Proxy::before(&[&server]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let [staff, driver] = [city.merchant_of(&restaurant).await, city.driver("Duy").await];
        let anonymous = city.anonymous().by_way_of(&line);
        let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }";
        let input = json!({"email": EMAIL, "password": PASSWORD, "name": "Ann"});
        let answer = anonymous.query(document, json!({ "input": input })).await;
        let ann = anonymous.with_access_token(answer.text("/signUp/session/accessToken"));
        let mut orders = Vec::new();
        for _ in 0..12 {
            orders.insert(0, ann.has_ordered(&restaurant.basket(&[(0, 1)])).await);
        }
        let [staff, driver] = [staff.by_way_of(&line), driver.by_way_of(&line)];
        Scene { city, server, line, ann, staff, driver, orders }
    }

    async fn take_step(&self, order: &str, status: OrderStatus) {
        self.staff.update_order_status(order, status).await.expect_success();
    }

    /// Another server takes the place of the one that has ended.
    async fn start_another(&mut self) {
        self.server = self.city.another_server_behind(&self.line).await;
    }

    /// What a page that misses nothing shows of this order by now.
    async fn steps(&self, order: &str) -> Vec<String> {
        let events = self.city.order_events(order).await;
        events.iter().map(|event| format!("{} {}", event.sequence, status_name(event.status))).collect()
    }

    async fn expect_steps(&self, tab: &Tab, order: &str) {
        until(tab, "#order li", &self.steps(order).await).await;
    }
}

/// The selector of the button that shows an order.
fn button(order: &str) -> String {
    format!("[id='{order}']")
}

async fn until(tab: &Tab, selector: &str, texts: &[String]) {
    tab.until(selector, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

async fn sign_in(tab: &Tab) {
    tab.fill("[name=email]", EMAIL).await;
    tab.fill("[name=password]", PASSWORD).await;
    tab.click("#sign-in button").await;
    tab.until("#name", &["Ann"]).await;
}

/// Puts an access token for the same session in the place of the page's, which believes it to be good for long: one that the server takes for
/// so many seconds from now.
async fn put_token(tab: &Tab, seconds: i64) {
    let kept = tab.run("localStorage.getItem('session')").await;
    let mut session: Value = serde_json::from_str(kept.as_str().unwrap()).unwrap();
    let claims =
        tab.run("JSON.parse(atob(JSON.parse(localStorage.getItem('session')).accessToken.split('.')[1]))").await;
    let [user, of_session] = ["sub", "sid"].map(|claim| row_number(claims[claim].as_str().unwrap()));
    session["accessToken"] = json!(access_token(user, of_session, seconds));
    let text = json!(session.to_string());
    tab.run(&format!("localStorage.setItem('session', {text})")).await;
}

fn renewals(seen: &Seen) -> usize {
    seen.requests.iter().filter(|request| request.operation.as_deref() == Some("RefreshSession")).count()
}

/// How many sockets were closed because of their tokens.
fn refusals(seen: &Seen) -> usize {
    seen.closes().filter(|closed| closed.code == 4403).count()
}

/// Asks three times at once for who it is.
async fn expect_answers(tab: &Tab) {
    tab.click("#forget").await;
    tab.until("#answers span", &[]).await;
    tab.click("#ask").await;
    tab.until("#answers span", &["Ann"; 3]).await;
}

/// Waits until what was seen is as wanted.
async fn until_seen(tab: &Tab, wanted: impl Fn(&Seen) -> bool) -> Seen {
    let waiting = async {
        loop {
            let seen = tab.seen().await;
            if wanted(&seen) {
                return seen;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(seen) => seen,
        Err(_) => panic!("what was seen is {:#?}", tab.seen().await),
    }
}

/// Everything that happens to a page in service.
async fn a_page_goes_on_through_everything(page: &str, database: Database) {
    let browser = Browser::start().await;
    let mut scene = Scene::new(database, &browser).await;
    let tab = browser.open(page, &scene.line).await;

    sign_in(&tab).await;
    until(&tab, "#orders li", &scene.orders[..5]).await;
    tab.click("#more").await;
    until(&tab, "#orders li", &scene.orders[..10]).await;
    tab.click("#more").await;
    until(&tab, "#orders li", &scene.orders).await;
    tab.until("#more", &[]).await;

    // Another order, none, and the first one again.
    let open = |order: &String| Click {
        click: button(order),
        awaited: format!("#order[data-order='{order}'] li"),
        subscribes: true,
    };
    let close = Click { click: "#close".to_owned(), awaited: "main:not(:has(#order))".to_owned(), subscribes: false };
    let took = tab.alternate(&[open(&scene.orders[1]), open(&scene.orders[2]), close], 33).await;
    for (what, first) in [("from none", 0), ("from another one", 1)] {
        let mut took: Vec<_> = took.iter().skip(first).step_by(3).collect();
        took.sort_by(|one, other| one.total_cmp(other));
        println!("{page}: an order is shown, {what}, after {:.1} ms (median), {:.1} ms at the most", took[5], took[10]);
    }
    let seen = until_seen(&tab, |seen| seen.sockets.iter().all(|socket| socket.closed.is_some())).await;
    for closed in seen.closes() {
        assert!(closed.code == 1000 && closed.was_clean, "{closed:?}");
    }
    // A hash that the server does not know yet is answered with 400, which the browser notes by itself.
    let errors: Vec<_> = seen.errors.iter().filter(|error| !error.contains("400 (Bad Request)")).collect();
    assert_eq!(errors, [""; 0], "nothing went wrong so far");

    let order = scene.orders[0].clone();
    tab.click(&button(&order)).await;
    scene.expect_steps(&tab, &order).await;
    scene.take_step(&order, Confirmed).await;
    scene.expect_steps(&tab, &order).await;

    // The token is about to expire: it is renewed before anything is refused.
    assert_eq!(renewals(&tab.seen().await), 0);
    tab.run(
        "localStorage.setItem('session', JSON.stringify({...JSON.parse(localStorage.getItem('session')), accessTokenExpiresAt: new Date()}))",
    )
    .await;
    expect_answers(&tab).await;
    let seen = tab.seen().await;
    assert_eq!(renewals(&seen), 1);
    assert!(seen.requests.iter().all(|sent| sent.status != Some(401)), "{:?}", seen.requests);

    // The token is refused: many are told so, and one renews.
    put_token(&tab, -60).await;
    expect_answers(&tab).await;
    assert_eq!(renewals(&tab.seen().await), 2);

    // The socket's own expires in the middle.
    tab.click("#close").await;
    put_token(&tab, 4).await;
    let before = refusals(&tab.seen().await);
    tab.click(&button(&order)).await;
    until_seen(&tab, |seen| refusals(seen) > before).await;
    scene.take_step(&order, Preparing).await;
    scene.expect_steps(&tab, &order).await;
    assert_eq!(renewals(&tab.seen().await), 3);

    tab.set_offline(true).await;
    scene.line.cut();
    let direct = scene.staff.at(&scene.server);
    direct.update_order_status(&order, Ready).await.expect_success();
    scene.line.mend();
    tab.set_offline(false).await;
    scene.expect_steps(&tab, &order).await;
    expect_answers(&tab).await;

    scene.server.request_stop();
    scene.server.ended().await;
    scene.start_another().await;
    scene.driver.assign_driver(&order, &scene.driver).await.expect_success();
    scene.expect_steps(&tab, &order).await;
    let seen = tab.seen().await;
    assert!(seen.closes().any(|closed| closed.code == 1012), "the server says that it is restarted: {seen:?}");
    expect_answers(&tab).await;

    scene.server.kill();
    scene.start_another().await;
    for status in [PickedUp, Delivered] {
        scene.driver.update_order_status(&order, status).await.expect_success();
    }
    scene.expect_steps(&tab, &order).await;
    tab.until("#over", &["over"]).await;
    tab.until("#problem", &[]).await;
    expect_answers(&tab).await;

    // What else runs in a page adds its headers to every request.
    let seen = tab.seen().await;
    assert!(seen.requests.len() > 10);
    for request in &seen.requests {
        for header in ["sentry-trace", "baggage", "traceparent"] {
            assert!(request.headers[header].is_string(), "{request:?}");
        }
    }
    assert_eq!(renewals(&seen), 3);
    browser.close().await;
}

#[test]
fn graphql_ws() {
    tiffin_tests::run(a_page_goes_on_through_everything("graphql-ws", Database::Postgres));
}

#[test]
fn apollo() {
    tiffin_tests::run(a_page_goes_on_through_everything("apollo", Database::Postgres));
}

#[test]
fn apollos_own_links_work_from_another_origin() {
    tiffin_tests::run(async {
        let browser = Browser::start().await;
        let scene = Scene::new(Database::Sqlite, &browser).await;
        let tab = browser.open("apollo-links", &scene.line).await;
        tab.fill("[name=token]", scene.ann.access_token().unwrap()).await;
        for (link, order) in ["GraphQLWsLink", "HttpLink"].into_iter().zip(&scene.orders) {
            tab.fill("[name=order]", order).await;
            tab.click(&format!("#{link}")).await;
            tab.until("#told li", &["PENDING"]).await;
            scene.take_step(order, Confirmed).await;
            tab.until("#told li", &["PENDING", "CONFIRMED"]).await;
            scene.ann.cancel_order(order).await.expect_success();
            tab.until("#told li", &["PENDING", "CONFIRMED", "CANCELLED", "over"]).await;
        }
        tab.click("#BatchHttpLink").await;
        tab.until("#told li", &["Ann"; 3]).await;
        let seen = tab.seen().await;
        assert_eq!(seen.errors, [""; 0]);
        for request in &seen.requests {
            assert_eq!(request.headers["apollographql-client-name"], "orders", "{request:?}");
        }
        browser.close().await;
    });
}

#[test]
fn urql() {
    tiffin_tests::run(a_page_goes_on_through_everything("urql", Database::Sqlite));
}

#[test]
fn relay() {
    tiffin_tests::run(a_page_goes_on_through_everything("relay", Database::Sqlite));
}

#[test]
fn relay_reads_by_id_moves_what_has_none_and_says_what_is_missing() {
    tiffin_tests::run(async {
        let browser = Browser::start().await;
        let scene = Scene::new(Database::Sqlite, &browser).await;
        let order = &scene.orders[0];
        for status in [Confirmed, Preparing, Ready] {
            scene.take_step(order, status).await;
        }
        scene.driver.assign_driver(order, &scene.driver).await.expect_success();
        let tab = browser.open("relay", &scene.line).await;
        sign_in(&tab).await;
        tab.click(&button(order)).await;
        tab.click("#details").await;
        tab.until("#status", &["READY"]).await;
        tab.until("#place", &[""]).await;

        // What one subscription tells is seen wherever the order and its driver are shown.
        scene.driver.move_to(21.5, 105.0).await.expect_success();
        tab.until("#place", &["21.5"]).await;
        scene.driver.update_order_status(order, PickedUp).await.expect_success();
        tab.until("#status", &["PICKED_UP"]).await;

        // What none tells is read anew, by `node`.
        tab.click("#close").await;
        scene.driver.update_order_status(order, Delivered).await.expect_success();
        tab.click("#refetch").await;
        tab.until("#status", &["DELIVERED"]).await;
        assert!(tab.seen().await.requests.iter().any(|sent| sent.operation.as_deref() == Some("ordersStatusQuery")));

        tab.click("#unknown").await;
        tab.until("#code", &["NOT_FOUND"]).await;
        browser.close().await;
    });
}

#[test]
fn tabs_share_a_session_until_it_ends() {
    tiffin_tests::run(async {
        let browser = Browser::start().await;
        let scene = Scene::new(Database::Sqlite, &browser).await;
        let order = &scene.orders[0];
        let first = browser.open("graphql-ws", &scene.line).await;
        // By this clock all tokens have expired.
        let hurry = "Date.now = ((now) => () => now() + 3_600_000)(Date.now.bind(Date))";
        first.run(hurry).await;
        sign_in(&first).await;
        let second = browser.another_tab("graphql-ws", &first).await;
        second.run(hurry).await;
        second.until("#name", &["Ann"]).await;
        for tab in [&first, &second] {
            expect_answers(tab).await;
            assert_eq!(renewals(&tab.seen().await), 0);
            tab.click(&button(order)).await;
            scene.expect_steps(tab, order).await;
        }

        put_token(&first, -60).await;
        let renewed = async |tab: &Tab| {
            expect_answers(tab).await;
            renewals(&tab.seen().await)
        };
        let (one, other) = tokio::join!(renewed(&first), renewed(&second));
        assert_eq!(one + other, 1, "one tab renews the tokens for both");

        // Nothing more is heard of the connections that there are, and nobody says so.
        scene.line.silence();
        scene.take_step(order, Confirmed).await;
        for tab in [&first, &second] {
            scene.expect_steps(tab, order).await;
        }

        // Signed out elsewhere: the pages are told, and give up.
        scene.line.end_connections();
        let token = first.run("JSON.parse(localStorage.getItem('session')).refreshToken").await;
        let document = "mutation($input: SignOutInput!) { signOut(input: $input) { __typename } }";
        // Not by the line, whose connections have just ended.
        scene.staff.at(&scene.server).query(document, json!({"input": {"refreshToken": token}})).await.expect_success();
        for tab in [&first, &second] {
            tab.until("#problem", &["SignedOut: "]).await;
        }
        browser.close().await;
    });
}
