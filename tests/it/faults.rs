//! Whatever restarts, stalls or breaks, no step is lost and nobody misses one: many orders live at two servers while the servers,
//! Redis, the connections to PostgreSQL and the sockets of clients are hit at random; then what everybody was told is compared with
//! the rows.
//!
//! `TIFFIN_TEST_ORDERS=2000 ./test faults::` is the long form. `TIFFIN_TEST_SEED` makes the choices of an earlier run again.

mod follower;
mod history;
mod hits;
mod life;
mod redis;
mod scene;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use entity::{order_events, sea_orm_active_enums::OrderStatus};
use futures_util::future::join_all;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tiffin_tests::{Answer, PATIENCE, acts::status_name, global_id, rows::row_number};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use follower::{Follower, Subject};
use history::History;
use life::{Life, Lived};
use scene::Scene;

use OrderStatus::{Confirmed, PickedUp, Preparing, Ready};

/// Orders of the short form. There are a few more, for they go on until the last fault has hit.
const ORDERS: usize = 100;
/// Orders that are under way at the same time, each with two drivers of its own.
const AT_ONCE: usize = 12;
/// The note of the last step of each feed.
const LAST: &str = "The last step.";

#[test]
fn whatever_breaks_each_step_is_told_once_and_in_order() {
    let orders = number("TIFFIN_TEST_ORDERS").map_or(ORDERS, |orders| orders as usize);
    let seed = number("TIFFIN_TEST_SEED").unwrap_or_else(rand::random);
    eprintln!("TIFFIN_TEST_SEED={seed} TIFFIN_TEST_ORDERS={orders}");
    tiffin_tests::run(scenario(orders, Seed(seed)));
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What all choices come from.
#[derive(Clone, Copy)]
struct Seed(u64);

impl Seed {
    /// The choices of this one of many.
    fn random(self, subject: &str, number: usize) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..8 + subject.len()].copy_from_slice(subject.as_bytes());
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(number as u64);
        random
    }
}

/// A step of an order, as it was told and as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    order: i32,
    sequence: i32,
    status: String,
    driver: Option<String>,
}

impl Step {
    fn of(order: &str, event: &Value) -> Self {
        Step {
            order: row_number(order),
            sequence: event["sequence"].as_i64().unwrap() as i32,
            status: event["status"].as_str().unwrap().to_owned(),
            driver: event["driver"]["id"].as_str().map(str::to_owned),
        }
    }

    fn of_row(row: &order_events::Model) -> Self {
        Step {
            order: row.order_id,
            sequence: row.sequence,
            status: status_name(row.status).to_owned(),
            driver: row.driver_id.map(|driver| global_id("Driver", driver)),
        }
    }

    fn is_final(&self) -> bool {
        ["DELIVERED", "CANCELLED"].contains(&self.status.as_str())
    }
}

/// Whether the server says only that something it needs is away: asking again is all that is to be done.
fn is_for_now(answer: &Answer) -> bool {
    let problems = answer.problems();
    !problems.is_empty() && problems.iter().all(|problem| ["UNAVAILABLE", "TIMEOUT"].contains(&problem.code.as_str()))
}

/// Waits before another try, longer each time, as clients should.
async fn pause(tries: u32) {
    tokio::time::sleep(Duration::from_millis((10 << tries.min(6)).min(500))).await;
}

/// An order that has lived, and who followed it.
struct Past {
    order: String,
    lived: Lived,
    follower: Follower,
}

async fn scenario(wanted: usize, seed: Seed) {
    let times = (wanted / 100).max(3);
    let scene = Arc::new(Scene::new(2 * AT_ONCE).await);
    let feeds = follow_feeds(&scene, seed);
    let pasts = live(&scene, wanted, times, seed).await;
    // Nobody restarts anything from here on.
    scene.until_ready().await;
    join_all((0..scene.kitchens.len()).map(|number| last_order(&scene, number))).await;

    let history = History::read(&scene).await;
    let orders = pasts.len() + scene.kitchens.len();
    assert_eq!(history.orders(), orders, "whoever asks again with the same key gets the same order");
    history.expect_whole_lives();
    let (mut reconnects, mut in_doubt) = (0, 0);
    let mut followers = feeds;
    for Past { order, lived, follower } in pasts {
        let lost: Vec<_> = lived.acknowledged.iter().filter(|step| !history.has(step)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:#?}");
        in_doubt += lived.in_doubt;
        followers.push((Subject::Order { id: order }, follower));
    }
    let deadline = Instant::now() + PATIENCE;
    for (subject, follower) in followers {
        let log = follower.log(deadline).await;
        expect_told(&subject, &log.told, &history.of(&subject));
        reconnects += log.reconnects;
    }
    scene.until_all_is_published().await;
    scene.expect_idle_drivers().await;
    eprintln!(
        "{orders} orders, {} steps, each kind of fault {times} times, {reconnects} reconnections, {in_doubt} steps in doubt",
        history.len()
    );
}

/// The kitchen of each restaurant, and some of the drivers.
fn follow_feeds(scene: &Scene, seed: Seed) -> Vec<(Subject, Follower)> {
    let start = || scene.start.clone();
    let kitchens = scene.kitchens.iter().map(|kitchen| {
        let id = kitchen.restaurant.id();
        (&kitchen.staff, Subject::Kitchen { id, start: start() })
    });
    let roads = scene.drivers.iter().take(scene.kitchens.len());
    let roads = roads.map(|driver| (driver, Subject::Road { driver: driver.driver_id(), start: start() }));
    let feeds = kitchens.chain(roads).enumerate().map(|(number, (viewer, subject))| {
        let follower = Follower::start(scene.everywhere(viewer), subject.clone(), seed.random("feeds", number));
        (subject, follower)
    });
    feeds.collect()
}

/// Lets people order and be followed until there were so many orders, and each fault has hit so many times.
async fn live(scene: &Arc<Scene>, wanted: usize, times: usize, seed: Seed) -> Vec<Past> {
    let (ended, placed, is_over) = (watch::Sender::new(0), Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let mut walkers = JoinSet::new();
    for walker in 0..AT_ONCE {
        let (scene, ended, placed, is_over) = (scene.clone(), ended.clone(), placed.clone(), is_over.clone());
        walkers.spawn(async move {
            let drivers = [&scene.drivers[2 * walker], &scene.drivers[2 * walker + 1]];
            let mut pasts = Vec::new();
            loop {
                let number = placed.fetch_add(1, Ordering::Relaxed);
                if number >= wanted && is_over.load(Ordering::Relaxed) {
                    return pasts;
                }
                let life = Life::random(&scene, drivers, seed.random("lives", number));
                let living = one_order(&scene, life, number, seed.random("orders", number));
                pasts.push(timeout(PATIENCE, living).await.expect("an order comes to its end"));
                ended.send_modify(|ended| *ended += 1);
            }
        });
    }
    hits::hit(scene, times, wanted, &ended, seed).await;
    is_over.store(true, Ordering::Relaxed);
    walkers.join_all().await.into_iter().flatten().collect()
}

async fn one_order(scene: &Scene, mut life: Life<'_>, number: usize, random: ChaCha8Rng) -> Past {
    let placed = life.place(&format!("order {number}")).await;
    let order = placed.id.clone();
    let subject = Subject::Order { id: order.clone() };
    let follower = Follower::start(scene.everywhere(life.customer), subject, random);
    Past { order, lived: life.lead(placed).await, follower }
}

/// An order that must go from its beginning to its end without a second try, and ends the feeds of its restaurant and its driver.
async fn last_order(scene: &Scene, number: usize) {
    let [here, there] = [0, 1].map(|site| &scene.sites[(number + site) % 2].line);
    let (kitchen, ann, duy) = (&scene.kitchens[number], &scene.customers[number], &scene.drivers[number]);
    let staff = &kitchen.staff;
    let order = &ann.by_way_of(here).has_ordered(&kitchen.restaurant.basket(&[(0, 1)])).await;
    staff.by_way_of(there).update_order_status(order, Confirmed).await.expect_success();
    duy.by_way_of(here).assign_driver(order, duy).await.expect_success();
    staff.by_way_of(there).update_order_status(order, Preparing).await.expect_success();
    staff.by_way_of(here).update_order_status(order, Ready).await.expect_success();
    duy.by_way_of(there).update_order_status(order, PickedUp).await.expect_success();
    let document = "mutation($id: ID!, $note: String) { \
         updateOrderStatus(input: {orderId: $id, status: DELIVERED, note: $note}) { order { status } } }";
    duy.by_way_of(here).query(document, json!({"id": order, "note": LAST})).await.expect_success();
}

/// Nothing missing, nothing twice, nothing out of order.
#[track_caller]
fn expect_told(subject: &Subject, told: &[Step], expected: &[Step]) {
    assert!(!expected.is_empty(), "{subject:?} had something to tell");
    let first = (0..told.len().max(expected.len())).find(|&place| told.get(place) != expected.get(place));
    if let Some(place) = first {
        let (told, expected) = (told.get(place..).unwrap_or_default(), expected.get(place..).unwrap_or_default());
        panic!("{subject:?}: from step {place} on {told:#?} was told, expected {expected:#?}");
    }
}
