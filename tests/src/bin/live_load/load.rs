//! Runs one load case: a server, its sockets, and the events that they are sent.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use entity::sea_orm_active_enums::OrderStatus;
use futures_util::{StreamExt, future::join_all, stream};
use serde::Serialize;
use serde_json::json;
use tiffin_tests::{City, Database, Person, Server, Usage};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Broker, Case, Events, Viewers,
    measure::{Echo, Percentiles, bare_write_micros, processor_ticks},
    socket::{Phase, Socket, SocketEnd, SocketPlan, Tally},
};

const FOLLOW_STEPS: &str =
    "subscription($id: ID!) { orderStatusChanged(orderId: $id) { sequence status at driver { id } } }";
/// What is wanted by those who then do not read: enough that the kernel cannot take it for them for long.
const FOLLOW_STEPS_AND_MUCH: &str = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { sequence at order { \
    a: events { id cursor at status previousStatus note } b: events { id cursor at status previousStatus note } \
    c: events { id cursor at status previousStatus note } d: events { id cursor at status previousStatus note } } } }";

const FOLLOW_PLACES: &str = "subscription($id: ID!) { driverLocationChanged(orderId: $id) { lat lng recordedAt } }";
/// The same for places.
fn follow_places_and_much() -> String {
    let much: String = (0..50).map(|number| format!(" a{number}: recordedAt")).collect();
    FOLLOW_PLACES.replace(" recordedAt", &format!(" recordedAt{much}"))
}

/// How many events happen before anybody follows them, or a few more.
const UNFOLLOWED: usize = 200;
/// How long sockets wait and nothing happens, to see what that takes.
const QUIET: Duration = Duration::from_secs(5);
/// How many sockets subscribe at the same time.
const AT_ONCE: usize = 32;
/// How often it is looked whether all is there.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the last message may take to come before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for a place, of which those that were skipped do not come at all.
const SKIPPED: Duration = Duration::from_secs(3);

/// The measurements of one case.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LoadOutcome {
    pub happened: usize,
    pub delivered: usize,
    /// Messages that did not come, or not in order; of places those too that were skipped for a newer one.
    pub lost: usize,
    /// Sockets that the server has closed by the end: those that stall, after a while.
    pub closed: usize,
    /// Of the server's processor time, what an event takes when nobody follows it.
    pub server_micros_an_event: f64,
    /// All the rest of it.
    pub server_micros_a_message: f64,
    /// What the system alone takes to write a message to a socket, measured in the generator before.
    pub bare_write_micros: f64,
    pub generator_micros_a_message: f64,
    /// Over all processes of the machine, PostgreSQL among them.
    pub processors_busy_percent: f64,
    /// Of the server, for each socket: acknowledged and without an operation, with its subscription, and after the events.
    pub idle_kilobytes_a_socket: f64,
    pub following_kilobytes_a_socket: f64,
    pub final_kilobytes_a_socket: f64,
    /// From the moment that an event has, which of a step is before its commit, to when it was read from the socket.
    pub delay: Percentiles,
    /// There and back to the generator itself, in the same time.
    pub echo: Percentiles,
}

/// An order that is followed, and the driver who takes its steps, claims it and gives it back, or tells places of it.
struct FollowedOrder {
    id: String,
    customer: Person,
    driver: Person,
}

pub async fn run(case: Case) -> LoadOutcome {
    let bare_write_micros = bare_write_micros().await;
    let city = city(case).await;
    let topics: Vec<_> = stream::iter(0..case.topics).map(|_| topic(case, &city)).buffered(8).collect().await;
    let server = city.server();
    let address = server.address();
    let empty = server.usage();
    let (phase, phases) = watch::channel(Phase::Idle);
    let (tally, turns) = (Arc::<Tally>::default(), Arc::new(Semaphore::new(AT_ONCE)));
    let mut readers = vec![0; topics.len()];
    let mut followers = JoinSet::new();
    for number in 0..case.sockets {
        let topic = &topics[number % topics.len()];
        let is_stalled = case.is_stalled(number);
        readers[number % topics.len()] += usize::from(!is_stalled);
        let viewer = match case.viewers {
            Viewers::Same => topic.customer.clone(),
            Viewers::Different => city.admin().await,
        };
        let socket = Socket::open(address, number, is_stalled, &viewer.connection_init()).await;
        let document = match (case.events, is_stalled) {
            (Events::Steps, false) => FOLLOW_STEPS,
            (Events::Steps, true) => FOLLOW_STEPS_AND_MUCH,
            (Events::Places, false) => FOLLOW_PLACES,
            (Events::Places, true) => &follow_places_and_much(),
        };
        let subscription = json!({"query": document, "variables": {"id": topic.id}});
        let plan = SocketPlan { subscription, events: case.events, is_stalled };
        followers.spawn(socket.follow(plan, phases.clone(), turns.clone(), tally.clone()));
    }
    let idle = server.usage();
    // What sockets take that wait, of pings above all, is no event's and no message's.
    let quiet = Moment::now(server);
    sleep(QUIET).await;
    let unfollowed = Moment::now(server);
    let load_of_waiting = unfollowed.micros_since(quiet) / QUIET.as_secs_f64();
    let alone = let_happen(case.unfollowed(), &topics).await.iter().sum::<usize>() as f64;
    let micros_an_event = Moment::now(server).micros_beyond(load_of_waiting, unfollowed) / alone;
    phase.send_replace(Phase::Following);
    while tally.present.load(Ordering::Relaxed) < case.sockets {
        if let Ok(Some(ended)) = timeout(PAUSE, followers.join_next()).await {
            panic!("a socket has ended: {ended:?}");
        }
    }
    let following = server.usage();
    let echo = Echo::start().await;
    let before = Moment::now(server);
    let happened = let_happen(case, &topics).await;
    let expected: usize = happened.iter().zip(&readers).map(|(events, readers)| events * readers).sum();
    let delivered = until_delivered(case, &tally, expected).await;
    let after = Moment::now(server);
    phase.send_replace(Phase::Over);
    let ends = followers.join_all().await;

    let events: usize = happened.iter().sum();
    let of_messages = after.micros_beyond(load_of_waiting, before) - micros_an_event * events as f64;
    let of_generator = (after.generator.processor - before.generator.processor).as_secs_f64() * 1e6;
    let per_socket = |usage: Usage| (usage.memory as f64 - empty.memory as f64) / 1024.0 / case.sockets as f64;
    LoadOutcome {
        happened: events,
        delivered,
        lost: expected.abs_diff(delivered) + tally.broken.load(Ordering::Relaxed),
        closed: ends.into_iter().filter(|end| *end == SocketEnd::Closed).count(),
        server_micros_an_event: micros_an_event,
        server_micros_a_message: of_messages / delivered.max(1) as f64,
        bare_write_micros,
        generator_micros_a_message: of_generator / delivered.max(1) as f64,
        processors_busy_percent: after.busy_percent_since(before),
        idle_kilobytes_a_socket: per_socket(idle),
        following_kilobytes_a_socket: per_socket(following),
        final_kilobytes_a_socket: per_socket(after.server),
        delay: Percentiles::of(tally.take_delays()),
        echo: echo.stop().await,
    }
}

/// What was used up to a moment.
#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    server: Usage,
    generator: Usage,
    processors: (f64, f64),
}

impl Moment {
    fn now(server: &Server) -> Self {
        let generator = Usage::of_process(std::process::id());
        Moment { at: Instant::now(), server: server.usage(), generator, processors: processor_ticks() }
    }

    /// Microseconds of processor time that the server has used since.
    fn micros_since(self, before: Self) -> f64 {
        (self.server.processor - before.server.processor).as_secs_f64() * 1e6
    }

    /// The same beyond a load, in microseconds a second.
    fn micros_beyond(self, load: f64, before: Self) -> f64 {
        self.micros_since(before) - load * (self.at - before.at).as_secs_f64()
    }

    fn busy_percent_since(self, before: Self) -> f64 {
        let [(busy, all), (busy_before, all_before)] = [self.processors, before.processors];
        (busy - busy_before) / (all - all_before) * 100.0
    }
}

impl Case {
    /// The same for long enough to see what an event takes: an even number of them for each order, so that it ends as it was.
    fn unfollowed(self) -> Self {
        let rounds = 2 * (UNFOLLOWED / 2).div_ceil(self.topics).max(1);
        Case { seconds: 1, events_per_second: (rounds * self.topics) as f64, ..self }
    }

    /// Spread over all topics.
    fn is_stalled(self, number: usize) -> bool {
        let round = number / self.topics;
        (number * self.stalled_percent + round) % 100 < self.stalled_percent
    }
}

async fn city(case: Case) -> City {
    let many = (case.sockets + 100).to_string();
    let mut settings = vec![
        ("TIFFIN_LOG", "warn,tiffin::cli=info"),
        ("TIFFIN_WEBSOCKET_CONNECTIONS", many.as_str()),
        ("TIFFIN_WEBSOCKET_CONNECTIONS_PER_ADDRESS", many.as_str()),
    ];
    if case.broker == Broker::InProcess {
        settings.push(("REDIS_URL", ""));
    }
    City::with_settings(Database::Postgres, &settings).await
}

async fn topic(case: Case, city: &City) -> FollowedOrder {
    let restaurant = city.restaurant().with_dishes(1).create().await;
    let customer = city.customer("Ann").await;
    let order = city.order(&customer, &restaurant).status(OrderStatus::Ready).create().await;
    let topic = FollowedOrder { id: order.id(), customer, driver: city.driver("Duy").await };
    if case.events == Events::Places {
        topic.driver.assign_driver(&topic.id, &topic.driver).await.expect_success();
        topic.driver.move_to(21.0, 105.0).await.expect_success();
    }
    topic
}

impl FollowedOrder {
    /// The next event, after so many others.
    async fn happen(&self, case: Case, events: usize) {
        let FollowedOrder { id, driver, .. } = self;
        let answer = match (case.events, events % 2) {
            (Events::Steps, 0) => driver.assign_driver(id, driver).await,
            (Events::Steps, _) => driver.release_driver(id).await,
            (Events::Places, _) => driver.move_to(21.0, 105.0 + events as f64 / 10_000.0).await,
        };
        answer.expect_success();
    }
}

/// Lets something happen to the orders in turn at the given pace; gives how often it did to each.
async fn let_happen(case: Case, topics: &[FollowedOrder]) -> Vec<usize> {
    let wanted = (case.events_per_second * case.seconds as f64) as usize;
    let start = Instant::now();
    let of_topic = topics.iter().enumerate().map(async |(number, topic)| {
        let mut events = 0;
        for turn in (number..wanted).step_by(topics.len()) {
            sleep_until(start + Duration::from_secs_f64(turn as f64 / case.events_per_second)).await;
            topic.happen(case, events).await;
            events += 1;
        }
        events
    });
    join_all(of_topic).await
}

/// Waits until so many messages have come, or none comes any more; gives their number.
async fn until_delivered(case: Case, tally: &Tally, expected: usize) -> usize {
    let patience = match case.events {
        Events::Steps => PATIENCE,
        Events::Places => SKIPPED,
    };
    let (mut delivered, mut since) = (0, Instant::now());
    loop {
        let now = tally.delivered.load(Ordering::Relaxed);
        if now >= expected || since.elapsed() > patience {
            return now;
        }
        if now > delivered {
            (delivered, since) = (now, Instant::now());
        }
        sleep(PAUSE).await;
    }
}
