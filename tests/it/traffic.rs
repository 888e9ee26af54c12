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

use entity::{order_events, orders, sea_orm_active_enums::OrderStatus};
use futures_util::future::join_all;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use tiffin_tests::{Answer, PATIENCE, acts::status_name, global_id, rows::row_number};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use follower::{Feed, Follower, Log, Subject};
use history::History;
use life::{Life, Lived, Sight};
pub use {follower::has_expired, scene::Scene};

use OrderStatus::{Cancelled, Confirmed, Delivered, PickedUp, Preparing, Ready};

/// Orders that are under way at the same time, each with two drivers of its own.
const AT_ONCE: usize = 12;
/// How many drivers that are.
pub const DRIVERS: usize = 2 * AT_ONCE;

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

    /// The plan of one of so many parts, with choices of its own.
    pub fn part(&self, number: usize, parts: usize) -> Self {
        let Seed(seed) = self.seed;
        Plan { orders: self.orders / parts, seed: Seed(seed.wrapping_add(number as u64)), ..*self }
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

    /// A change of the orders that drivers can claim.
    fn of_change(event: &Value) -> Self {
        let [order, kind] = ["orderId", "kind"].map(|field| event[field].as_str().expect("a change names its order"));
        Step::of_board(row_number(order), kind)
    }

    /// The same, which is no step: it has the kind for a status.
    fn of_board(order: i32, kind: &str) -> Self {
        Step { order, sequence: 0, status: kind.to_owned(), driver: None }
    }

    fn is_claimable(&self) -> bool {
        self.driver.is_none() && ["CONFIRMED", "PREPARING", "READY"].contains(&self.status.as_str())
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

/// What there is before orders are placed.
pub struct Beginning {
    feeds: Vec<(Subject, Follower)>,
    /// Orders that somebody has to lead to their end.
    under_way: Vec<orders::Model>,
    /// How many orders have come to their end.
    ended: usize,
    /// Whether all who follow feeds do so from a step that the data do not hold.
    is_restored: bool,
}

impl Beginning {
    /// Nothing but people who follow feeds.
    pub fn of(scene: &Scene, plan: Plan) -> Self {
        Beginning {
            feeds: follow_feeds(scene, plan.seed, &scene.start),
            under_way: Vec::new(),
            ended: 0,
            is_restored: false,
        }
    }

    /// What is left when `restore` has put data from before in the place of those that are there now. People follow meanwhile, after the last step,
    /// which is lost.
    pub async fn of_restored(scene: &Scene, plan: Plan, restore: impl AsyncFnOnce()) -> Self {
        let feeds = follow_feeds(scene, plan.seed, &scene.last_cursor().await);
        restore().await;
        let orders = orders::Entity::find().filter(orders::Column::Id.ne(scene.old.row.id));
        let orders = orders.all(scene.city.db()).await.expect("what was restored can be read");
        let is_over = |order: &orders::Model| [Delivered, Cancelled].contains(&order.status);
        let (ended, under_way): (Vec<_>, Vec<_>) = orders.into_iter().partition(is_over);
        Beginning { feeds, under_way, ended: ended.len(), is_restored: true }
    }
}

/// Lets orders live and be followed while `break_things` does what it does, and expects that no step was lost, told twice or out of order.
/// When `break_things` has ended, everything must be there again or come back by itself.
pub async fn expect_nothing_lost(scene: &Arc<Scene>, plan: Plan, break_things: impl AsyncFnOnce(&Course)) {
    expect_nothing_lost_from(scene, plan, Beginning::of(scene, plan), break_things).await;
}

/// The same, with what there is already. Where that was restored, each feed is begun anew once.
pub async fn expect_nothing_lost_from(
    scene: &Arc<Scene>,
    plan: Plan,
    Beginning { feeds, under_way, ended, is_restored }: Beginning,
    break_things: impl AsyncFnOnce(&Course),
) {
    let begun = Instant::now();
    let pasts = live(scene, plan, under_way, break_things).await;
    // Nobody restarts anything from here on.
    scene.until_ready().await;
    join_all((0..scene.kitchens.len()).map(|number| last_order(scene, number))).await;

    scene.until_all_is_numbered().await;
    let history = History::read(scene).await;
    let orders = ended + pasts.len() + scene.kitchens.len();
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
        let expected = history.of(&subject);
        let log = follower.log(expected.last().filter(|_| subject.is_feed()), deadline).await;
        let restarts = usize::from(is_restored && subject.is_feed());
        assert!(
            plan.fails_over || log.told_anew.len() == restarts,
            "{subject:?} began anew, or did not, for no reason"
        );
        expect_known(&subject, &log, &expected);
        reconnects += log.reconnects;
    }
    scene.expect_idle_drivers().await;
    let (steps, in_doubt, seconds) = (history.len(), *scene.in_doubt.borrow(), begun.elapsed().as_secs());
    eprintln!(
        "{orders} orders, {steps} steps, {reconnects} reconnections, {in_doubt} operations in doubt, {seconds} s"
    );
}

/// The kitchen of each restaurant, some of the customers and drivers, and an admin who looks at one, some and all of the kitchens: what happens
/// after this cursor.
fn follow_feeds(scene: &Scene, seed: Seed, start: &str) -> Vec<(Subject, Follower)> {
    let restaurants: Vec<_> = scene.kitchens.iter().map(|kitchen| kitchen.restaurant.id()).collect();
    let some = restaurants[..restaurants.len() / 2].to_vec();
    let kitchens = scene.kitchens.iter().map(|of| (&of.staff, Feed::Kitchen(of.restaurant.id())));
    let customers = scene.customers.iter().map(|customer| (customer, Feed::Customer(customer.customer_id())));
    let drivers = scene.drivers.iter().map(|driver| (driver, Feed::Road(driver.driver_id())));
    let admin = [Feed::Kitchen(restaurants[0].clone()), Feed::Kitchens(some), Feed::City].map(|of| (&scene.admin, of));
    // The last orders are those of the first people.
    let people = kitchens.chain(customers.take(restaurants.len())).chain(drivers.take(restaurants.len()));
    let feeds = people.chain(admin).chain([(&scene.drivers[0], Feed::Board)]).enumerate();
    let feeds = feeds.map(|(number, (viewer, of))| {
        let subject = Subject::Feed { of, start: start.to_owned() };
        let follower = Follower::start(scene.everywhere(viewer), subject.clone(), seed.random("feeds", number));
        (subject, follower)
    });
    feeds.collect()
}

/// Lets people lead these orders to their end, order and be followed until there were so many orders, and nothing breaks any more.
async fn live(
    scene: &Arc<Scene>,
    plan: Plan,
    under_way: Vec<orders::Model>,
    break_things: impl AsyncFnOnce(&Course),
) -> Vec<Past> {
    let course = Course { plan, ended: watch::Sender::new(0) };
    let (placed, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let mut walkers = JoinSet::new();
    for (walker, found) in among_drivers(scene, under_way).into_iter().enumerate() {
        let (scene, ended, placed, is_over) = (scene.clone(), course.ended.clone(), placed.clone(), is_over.clone());
        walkers.spawn(async move {
            let drivers = [&scene.drivers[2 * walker], &scene.drivers[2 * walker + 1]];
            let mut pasts = Vec::new();
            if let Some(order) = found {
                let life = Life::of(&scene, &order, drivers, plan.seed.random("found", walker));
                let living = found_order(&scene, life, &order, plan.seed.random("finders", walker));
                pasts.push(timeout(PATIENCE, living).await.expect("an order comes to its end"));
            }
            loop {
                let number = placed.fetch_add(1, Ordering::Relaxed);
                if number >= plan.orders && is_over.load(Ordering::Relaxed) {
                    return pasts;
                }
                let life = Life::random(&scene, drivers, plan.seed.random("lives", number));
                let living = one_order(&scene, plan, life, number, plan.seed.random("orders", number));
                pasts.push(timeout(PATIENCE, living).await.expect("an order comes to its end"));
                ended.send_modify(|ended| *ended += 1);
            }
        });
    }
    break_things(&course).await;
    is_over.store(true, Ordering::Relaxed);
    walkers.join_all().await.into_iter().flatten().collect()
}

async fn one_order(scene: &Scene, plan: Plan, mut life: Life<'_>, number: usize, random: ChaCha8Rng) -> Past {
    let Seed(seed) = plan.seed;
    let placed = life.place(&format!("order {number} of {seed}")).await;
    followed(scene, life, placed, random).await
}

async fn found_order(scene: &Scene, mut life: Life<'_>, row: &orders::Model, random: ChaCha8Rng) -> Past {
    let found = life.look(&global_id("Order", row.id)).await;
    followed(scene, life, found, random).await
}

/// Leads the order to its end while its customer follows it.
async fn followed(scene: &Scene, life: Life<'_>, order: Sight, random: ChaCha8Rng) -> Past {
    let id = order.id.clone();
    let follower = Follower::start(scene.everywhere(life.customer), Subject::Order { id: id.clone() }, random);
    Past { order: id, lived: life.lead(order).await, follower }
}

/// The order of each pair of drivers: the one that either of them carries, or one that nobody carries yet.
fn among_drivers(scene: &Scene, orders: Vec<orders::Model>) -> Vec<Option<orders::Model>> {
    let mut found: Vec<Option<orders::Model>> = (0..AT_ONCE).map(|_| None).collect();
    let (carried, waiting): (Vec<_>, Vec<_>) = orders.into_iter().partition(|order| order.driver_id.is_some());
    for order in carried {
        let driver = scene.drivers.iter().position(|driver| Some(driver.driver().id) == order.driver_id);
        let place = &mut found[driver.expect("the driver is one of these") / 2];
        assert!(place.replace(order).is_none(), "a pair of drivers has one order at a time");
    }
    for order in waiting {
        *found.iter_mut().find(|place| place.is_none()).expect("there are as many pairs as orders") = Some(order);
    }
    found
}

/// An order that must go from its beginning to its end without a second try.
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
    duy.by_way_of(here).update_order_status(order, Delivered).await.expect_success();
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
    let is_readable = |step: &&Step| match subject {
        // A driver does not find an order again that it gave back.
        Subject::Feed { of: Feed::Road(driver), .. } => {
            let last = expected.iter().rfind(|other| other.order == step.order);
            last.is_some_and(|last| last.driver.as_ref() == Some(driver))
        }
        // What came and went is nowhere.
        Subject::Feed { of: Feed::Board, .. } => false,
        Subject::Order { .. } | Subject::Feed { .. } => true,
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
