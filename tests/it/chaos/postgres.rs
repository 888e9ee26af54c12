//! Two servers on a PostgreSQL that has a standby, and a Redis.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tiffin_tests::{City, PostgresServer, Proxy, RedisServer, Stop};
use tokio::{net::TcpStream, sync::Mutex};

use super::outsiders::Outsiders;
use crate::traffic::{DRIVERS, Plan, Scene, expect_nothing_lost};

pub async fn scenario(plan: Plan) {
    let ground = Ground::new().await;
    let plan = Plan { fails_over: true, ..plan };
    let mut outsiders = Outsiders::come(&ground.scene, plan.seed).await;
    // Nobody is led to it, for it is not ready; what it does by itself it does.
    let ahead = ground.scene.city.try_another_server_by(&at_another_time("+16m")).await;
    let ahead = ahead.unwrap_or_else(|problem| panic!("{problem}"));
    expect_nothing_lost(&ground.scene, plan, async |course| {
        let ground = &ground;
        let dismissing = async {
            course.until(plan.orders / 3).await;
            let (_rest, redis) = tokio::join!(ground.database.lock(), ground.redis.lock());
            // Its word of it is lost, or comes too late.
            let is_silent = plan.seed.random("silence", 0).random_bool(0.5);
            if is_silent {
                redis.freeze();
            }
            outsiders.dismiss(&ground.scene, plan.seed).await;
            if is_silent {
                redis.thaw();
            }
        };
        let hitting = FAULTS.map(|fault| {
            let strike = async move |random: &mut ChaCha8Rng| fault.strike(ground, random).await;
            let times = if matches!(fault, Fault::Failover) { 1 } else { plan.times(2) };
            course.at_random_places(fault.name(), times, strike)
        });
        tokio::join!(join_all(hitting), dismissing);
    })
    .await;
    outsiders.expect_nothing_told(&ground.scene).await;
    let ready = reqwest::get(ahead.url("/health/ready")).await.expect("it answers");
    assert_eq!(ready.status(), 503, "a process that is 16 minutes ahead is not ready");
}

struct Ground {
    // The servers are ended before what they stand on.
    scene: Arc<Scene>,
    redis: Mutex<RedisServer>,
    database: Mutex<Cluster>,
    /// Where the servers find the database, whichever it is.
    line: Proxy,
}

struct Cluster {
    primary: PostgresServer,
    /// Until it is needed.
    standby: Option<PostgresServer>,
}

impl Ground {
    async fn new() -> Self {
        let redis = RedisServer::start().await;
        let [primary, standby] = PostgresServer::start_pair().await;
        let line = Proxy::to(&primary.url()).await;
        let settings =
            [("REDIS_URL", redis.url().as_str()), ("TIFFIN_LOG", "info")].map(|(name, value)| (name, value.to_owned()));
        let city = City::in_database(line.url(), &settings).await;
        let scene = Arc::new(Scene::open(city, 2, DRIVERS).await);
        let cluster = Cluster { primary, standby: Some(standby) };
        Ground { scene, redis: Mutex::new(redis), database: Mutex::new(cluster), line }
    }
}

/// The command that lets a process believe in another time, and leaves its monotonic clock alone.
fn at_another_time(offset: &str) -> Vec<String> {
    let library = std::env::var("TEST_FAKETIME").expect(
        "TEST_FAKETIME is not set: run the tests with ./test, which finds or installs libfaketime, or set it to libfaketime.so.1",
    );
    let settings = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME", offset),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    ["env".to_owned()].into_iter().chain(settings.map(|(name, value)| format!("{name}={value}"))).collect()
}

/// A kind of fault. One may come on top of another.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// PostgreSQL stands still (SIGSTOP), and goes on.
    FrozenDatabase,
    /// PostgreSQL is stopped, in either way, and started.
    RestartedDatabase,
    /// PostgreSQL is lost with all that it has, and its standby takes its place.
    Failover,
    /// Redis stands still: it takes connections and answers nothing.
    FrozenRedis,
    /// A server is killed (SIGKILL) and started again.
    KilledServer,
    /// A server is started anew on a machine whose clock is some seconds ahead or behind, and serves.
    ClockApart,
    /// A server has few descriptors left, and is asked for more connections than that.
    FewDescriptors,
}

const FAULTS: [Fault; 7] = [
    Fault::FrozenDatabase,
    Fault::RestartedDatabase,
    Fault::Failover,
    Fault::FrozenRedis,
    Fault::KilledServer,
    Fault::ClockApart,
    Fault::FewDescriptors,
];

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::FrozenDatabase => "a frozen database",
            Fault::RestartedDatabase => "a restarted database",
            Fault::Failover => "a failover",
            Fault::FrozenRedis => "a frozen Redis",
            Fault::KilledServer => "a killed server",
            Fault::ClockApart => "a clock apart",
            Fault::FewDescriptors => "few descriptors",
        }
    }

    async fn strike(self, ground: &Ground, random: &mut ChaCha8Rng) {
        let scene = &ground.scene;
        let site = &scene.sites[random.random_range(0..scene.sites.len())];
        let a_while = Duration::from_millis(random.random_range(200..5000));
        let stop = if random.random_bool(0.5) { Stop::Fast } else { Stop::Immediate };
        match self {
            Fault::FrozenDatabase => {
                let cluster = ground.database.lock().await;
                cluster.primary.freeze();
                tokio::time::sleep(a_while).await;
                cluster.primary.thaw();
            }
            Fault::RestartedDatabase => ground.database.lock().await.primary.restart(stop).await,
            Fault::Failover => ground.database.lock().await.fail_over(&ground.line).await,
            Fault::FrozenRedis => {
                let redis = ground.redis.lock().await;
                redis.freeze();
                tokio::time::sleep(a_while).await;
                redis.thaw();
            }
            Fault::KilledServer => site.restart(&scene.city).await,
            Fault::ClockApart => {
                let offset = if random.random_bool(0.5) { "+4s" } else { "-4s" };
                site.restart_by(&at_another_time(offset), &scene.city).await;
            }
            Fault::FewDescriptors => {
                let server = site.server.lock().await;
                server.limit_descriptors(Some(random.random_range(0..20)));
                let crowd = join_all((0..100).map(|_| TcpStream::connect(server.address()))).await;
                tokio::time::sleep(a_while).await;
                server.limit_descriptors(None);
                drop(crowd);
            }
        }
    }
}

impl Cluster {
    /// As whoever looks after databases does it: a standby that has not all that was acknowledged is not taken.
    async fn fail_over(&mut self, line: &Proxy) {
        let standby = self.standby.take().expect("there is one failover");
        self.primary.until_standby_has_all().await;
        self.primary.kill();
        standby.promote();
        line.turn_to_url(&standby.url());
        self.primary = standby;
    }
}
