//! Generates traffic for the tests `faults` and `chaos`: orders that live, and people who follow them, whatever breaks meanwhile. At the
//! end what everybody was told is compared with the rows.

mod follower;
mod history;
mod life;
mod scene;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use entity::{order_events, sea_orm_active_enums::OrderStatus};
use futures_util::future::join_all;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tiffin_tests::{Answer, PATIENCE, acts::status_name, global_id, rows::row_number};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use follower::{Follower, Log};
use history::History;
use life::{Life, Lived};
pub use {
    follower::{Subject, has_expired},
    scene::Scene,
};

use OrderStatus::{Confirmed, PickedUp, Preparing, Ready};

/// Orders that are under way at the same time, each with two drivers of its own.
const AT_ONCE: usize = 12;
/// How many drivers that are.
pub const DRIVERS: usize = 2 * AT_ONCE;
/// The note of the last step of each feed.
const LAST: &str = "The last step.";

/// What all choices come from.
#[derive(Clone, Copy)]
pub struct Seed(u64);

impl Seed {
    /// The choices of this one of many.
    pub fn random(self, subject: &str, number: usize) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..8 + subject.len()].copy_from_slice(subject.as_bytes());
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(number as u64);
        random
    }
}

/// How many orders are to live, and what is chosen for them: as `TIFFIN_TEST_ORDERS` and `TIFFIN_TEST_SEED` say, or so many by chance.
#[derive(Clone, Copy)]
pub struct Plan {
    /// There are a few more, for they go on until the last fault has hit.
    pub orders: usize,
    pub seed: Seed,
    /// Whether another database takes the place of one that is lost.
    pub fails_over: bool,
}

impl Plan {
    /// Prints what it takes to do the same again.
    pub fn of_environment(orders: usize) -> Self {
        let orders = number("TIFFIN_TEST_ORDERS").map_or(orders, |orders| orders as usize);
        let seed = number("TIFFIN_TEST_SEED").unwrap_or_else(rand::random);
        eprintln!("TIFFIN_TEST_SEED={seed} TIFFIN_TEST_ORDERS={orders}");
        Plan { orders, seed: Seed(seed), fails_over: false }
    }

    /// How often each kind of fault hits: a hundredth as often as there are orders, and this often at least.
    pub fn times(&self, at_least: usize) -> usize {
        (self.orders / 100).max(at_least)
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// The orders under way, for what goes wrong meanwhile.
pub struct Course {
    plan: Plan,
    /// How many orders have come to their end.
    ended: watch::Sender<usize>,
}

impl Course {
    /// Does something so many times, at random places between the first order and the last. `kind` tells it from what else is done.
    pub async fn at_random_places(&self, kind: &str, times: usize, mut act: impl AsyncFnMut(&mut ChaCha8Rng)) {
        let mut random = self.plan.seed.random(kind, 0);
        let mut places: Vec<_> = (0..times).map(|_| random.random_range(0..self.plan.orders)).collect();
        places.sort_unstable();
        for place in places {
            self.until(place).await;
            act(&mut random).await;
        }
    }

    /// Waits until so many orders have come to their end.
    pub async fn until(&self, place: usize) {
        let mut ended = self.ended.subscribe();
        ended.wait_for(|ended| *ended >= place).await.expect("orders go on meanwhile");
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
pub fn is_for_now(answer: &Answer) -> bool {
    let problems = answer.problems();
    !problems.is_empty() && problems.iter().all(|problem| ["UNAVAILABLE", "TIMEOUT"].contains(&problem.code.as_str()))
}

/// Waits before another try, longer each time, as clients should.
pub async fn pause(tries: u32) {
    tokio::time::sleep(Duration::from_millis((10 << tries.min(6)).min(500))).await;
}

/// An order that has lived, and who followed it.
struct Past {
    order: String,
    lived: Lived,
    follower: Follower,
}

/// Lets orders live and be followed while `break_things` does what it does, and expects that no step was lost, told twice or out of order.
/// When `break_things` has ended, everything must be there again or come back by itself.
pub async fn expect_nothing_lost(scene: &Arc<Scene>, plan: Plan, break_things: impl AsyncFnOnce(&Course)) {
    let begun = Instant::now();
    let feeds = follow_feeds(scene, plan.seed);
    let pasts = live(scene, plan, break_things).await;
    // Nobody restarts anything from here on.
    scene.until_ready().await;
    join_all((0..scene.kitchens.len()).map(|number| last_order(scene, number))).await;

    scene.until_all_is_numbered().await;
    let history = History::read(scene).await;
    let orders = pasts.len() + scene.kitchens.len();
    assert_eq!(history.orders(), orders, "whoever asks again with the same key gets the same order");
    history.expect_whole_lives();
    history.expect_right_sums();
    history.expect_record_of(&scene.managers());
    let mut reconnects = 0;
    let mut followers = feeds;
    for Past { order, lived, follower } in pasts {
        let lost: Vec<_> = lived.acknowledged.iter().filter(|step| !history.has(step)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:#?}");
        followers.push((Subject::Order { id: order }, follower));
    }
    let deadline = Instant::now() + PATIENCE;
    for (subject, follower) in followers {
        let log = follower.log(deadline).await;
        assert!(plan.fails_over || log.told_anew.is_empty(), "{subject:?} began anew for no reason");
        expect_known(&subject, &log, &history.of(&subject));
        reconnects += log.reconnects;
    }
    scene.expect_idle_drivers().await;
    let (steps, in_doubt, seconds) = (history.len(), *scene.in_doubt.borrow(), begun.elapsed().as_secs());
    eprintln!(
        "{orders} orders, {steps} steps, {reconnects} reconnections, {in_doubt} operations in doubt, {seconds} s"
    );
}

/// The kitchen of each restaurant, some of the drivers, and an admin who looks at one of the kitchens.
fn follow_feeds(scene: &Scene, seed: Seed) -> Vec<(Subject, Follower)> {
    let start = || scene.start.clone();
    let kitchen = |number: usize| Subject::Kitchen { id: scene.kitchens[number].restaurant.id(), start: start() };
    let kitchens = scene.kitchens.iter().enumerate().map(|(number, of)| (&of.staff, kitchen(number)));
    let roads = scene.drivers.iter().take(scene.kitchens.len());
    let roads = roads.map(|driver| (driver, Subject::Road { driver: driver.driver_id(), start: start() }));
    let feeds = kitchens.chain(roads).chain([(&scene.admin, kitchen(0))]).enumerate();
    let feeds = feeds.map(|(number, (viewer, subject))| {
        let follower = Follower::start(scene.everywhere(viewer), subject.clone(), seed.random("feeds", number));
        (subject, follower)
    });
    feeds.collect()
}

/// Lets people order and be followed until there were so many orders, and nothing breaks any more.
async fn live(scene: &Arc<Scene>, plan: Plan, break_things: impl AsyncFnOnce(&Course)) -> Vec<Past> {
    let course = Course { plan, ended: watch::Sender::new(0) };
    let (placed, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let mut walkers = JoinSet::new();
    for walker in 0..AT_ONCE {
        let (scene, ended, placed, is_over) = (scene.clone(), course.ended.clone(), placed.clone(), is_over.clone());
        walkers.spawn(async move {
            let drivers = [&scene.drivers[2 * walker], &scene.drivers[2 * walker + 1]];
            let mut pasts = Vec::new();
            loop {
                let number = placed.fetch_add(1, Ordering::Relaxed);
                if number >= plan.orders && is_over.load(Ordering::Relaxed) {
                    return pasts;
                }
                let life = Life::random(&scene, drivers, plan.seed.random("lives", number));
                let living = one_order(&scene, life, number, plan.seed.random("orders", number));
                pasts.push(timeout(PATIENCE, living).await.expect("an order comes to its end"));
                ended.send_modify(|ended| *ended += 1);
            }
        });
    }
    break_things(&course).await;
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
    let [here, there] = [number, number + 1].map(|site| &scene.sites[site % scene.sites.len()].line);
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
fn expect_known(subject: &Subject, log: &Log, expected: &[Step]) {
    assert!(!expected.is_empty(), "{subject:?} had something to tell");
    // Who begins anew was told what came first, of all that is to be told.
    let told_first = if log.told_anew.is_empty() { expected } else { &expected[..log.told.len().min(expected.len())] };
    expect_told(subject, &log.told, told_first);
    let mut known: Vec<_> = log.told.iter().chain(&log.read).collect();
    for told in &log.told_anew {
        // First the latest step of each order under way, then all of them.
        for order in told.iter().map(|step| step.order).collect::<BTreeSet<_>>() {
            let of_order =
                |steps: &[Step]| steps.iter().filter(|step| step.order == order).cloned().collect::<Vec<_>>();
            let (told, expected) = (of_order(told), of_order(expected));
            let start = expected.iter().position(|step| *step == told[0]).unwrap_or(expected.len());
            let end = expected.len().min(start + told.len());
            expect_told(subject, &told, &expected[start..end]);
        }
        known.extend(told);
    }
    // A driver does not find an order again that it gave back.
    let is_readable = |step: &&Step| match subject {
        Subject::Order { .. } | Subject::Kitchen { .. } => true,
        Subject::Road { driver, .. } => {
            let last = expected.iter().rfind(|other| other.order == step.order);
            last.is_some_and(|last| last.driver.as_ref() == Some(driver))
        }
    };
    let unknown: Vec<_> = expected.iter().filter(|step| !known.contains(step)).filter(is_readable).collect();
    assert!(unknown.is_empty(), "{subject:?} knows nothing of {unknown:#?}");
}

#[track_caller]
fn expect_told(subject: &Subject, told: &[Step], expected: &[Step]) {
    let first = (0..told.len().max(expected.len())).find(|&place| told.get(place) != expected.get(place));
    if let Some(place) = first {
        let (told, expected) = (told.get(place..).unwrap_or_default(), expected.get(place..).unwrap_or_default());
        panic!("{subject:?}: from step {place} on {told:#?} was told, expected {expected:#?}");
    }
}
