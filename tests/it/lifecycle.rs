//! The state machine of an order: every step from every status for every kind of viewer, compared with a table written by hand.

use entity::{
    order_events, orders,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use futures_util::future::join_all;
use serde_json::json;
use tiffin_tests::{
    Answer, City, Person,
    acts::status_name,
    both_databases,
    builders::{Order, Restaurant},
};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

const STATUSES: [OrderStatus; 7] = [Pending, Confirmed, Preparing, Ready, PickedUp, Delivered, Cancelled];

/// For each status, without a driver and with one (`+`), and each viewer, what comes of a step to PENDING, CONFIRMED, PREPARING,
/// READY, PICKED_UP, DELIVERED and CANCELLED, one letter each: `O` it is done, `c` CONFLICT, `f` FORBIDDEN, `n` NOT_FOUND,
/// `u` UNAUTHENTICATED. A PENDING order never comes to have a driver, but if one had, it would be safe. `-`: there is no such viewer.
const TABLE: &str = "
                anonymous  customer  stranger  staff    rival    driver   idle     admin
    PENDING     uuuuuuu    cfccccO   nnnnnnn   cOccccO  nnnnnnn  -        nnnnnnn  cOccccO
    PENDING+    uuuuuuu    cfccccO   nnnnnnn   cOccccO  nnnnnnn  cfccccf  nnnnnnn  cOccccO
    CONFIRMED   uuuuuuu    ccfcccO   nnnnnnn   ccOcccO  nnnnnnn  -        ccfcccf  ccOcccO
    CONFIRMED+  uuuuuuu    ccfcccO   nnnnnnn   ccOcccO  nnnnnnn  ccfcccf  nnnnnnn  ccOcccO
    PREPARING   uuuuuuu    cccfccf   nnnnnnn   cccOccO  nnnnnnn  -        cccfccf  cccOccO
    PREPARING+  uuuuuuu    cccfccf   nnnnnnn   cccOccO  nnnnnnn  cccfccf  nnnnnnn  cccOccO
    READY       uuuuuuu    ccccfcf   nnnnnnn   ccccfcO  nnnnnnn  -        ccccfcf  ccccccO
    READY+      uuuuuuu    ccccfcf   nnnnnnn   ccccfcO  nnnnnnn  ccccOcf  nnnnnnn  ccccOcO
    PICKED_UP+  uuuuuuu    cccccff   nnnnnnn   cccccff  nnnnnnn  cccccOf  nnnnnnn  cccccOO
    DELIVERED+  uuuuuuu    ccccccc   nnnnnnn   ccccccc  nnnnnnn  ccccccc  nnnnnnn  ccccccc
    CANCELLED   uuuuuuu    ccccccc   nnnnnnn   ccccccc  nnnnnnn  -        nnnnnnn  ccccccc
    CANCELLED+  uuuuuuu    ccccccc   nnnnnnn   ccccccc  nnnnnnn  ccccccc  nnnnnnn  ccccccc
";

/// One line of the table: an order's situation, and the letters for each viewer.
struct Line {
    status: OrderStatus,
    has_driver: bool,
    viewers: Vec<(&'static str, &'static str)>,
}

fn table() -> Vec<Line> {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty());
    let names: Vec<_> = lines.next().expect("the table has a head").split_whitespace().collect();
    let line = |line: &'static str| {
        let mut words = line.split_whitespace();
        let situation = words.next().expect("a line begins with a status");
        let status = STATUSES.into_iter().find(|status| situation.trim_end_matches('+') == status_name(*status));
        Line {
            status: status.unwrap_or_else(|| panic!("{situation} is no status")),
            has_driver: situation.ends_with('+'),
            viewers: names.iter().copied().zip(words).filter(|(_, letters)| *letters != "-").collect(),
        }
    };
    lines.map(line).collect()
}

/// Everybody of the table but the order's own driver.
struct People {
    restaurant: Restaurant,
    anonymous: Person,
    customer: Person,
    stranger: Person,
    staff: Person,
    rival: Person,
    idle: Person,
    admin: Person,
}

impl People {
    async fn new(city: &City) -> Self {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        People {
            anonymous: city.anonymous(),
            customer: city.customer("Ann").await,
            stranger: city.customer("Ben").await,
            staff: city.merchant_of(&restaurant).await,
            rival: city.merchant_of(&elsewhere).await,
            idle: city.driver("Ivo").await,
            admin: city.admin().await,
            restaurant,
        }
    }

    /// An order in the line's situation, with its driver.
    async fn order(&self, city: &City, line: &Line) -> Scene {
        let mut order = city.order(&self.customer, &self.restaurant).status(line.status);
        let mut driver = None;
        if line.status == Cancelled && line.has_driver {
            order = order.cancelled_from(Ready);
        }
        if line.has_driver {
            let duy = city.driver("Duy").await;
            order = order.driver(&duy);
            driver = Some(duy);
        }
        Scene { order: order.create().await, driver }
    }

    fn named<'a>(&'a self, name: &str, scene: &'a Scene) -> &'a Person {
        match name {
            "anonymous" => &self.anonymous,
            "customer" => &self.customer,
            "stranger" => &self.stranger,
            "staff" => &self.staff,
            "rival" => &self.rival,
            "driver" => scene.driver.as_ref().expect("the order has a driver"),
            "idle" => &self.idle,
            "admin" => &self.admin,
            other => panic!("nobody is called {other}"),
        }
    }
}

struct Scene {
    order: Order,
    driver: Option<Person>,
}

/// All that a step could change.
type State = (orders::Model, Vec<order_events::Model>, Option<DriverStatus>);

impl Scene {
    async fn state(&self, city: &City) -> State {
        let driver = match &self.driver {
            Some(driver) => Some(city.driver_status(driver).await),
            None => None,
        };
        (city.order_row(&self.order.id()).await, city.order_events(&self.order.id()).await, driver)
    }
}

both_databases! {
    async fn every_step_from_every_status_is_as_the_table_says_for_every_viewer(city: &City) {
        let people = People::new(city).await;
        let lines = table();
        let checked: usize = join_all(lines.iter().map(|line| check_line(city, &people, line))).await.into_iter().sum();
        let viewers: usize = lines.iter().map(|line| line.viewers.len()).sum();
        // Every status, and CANCELLED by `cancelOrder` as well.
        assert_eq!(checked, viewers * 8);
    }

    async fn a_whole_life_is_told_by_its_history(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann, duy) = (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.driver("Duy").await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        staff.update_order_status(&order, Confirmed).await.expect_success();
        staff.update_order_status(&order, Preparing).await.expect_success();
        duy.assign_driver(&order, &duy).await.expect_success();
        staff.update_order_status(&order, Ready).await.expect_success();
        duy.update_order_status(&order, PickedUp).await.expect_success();
        duy.update_order_status(&order, Delivered).await.expect_success();

        let events = city.order_events(&order).await;
        let carrier = Some(duy.driver().id);
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.sequence, event.previous_status, event.status, event.driver_id, event.actor.clone()))
            .collect();
        let expected = [
            (1, None, Pending, None, ann.user_id()),
            (2, Some(Pending), Confirmed, None, staff.user_id()),
            (3, Some(Confirmed), Preparing, None, staff.user_id()),
            (4, Some(Preparing), Preparing, carrier, duy.user_id()),
            (5, Some(Preparing), Ready, carrier, staff.user_id()),
            (6, Some(Ready), PickedUp, carrier, duy.user_id()),
            (7, Some(PickedUp), Delivered, carrier, duy.user_id()),
        ];
        assert_eq!(told, expected);
        assert!(events.is_sorted_by_key(|event| (event.at, event.position)), "{events:#?}");
        assert_eq!(city.driver_status(&duy).await, DriverStatus::Available);

        let document = "query($id: ID!) { order(id: $id) { events { sequence status previousStatus driver { name } } } }";
        let answer = ann.query(document, json!({"id": order})).await;
        assert_eq!(answer.list("/order/events").len(), 7);
        let assignment = json!({
            "sequence": 4, "status": "PREPARING", "previousStatus": "PREPARING", "driver": {"name": "Duy"},
        });
        assert_eq!(answer.at("/order/events/3"), &assignment);
        let first = json!({"sequence": 1, "status": "PENDING", "previousStatus": null, "driver": null});
        assert_eq!(answer.at("/order/events/0"), &first);
    }

    async fn whoever_takes_a_step_may_say_why(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let order = city.order(&ann, &restaurant).create().await;
        let document = "mutation($id: ID!) { a: updateOrderStatus(input: {orderId: $id, status: CONFIRMED, note: \"Gladly\"}) \
                        { order { id } } b: cancelOrder(input: {orderId: $id, reason: \"No gas\"}) { order { id } } }";
        staff.query(document, json!({"id": order.id()})).await.expect_success();
        let answer = ann.query("query($id: ID!) { order(id: $id) { events { note } } }", json!({"id": order.id()})).await;
        assert_eq!(answer.at("/order/events"), &json!([{"note": null}, {"note": "Gladly"}, {"note": "No gas"}]));
    }
}

/// Tries everything with orders in this situation; gives the number of steps tried.
async fn check_line(city: &City, people: &People, line: &Line) -> usize {
    let mut tried = 0;
    // Refusals change nothing, so they can share an order.
    let refused = people.order(city, line).await;
    for &(name, letters) in &line.viewers {
        let viewer = people.named(name, &refused);
        check_next_statuses(viewer, &refused.order, name, letters).await;
        assert_eq!(letters.len(), STATUSES.len(), "{letters}");
        let mut acts: Vec<_> =
            STATUSES.into_iter().zip(letters.chars()).map(|(to, letter)| (to, letter, false)).collect();
        acts.push((Cancelled, letters.chars().last().expect("there are letters"), true));
        for (to, letter, by_cancelling) in acts {
            let what =
                format!("{name}: {} to {}, cancelOrder: {by_cancelling}", status_name(line.status), status_name(to));
            if letter == 'O' {
                let scene = people.order(city, line).await;
                check_done(city, people.named(name, &scene), &scene, (to, by_cancelling), &what).await;
            } else {
                let before = refused.state(city).await;
                let answer = act(viewer, &refused.order, to, by_cancelling).await;
                assert_eq!(code(&answer), expected_code(letter), "{what}: {answer}");
                assert_eq!(refused.state(city).await, before, "{what} changed something");
            }
            tried += 1;
        }
    }
    tried
}

/// `nextStatuses` names what will succeed; who may not see the order is told nothing.
async fn check_next_statuses(viewer: &Person, order: &Order, name: &str, letters: &str) {
    let answer = viewer.query("query($id: ID!) { order(id: $id) { nextStatuses } }", json!({"id": order.id()})).await;
    if letters.starts_with(['n', 'u']) {
        answer.expect_code("NOT_FOUND");
        return;
    }
    let possible = STATUSES.into_iter().zip(letters.chars()).filter(|(_, letter)| *letter == 'O');
    let possible: Vec<_> = possible.map(|(status, _)| status_name(status)).collect();
    assert_eq!(answer.get::<Vec<String>>("/order/nextStatuses"), possible, "{name}");
}

/// The step is taken: the status has changed and nothing else of the order, there is one event more, and the driver is free at the end.
async fn check_done(city: &City, viewer: &Person, scene: &Scene, (to, by_cancelling): (OrderStatus, bool), what: &str) {
    let (before, events_before, driver_before) = scene.state(city).await;
    let answer = act(viewer, &scene.order, to, by_cancelling).await;
    let field = if by_cancelling { "cancelOrder" } else { "updateOrderStatus" };
    assert_eq!(answer.text(&format!("/{field}/order/status")), status_name(to), "{what}");

    let (after, events, driver) = scene.state(city).await;
    assert_eq!(after, orders::Model { status: to, ..before.clone() }, "{what}");
    assert_eq!(events[..events_before.len()], events_before, "{what}");
    assert_eq!(events.len(), events_before.len() + 1, "{what}");
    let event = &events[events_before.len()];
    assert_eq!(event.sequence, events_before.last().map_or(0, |event| event.sequence) + 1, "{what}");
    assert_eq!((event.previous_status, event.status), (Some(before.status), to), "{what}");
    assert_eq!((event.driver_id, &event.actor), (before.driver_id, &viewer.user_id()), "{what}");
    let is_over = matches!(to, Delivered | Cancelled);
    let expected = if is_over { driver_before.map(|_| DriverStatus::Available) } else { driver_before };
    assert_eq!(driver, expected, "{what}");
}

async fn act(viewer: &Person, order: &Order, to: OrderStatus, by_cancelling: bool) -> Answer {
    if by_cancelling {
        return viewer.cancel_order(&order.id()).await;
    }
    viewer.update_order_status(&order.id(), to).await
}

/// The code of the only error, or OK.
fn code(answer: &Answer) -> String {
    match answer.problems().as_slice() {
        [] => "OK".to_owned(),
        [problem] => problem.code.clone(),
        _ => panic!("expected one error at most, got {answer}"),
    }
}

fn expected_code(letter: char) -> &'static str {
    match letter {
        'c' => "CONFLICT",
        'f' => "FORBIDDEN",
        'n' => "NOT_FOUND",
        'u' => "UNAUTHENTICATED",
        other => panic!("{other} is no letter of the table"),
    }
}
