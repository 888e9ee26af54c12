//! `restaurantOrderChanged` and `driverOrderChanged`: feeds over many orders, which a client that reconnects goes on with.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use entity::{order_events, orders, sea_orm_active_enums::OrderStatus};
use futures_util::future::{join, join_all};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, TransactionTrait,
};
use serde_json::{Value, json};
use tiffin_tests::{
    Answer, City, Database, EventStream, Person, Server,
    acts::status_name,
    both_databases,
    builders::{Order, Restaurant},
    rows::row_number,
};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

const KITCHEN: &str =
    "subscription($id: ID!, $after: String) { event: restaurantOrderChanged(restaurantId: $id, after: $after) {
    cursor sequence status note order { id } } }";
const ROAD: &str = "subscription($after: String) { event: driverOrderChanged(after: $after) {
    cursor sequence status order { id } } }";

both_databases! {
    async fn a_kitchen_that_reconnects_misses_nothing(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, ann, .. } = &scene;
        // Where the feed is now: an order of long ago, whose steps need not be told again.
        let old = city.order(ann, restaurant).status(Delivered).create().await;
        let start = last_cursor(ann, &old).await;

        let lives = join_all((0..16).map(|number| scene.live(number)));
        let here = follow_to_the_end(staff, KITCHEN, json!({"id": restaurant.id()}), Some(start.clone()), 16, 3);
        let staff_there = scene.there(staff);
        let there = follow_to_the_end(&staff_there, KITCHEN, json!({"id": restaurant.id()}), Some(start), 16, 7);
        let (_, (here, there)) = join(lives, join(here, there)).await;

        let rows = order_events::Entity::find().filter(order_events::Column::OrderId.ne(old.row.id));
        let rows = rows.all(city.db()).await.unwrap();
        expect_each_once(&here, &rows);
        expect_each_once(&there, &rows);
    }

    async fn a_kitchen_that_starts_in_the_middle_gets_the_present_and_all_that_follows(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, .. } = &scene;
        let lives = join_all((0..12).map(|number| scene.live(number)));
        let watching = join_all((0..6).map(async |number| {
            tokio::time::sleep(Duration::from_millis(30 * number)).await;
            let viewer = if number % 2 == 0 { staff } else { &scene.there(staff) };
            let mut stream = viewer.subscribe(KITCHEN, json!({"id": restaurant.id()})).await;
            let mut told: Vec<Told> = Vec::new();
            // A last order, placed when all others are over, tells that nothing can be missing any more.
            while told.iter().all(|step| step.status != "CANCELLED" || step.note != LAST) {
                told.push(Told::of(&stream.next_event().await));
            }
            told
        }));
        let last = async {
            lives.await;
            let order = scene.ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
            let document = "mutation($id: ID!, $note: String) { cancelOrder(input: {orderId: $id, reason: $note}) { order { id } } }";
            staff.query(document, json!({"id": order, "note": LAST})).await.expect_success();
        };
        let (watched, ()) = join(watching, last).await;
        for told in watched {
            let mut by_order: HashMap<String, Vec<i64>> = HashMap::new();
            for step in &told {
                by_order.entry(step.order.clone()).or_default().push(step.sequence);
            }
            for (order, sequences) in by_order {
                let end = city.order_events(&order).await.len() as i64;
                // From the step that was the latest then, one after the other, to the last.
                assert_eq!(sequences, (sequences[0]..=end).collect::<Vec<_>>(), "{order}: {told:?}");
            }
        }
    }

    async fn the_present_is_the_latest_step_of_each_open_order(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        city.order(&ann, &elsewhere).create().await;
        let mut open = Vec::new();
        for status in [Pending, Delivered, Confirmed, Preparing, Cancelled, Ready, PickedUp] {
            let order = city.order(&ann, &restaurant).status(status).create().await;
            if !matches!(status, Delivered | Cancelled) {
                open.push((order.id(), order.events.len() as i64, status_name(status).to_owned()));
            }
        }
        let mut stream = staff.subscribe(KITCHEN, json!({"id": restaurant.id()})).await;
        let told: Vec<_> = stream.next_events(open.len()).await.iter().map(Told::of).collect();
        let told: Vec<_> = told.into_iter().map(|step| (step.order, step.sequence, step.status)).collect();
        assert_eq!(told, open);
        // What comes then is new.
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        assert_eq!(Told::of(&stream.next_event().await).order, order);
    }

    async fn a_driver_who_reconnects_misses_nothing_of_its_orders(database: Database) {
        let scene = Scene::new(database).await;
        let Scene { city, restaurant, staff, ann, .. } = &scene;
        let drivers = join_all((0..4).map(|_| city.driver("Duy"))).await;
        let roads = join_all(drivers.iter().enumerate().map(async |(number, duy)| {
            // Where the feed is now.
            let old = city.order(ann, restaurant).status(Delivered).driver(duy).create().await;
            let start = last_cursor(ann, &old).await;
            let work = async {
                for _ in 0..4 {
                    let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
                    staff.update_order_status(&order, Confirmed).await.expect_success();
                    duy.assign_driver(&order, duy).await.expect_success();
                    staff.update_order_status(&order, Preparing).await.expect_success();
                    duy.release_driver(&order).await.expect_success();
                    // While it is nobody's, the driver is not told.
                    staff.update_order_status(&order, Ready).await.expect_success();
                    scene.there(staff).assign_driver(&order, duy).await.expect_success();
                    duy.update_order_status(&order, PickedUp).await.expect_success();
                    scene.there(duy).update_order_status(&order, Delivered).await.expect_success();
                }
            };
            let viewer = if number % 2 == 0 { duy } else { &scene.there(duy) };
            let ((), told) = join(work, follow_to_the_end(viewer, ROAD, json!({}), Some(start), 4, number + 1)).await;
            (old, told)
        }))
        .await;
        for (duy, (old, told)) in drivers.iter().zip(roads) {
            let number = Some(duy.driver().id);
            let mut concerned = Vec::new();
            let all = order_events::Entity::find()
                .filter(order_events::Column::OrderId.ne(old.row.id))
                .order_by_asc(order_events::Column::OrderId)
                .order_by_asc(order_events::Column::Sequence)
                .all(city.db())
                .await
                .unwrap();
            for (place, event) in all.iter().enumerate() {
                let released = place > 0 && all[place - 1].order_id == event.order_id && all[place - 1].driver_id == number;
                if event.driver_id == number || released {
                    concerned.push(event.clone());
                }
            }
            assert_eq!(concerned.len(), 4 * 6, "assigned, cooked, released, assigned, picked up, delivered");
            expect_each_once(&told, &concerned);
        }
    }

    async fn a_driver_is_told_what_it_carries_and_then_each_step(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff, duy) = (city.customer("Ann").await, city.merchant_of(&restaurant).await, city.driver("Duy").await);
        city.order(&ann, &restaurant).status(Delivered).driver(&duy).create().await;
        let other = city.order(&ann, &restaurant).status(Ready).create().await;
        let carried = city.order(&ann, &restaurant).status(Preparing).driver(&duy).create().await;
        let mut stream = duy.subscribe(ROAD, json!({})).await;
        let first = Told::of(&stream.next_event().await);
        assert_eq!((first.order, first.sequence), (carried.id(), carried.events.len() as i64));
        staff.update_order_status(&other.id(), Cancelled).await.expect_success();
        staff.release_driver(&carried.id()).await.expect_success();
        let released = Told::of(&stream.next_event().await);
        assert_eq!((released.order, released.sequence), (carried.id(), carried.events.len() as i64 + 1));

        // One who carries nothing is told first that it does.
        let ivo = city.driver("Ivo").await;
        let mut stream = ivo.subscribe(ROAD, json!({})).await;
        staff.assign_driver(&carried.id(), &ivo).await.expect_success();
        let assigned = Told::of(&stream.next_event().await);
        assert_eq!((assigned.order, assigned.sequence), (carried.id(), carried.events.len() as i64 + 2));
    }

    async fn feeds_are_for_those_who_work_with_them(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let elsewhere = city.restaurant().with_dishes(1).create().await;
        let closed = city.restaurant().inactive().with_dishes(1).create().await;
        let (ann, duy, admin) = (city.customer("Ann").await, city.driver("Duy").await, city.admin().await);
        let (staff, rival) = (city.merchant_of(&restaurant).await, city.merchant_of(&elsewhere).await);
        let order = city.order(&ann, &restaurant).create().await;
        city.make_member(&staff, &closed).await;
        let of_closed = city.order(&ann, &closed).create().await;

        for (viewer, restaurant, order) in [(&staff, &restaurant, &order), (&admin, &restaurant, &order), (&staff, &closed, &of_closed)] {
            let mut stream = viewer.subscribe(KITCHEN, json!({"id": restaurant.id()})).await;
            assert_eq!(Told::of(&stream.next_event().await).order, order.id());
        }
        let kitchen = async |viewer: &Person, variables: Value| viewer.subscribe(KITCHEN, variables).await.first_answer().await;
        for viewer in [&ann, &duy, &rival] {
            kitchen(viewer, json!({"id": restaurant.id()})).await.expect_code("FORBIDDEN");
            kitchen(viewer, json!({"id": closed.id()})).await.expect_error("NOT_FOUND", "restaurantId");
        }
        let anonymous = city.anonymous();
        kitchen(&anonymous, json!({"id": restaurant.id()})).await.expect_code("UNAUTHENTICATED");
        kitchen(&anonymous, json!({"id": closed.id()})).await.expect_error("NOT_FOUND", "restaurantId");
        for cursor in ["", "x", "MTox!", "LTE6LTE"] {
            let variables = json!({"id": restaurant.id(), "after": cursor});
            kitchen(&staff, variables).await.expect_error("BAD_USER_INPUT", "after");
        }

        let road = async |viewer: &Person, variables: Value| viewer.subscribe(ROAD, variables).await.first_answer().await;
        for viewer in [&ann, &staff, &admin] {
            road(viewer, json!({})).await.expect_code("FORBIDDEN");
        }
        road(&anonymous, json!({})).await.expect_code("UNAUTHENTICATED");
        road(&duy, json!({"after": "x"})).await.expect_error("BAD_USER_INPUT", "after");
    }
}

/// On PostgreSQL transactions end in another order than they begin.
#[test]
fn a_step_that_commits_late_is_not_behind_the_cursor_of_the_present() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let slow = city.order(&ann, &restaurant).create().await;

        // As a server from before the journal writes it, beside which this one may serve.
        let transaction = city.db().begin().await.unwrap();
        let row = orders::ActiveModel { id: Set(slow.row.id), status: Set(Confirmed), ..Default::default() };
        row.update(&transaction).await.unwrap();
        let event = order_events::ActiveModel {
            order_id: Set(slow.row.id),
            sequence: Set(2),
            status: Set(Confirmed),
            previous_status: Set(Some(Pending)),
            actor: Set("SYSTEM".to_owned()),
            at: Set(slow.row.order_time),
            ..Default::default()
        };
        event.insert(&transaction).await.unwrap();

        let quick = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let mut stream = staff.subscribe(KITCHEN, json!({"id": restaurant.id()})).await;
        // Nobody waits for a transaction that is left open.
        let mut told: Vec<_> = stream.next_events(2).await.iter().map(Told::of).collect();
        assert_eq!(told[1].order, quick);
        drop(stream);
        transaction.commit().await.unwrap();
        let after = told.last().unwrap().cursor.clone();
        let mut stream = staff.subscribe(KITCHEN, json!({"id": restaurant.id(), "after": after})).await;
        while told.len() < 3 {
            told.push(Told::of(&stream.next_event().await));
        }
        let mut told: Vec<_> = told.into_iter().map(|step| (row_number(&step.order), step.sequence)).collect();
        told.sort();
        assert_eq!(told, [(slow.row.id, 1), (slow.row.id, 2), (row_number(&quick), 1)]);
        // Whoever begins now is told it last, and so misses nothing where it is cut off before.
        let mut stream = staff.subscribe(KITCHEN, json!({"id": restaurant.id()})).await;
        let present: Vec<_> = stream.next_events(2).await.iter().map(Told::of).collect();
        assert_eq!(present.iter().map(|step| step.order.clone()).collect::<Vec<_>>(), [quick, slow.id()]);
    });
}

const LAST: &str = "the last one";

/// A cursor of an event that is not in the journal: `0:9999999999`.
pub(crate) const UNKNOWN_CURSOR: &str = "MDo5OTk5OTk5OTk5";

/// Expects the answer to say that the cursor is good no more.
#[track_caller]
pub(crate) fn expect_expired(refusal: &Answer) {
    refusal.expect_error("BAD_USER_INPUT", "after");
    assert_eq!(refusal.body["errors"][0]["extensions"]["reason"], "CURSOR_EXPIRED", "{:?}", refusal.body);
}

/// One event of a feed.
#[derive(Debug)]
pub(crate) struct Told {
    pub cursor: String,
    pub order: String,
    pub sequence: i64,
    pub status: String,
    pub note: String,
}

impl Told {
    #[track_caller]
    pub fn of(event: &Answer) -> Self {
        Told {
            cursor: event.text("/event/cursor").to_owned(),
            order: event.text("/event/order/id").to_owned(),
            sequence: event.get("/event/sequence"),
            status: event.text("/event/status").to_owned(),
            note: event.at("/event")["note"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

/// A restaurant whose orders are moved at two servers, where the database can be shared by two.
pub(crate) struct Scene {
    pub city: City,
    other_server: Option<Server>,
    pub restaurant: Restaurant,
    pub staff: Person,
    pub ann: Person,
}

impl Scene {
    pub async fn new(database: Database) -> Self {
        let city = City::new(database).await;
        let other_server = match database {
            Database::Postgres => Some(city.another_server().await),
            Database::Sqlite => None,
        };
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        Scene { city, other_server, restaurant, staff, ann }
    }

    /// The same person, at the other server if there is one.
    pub fn there(&self, person: &Person) -> Person {
        self.other_server.as_ref().map_or_else(|| person.clone(), |server| person.at(server))
    }

    /// An order from its beginning to its end, with a driver of its own; every third one is cancelled.
    pub async fn live(&self, number: usize) {
        self.live_at(&self.restaurant, number).await;
    }

    /// The same at another restaurant that the staff runs as well.
    pub async fn live_at(&self, restaurant: &Restaurant, number: usize) {
        let (staff, ann, duy) = (&self.staff, &self.ann, &self.city.driver("Duy").await);
        let order = &self.there(ann).has_ordered(&restaurant.basket(&[(0, 1)])).await;
        staff.update_order_status(order, Confirmed).await.expect_success();
        self.there(duy).assign_driver(order, duy).await.expect_success();
        staff.update_order_status(order, Preparing).await.expect_success();
        self.there(staff).update_order_status(order, Ready).await.expect_success();
        if number.is_multiple_of(3) {
            staff.cancel_order(order).await.expect_success();
            return;
        }
        duy.update_order_status(order, PickedUp).await.expect_success();
        self.there(duy).update_order_status(order, Delivered).await.expect_success();
    }
}

/// Follows a feed until so many orders have ended, and on the way cuts the connection every few events and goes on after the last
/// cursor.
pub(crate) async fn follow_to_the_end(
    viewer: &Person,
    document: &str,
    variables: Value,
    start: Option<String>,
    orders: usize,
    events_a_connection: usize,
) -> Vec<Told> {
    let (mut told, mut ended, mut after) = (Vec::new(), HashSet::new(), start);
    while ended.len() < orders {
        let mut variables = variables.clone();
        variables["after"] = json!(after);
        let mut stream: EventStream = viewer.subscribe(document, variables).await;
        for _ in 0..events_a_connection {
            let step = Told::of(&stream.next_event().await);
            after = Some(step.cursor.clone());
            if ["DELIVERED", "CANCELLED"].contains(&step.status.as_str()) {
                ended.insert(step.order.clone());
            }
            told.push(step);
            if ended.len() == orders {
                break;
            }
        }
    }
    told
}

/// What was told is exactly these steps, each once, and those of one order in their order.
#[track_caller]
pub(crate) fn expect_each_once(told: &[Told], rows: &[order_events::Model]) {
    let mut last: HashMap<i32, i64> = HashMap::new();
    for step in told {
        let before = last.insert(row_number(&step.order), step.sequence);
        assert!(before.is_none_or(|before| before < step.sequence), "{} is out of order: {told:#?}", step.order);
    }
    let mut told: Vec<_> =
        told.iter().map(|step| (row_number(&step.order), step.sequence, step.status.as_str())).collect();
    told.sort();
    let mut expected: Vec<_> =
        rows.iter().map(|row| (row.order_id, i64::from(row.sequence), status_name(row.status))).collect();
    expected.sort();
    assert_eq!(told, expected);
}

/// The place of the order's last step in the feeds.
pub(crate) async fn last_cursor(viewer: &Person, order: &Order) -> String {
    let answer =
        viewer.query("query($id: ID!) { order(id: $id) { events { cursor } } }", json!({"id": order.id()})).await;
    answer.list("/order/events").last().unwrap()["cursor"].as_str().unwrap().to_owned()
}
