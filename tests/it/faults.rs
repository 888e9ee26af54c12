//! Fault injection: whatever restarts, stalls or breaks, no step is lost and nobody misses one. Many orders live at two servers while the
//! servers, Redis, the connections to PostgreSQL and the sockets of clients are hit at random; then what everybody was told is compared
//! with the rows.
//!
//! `TIFFIN_TEST_ORDERS=2000 ./test faults::` is the long form. `TIFFIN_TEST_SEED` makes the choices of an earlier run again.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use sea_orm::{ConnectionTrait, TransactionTrait};
use tiffin_tests::{City, Database, PATIENCE, Proxy, RedisServer, TestDatabase, dump, restore, scratch_postgres};
use tokio::{sync::Mutex, time::timeout};

use crate::traffic::{Beginning, Course, DRIVERS, Plan, Scene, expect_nothing_lost, expect_nothing_lost_from};

#[test]
fn whatever_breaks_each_step_is_told_once_and_in_order() {
    tiffin_tests::run(async {
        let plan = Plan::of_environment(100);
        let ground = Ground::new().await;
        expect_nothing_lost(&ground.scene, plan, async |course| ground.hit(course, plan.times(3)).await).await;
    });
}

/// A backup is made while orders live and things break, and restored when they have ended; then what it holds goes on, and things break
/// again. What came after it is lost by right: so what was told until then is compared before the rows are gone, and nothing is under way when
/// they go. Who follows meanwhile is refused once, begins anew, and misses nothing of what the backup holds or of what happens after it.
#[test]
fn what_a_backup_holds_lives_on() {
    tiffin_tests::run(async {
        let plan = Plan::of_environment(80);
        let restores = (plan.orders / 500).max(1);
        let ground = Ground::new().await;
        let scene = &ground.scene;
        let file = scene.city.directory().join("backup");
        let part = |number| plan.part(number, restores + 1);
        let mut beginning = Beginning::of(scene, part(0));
        for number in 0..=restores {
            expect_nothing_lost_from(scene, part(number), beginning, async |course| {
                let saving = course.at_random_places("a backup", 1, async |_| ground.save(&file).await);
                tokio::join!(ground.hit(course, part(number).times(1)), saving);
            })
            .await;
            if number == restores {
                break;
            }
            beginning = Beginning::of_restored(scene, part(number + 1), async || ground.restore(&file).await).await;
        }
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

impl Ground {
    /// Lets each kind of fault hit so many times, at random places.
    async fn hit(&self, course: &Course, times: usize) {
        let hitting = FAULTS.map(|fault| {
            let strike = async move |random: &mut ChaCha8Rng| fault.strike(self, random).await;
            course.at_random_places(fault.name(), times, strike)
        });
        join_all(hitting).await;
    }

    /// Saves the database as it is at this moment.
    async fn save(&self, file: &Path) {
        let (url, file) = (self.database_url(), file.to_owned());
        tokio::task::spawn_blocking(move || dump(&url, &file)).await.expect("it can be saved");
    }

    /// Restores it in its place, as the operations' manual says: with the servers stopped.
    async fn restore(&self, file: &Path) {
        let (url, file) = (self.database_url(), file.to_owned());
        self.scene
            .without_servers(async || {
                let clean = ["--clean", "--if-exists", "--single-transaction"];
                tokio::task::spawn_blocking(move || restore(&file, &url, &clean)).await.expect("it can be restored");
                // Those of the test know types that are no more.
                let name = self.database_url().rsplit('/').next().expect("a database has a name").to_owned();
                let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
                let elsewhere = sea_orm::Database::connect(&self.elsewhere.url).await.expect("it can be asked");
                elsewhere.execute_unprepared(&end).await.expect("connections can be ended");
            })
            .await;
    }

    fn database_url(&self) -> String {
        self.scene.city.setting("DATABASE_URL").to_owned()
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
