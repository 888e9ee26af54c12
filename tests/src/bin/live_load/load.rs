//! One row of the table: a server, its sockets, and the steps that they are told of.

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
    Broker, Case,
    measure::{Echo, Percentiles, processor_ticks},
    socket::{End, Phase, Socket, Tally},
};

const FOLLOW: &str = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { sequence status at driver { id } } }";
/// What is wanted by those who then do not read: enough that the kernel cannot take it for them for long.
const FOLLOW_MUCH: &str = "subscription($id: ID!) { orderStatusChanged(orderId: $id) { sequence at order { \
    a: events { id cursor at status previousStatus note } b: events { id cursor at status previousStatus note } \
    c: events { id cursor at status previousStatus note } d: events { id cursor at status previousStatus note } } } }";

/// How many sockets subscribe at the same time.
const AT_ONCE: usize = 32;
/// How often it is looked whether all is there.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the last message may take to come before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Outcome {
    pub steps: usize,
    pub delivered: usize,
    /// Messages that did not come, or not in order.
    pub lost: usize,
    /// Sockets that the server has closed by the end: those that stall, after a while.
    pub closed: usize,
    pub server_micros_a_message: f64,
    pub generator_micros_a_message: f64,
    /// Over all processes of the machine, PostgreSQL among them.
    pub processors_busy_percent: f64,
    /// Of the server, for each socket: acknowledged and without an operation, with its subscription, and after the steps.
    pub idle_kilobytes_a_socket: f64,
    pub following_kilobytes_a_socket: f64,
    pub final_kilobytes_a_socket: f64,
    /// From the moment that a step has, which is before its commit, to when it was read from the socket.
    pub delay: Percentiles,
    /// There and back to the generator itself, in the same time.
    pub echo: Percentiles,
}

/// An order that is followed, and the driver who takes its steps: claims it and gives it back.
struct Topic {
    id: String,
    customer: Person,
    driver: Person,
}

pub async fn run(case: Case) -> Outcome {
    let city = city(case).await;
    let topics: Vec<_> = stream::iter(0..case.topics).map(|_| topic(&city)).buffered(8).collect().await;
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
        let socket = Socket::open(address, number, is_stalled, &topic.customer.connection_init()).await;
        let document = if is_stalled { FOLLOW_MUCH } else { FOLLOW };
        let subscription = json!({"query": document, "variables": {"id": topic.id}});
        followers.spawn(socket.follow(subscription, phases.clone(), turns.clone(), tally.clone(), is_stalled));
    }
    let idle = server.usage();
    phase.send_replace(Phase::Following);
    while tally.present.load(Ordering::Relaxed) < case.sockets {
        if let Ok(Some(ended)) = timeout(PAUSE, followers.join_next()).await {
            panic!("a socket has ended: {ended:?}");
        }
    }
    let following = server.usage();
    let echo = Echo::start().await;
    let before = Moment::now(server);
    let steps = take_steps(case, &topics).await;
    let expected: usize = steps.iter().zip(&readers).map(|(steps, readers)| steps * readers).sum();
    let delivered = until_delivered(&tally, expected).await;
    let after = Moment::now(server);
    phase.send_replace(Phase::Over);
    let ends = followers.join_all().await;

    let per_message = |after: Usage, before: Usage| {
        (after.processor - before.processor).as_secs_f64() * 1e6 / delivered.max(1) as f64
    };
    let per_socket = |usage: Usage| (usage.memory as f64 - empty.memory as f64) / 1024.0 / case.sockets as f64;
    Outcome {
        steps: steps.iter().sum(),
        delivered,
        lost: expected.abs_diff(delivered) + tally.broken.load(Ordering::Relaxed),
        closed: ends.into_iter().filter(|end| *end == End::Closed).count(),
        server_micros_a_message: per_message(after.server, before.server),
        generator_micros_a_message: per_message(after.generator, before.generator),
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
    server: Usage,
    generator: Usage,
    processors: (f64, f64),
}

impl Moment {
    fn now(server: &Server) -> Self {
        let generator = Usage::of_process(std::process::id());
        Moment { server: server.usage(), generator, processors: processor_ticks() }
    }

    fn busy_percent_since(self, before: Self) -> f64 {
        let [(busy, all), (busy_before, all_before)] = [self.processors, before.processors];
        (busy - busy_before) / (all - all_before) * 100.0
    }
}

impl Case {
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

async fn topic(city: &City) -> Topic {
    let restaurant = city.restaurant().with_dishes(1).create().await;
    let customer = city.customer("Ann").await;
    let order = city.order(&customer, &restaurant).status(OrderStatus::Ready).create().await;
    Topic { id: order.id(), customer, driver: city.driver("Duy").await }
}

/// Takes steps in turn at the given pace; gives how many each order has taken.
async fn take_steps(case: Case, topics: &[Topic]) -> Vec<usize> {
    let wanted = (case.steps_per_second * case.seconds as f64) as usize;
    let start = Instant::now();
    let of_topic = topics.iter().enumerate().map(async |(number, topic)| {
        let mut steps = 0;
        for turn in (number..wanted).step_by(topics.len()) {
            sleep_until(start + Duration::from_secs_f64(turn as f64 / case.steps_per_second)).await;
            let Topic { id, driver, .. } = topic;
            let answer =
                if steps % 2 == 0 { driver.assign_driver(id, driver).await } else { driver.release_driver(id).await };
            answer.expect_success();
            steps += 1;
        }
        steps
    });
    join_all(of_topic).await
}

/// Waits until so many messages have come, or none comes any more; gives their number.
async fn until_delivered(tally: &Tally, expected: usize) -> usize {
    let (mut delivered, mut since) = (0, Instant::now());
    loop {
        let now = tally.delivered.load(Ordering::Relaxed);
        if now >= expected || since.elapsed() > PATIENCE {
            return now;
        }
        if now > delivered {
            (delivered, since) = (now, Instant::now());
        }
        sleep(PAUSE).await;
    }
}
