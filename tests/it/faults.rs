//! Fault injection: whatever restarts, stalls or breaks, no step is lost and nobody misses one. Many orders live at two servers while the
//! servers, Redis, the connections to PostgreSQL and the sockets of clients are hit at random; then what everybody was told is compared
//! with the rows.
//!
//! `TIFFIN_TEST_ORDERS=2000 ./test faults::` is the long form. `TIFFIN_TEST_SEED` makes the choices of an earlier run again.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use sea_orm::{ConnectionTrait, TransactionTrait};
use tiffin_tests::{City, Database, PATIENCE, Proxy, RedisServer, TestDatabase, scratch_postgres};
use tokio::{sync::Mutex, time::timeout};

use crate::traffic::{DRIVERS, Plan, Scene, expect_nothing_lost};

#[test]
fn whatever_breaks_each_step_is_told_once_and_in_order() {
    tiffin_tests::run(async {
        let plan = Plan::of_environment(100);
        let ground = Ground::new().await;
        expect_nothing_lost(&ground.scene, plan, async |course| {
            let ground = &ground;
            let hitting = FAULTS.map(|fault| {
                let strike = async move |random: &mut ChaCha8Rng| fault.strike(ground, random).await;
                course.at_random_places(fault.name(), plan.times(3), strike)
            });
            join_all(hitting).await;
        })
        .await;
    });
}

/// Two servers, and what they stand on.
struct Ground {
    // The servers are ended before the rest.
    scene: Arc<Scene>,
    redis: Mutex<RedisServer>,
    redis_line: Proxy,
    /// Another database of the same cluster.
    elsewhere: TestDatabase,
}

impl Ground {
    async fn new() -> Self {
        let redis = RedisServer::start().await;
        let redis_line = Proxy::to(&redis.url()).await;
        let settings = [("REDIS_URL", redis_line.url()), ("TIFFIN_LOG", "info")];
        let city = City::with_settings(Database::Postgres, &settings).await;
        let scene = Arc::new(Scene::open(city, 2, DRIVERS).await);
        let elsewhere = scratch_postgres().await;
        let db = sea_orm::Database::connect(&elsewhere.url).await.expect("another database can be asked");
        db.execute_unprepared("create table notes (text text)").await.expect("a table can be made");
        Ground { scene, redis: Mutex::new(redis), redis_line, elsewhere }
    }
}

/// A kind of fault. One may come on top of another.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A server is killed (SIGKILL) and started again.
    Server,
    /// Redis is killed, and another one is there, which knows nothing.
    Redis,
    /// Redis stands still (SIGSTOP), and goes on.
    Pause,
    /// PostgreSQL ends all connections of both servers.
    Connections,
    /// All connections of clients to one server are cut, whatever is under way on them.
    Sockets,
    /// A transaction that has written to another database of the cluster is left open.
    Elsewhere,
}

const FAULTS: [Fault; 6] =
    [Fault::Server, Fault::Redis, Fault::Pause, Fault::Connections, Fault::Sockets, Fault::Elsewhere];

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::Server => "a server",
            Fault::Redis => "Redis",
            Fault::Pause => "a pause of Redis",
            Fault::Connections => "connections",
            Fault::Sockets => "sockets",
            Fault::Elsewhere => "a transaction elsewhere",
        }
    }

    async fn strike(self, ground: &Ground, random: &mut ChaCha8Rng) {
        let site = &ground.scene.sites[random.random_range(0..2)];
        let a_while = Duration::from_millis(random.random_range(100..1500));
        match self {
            Fault::Server => site.restart(&ground.scene.city).await,
            Fault::Redis => {
                let mut redis = ground.redis.lock().await;
                ground.redis_line.cut();
                *redis = RedisServer::start().await;
                ground.redis_line.turn_to_url(&redis.url());
                ground.redis_line.mend();
            }
            Fault::Pause => {
                let redis = ground.redis.lock().await;
                redis.freeze();
                tokio::time::sleep(a_while).await;
                redis.thaw();
            }
            Fault::Connections => until_some(async || end_connections(&ground.scene).await).await,
            Fault::Sockets => until_some(async || site.line.end_connections()).await,
            Fault::Elsewhere => {
                let db = sea_orm::Database::connect(&ground.elsewhere.url).await.expect("it can be asked");
                let open = db.begin().await.expect("a transaction can begin");
                open.execute_unprepared("insert into notes values ('open')").await.expect("a row can be written");
                tokio::time::sleep(a_while * 4).await;
                open.rollback().await.expect("a transaction can be rolled back");
            }
        }
    }
}

async fn end_connections(scene: &Scene) -> usize {
    let end = "select pg_terminate_backend(pid) from pg_stat_activity \
         where application_name = 'tiffin' and datname = current_database()";
    let ended = scene.city.db().execute_unprepared(end).await.expect("connections can be ended");
    ended.rows_affected() as usize
}

/// What hits nothing is no hit.
async fn until_some(hit: impl AsyncFn() -> usize) {
    let hitting = async {
        while hit().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, hitting).await.expect("there is something to hit");
}
