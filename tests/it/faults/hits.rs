//! What goes wrong meanwhile: so many times each, at random places between the first order and the last.

use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use sea_orm::ConnectionTrait;
use tokio::{sync::watch, time::timeout};

use super::{
    PATIENCE, Seed,
    redis::Redis,
    scene::{Scene, Site},
};

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
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
}

const FAULTS: [Fault; 5] = [Fault::Server, Fault::Redis, Fault::Pause, Fault::Connections, Fault::Sockets];

/// Does each of them so many times, while that many orders come to their end. One may come on top of another.
pub async fn hit(scene: &Scene, times: usize, orders: usize, ended: &watch::Sender<usize>, seed: Seed) {
    let hitting = FAULTS.into_iter().enumerate().map(async |(number, fault)| {
        let mut random = seed.random("hits", number);
        let mut moments: Vec<_> = (0..times).map(|_| random.random_range(0..orders)).collect();
        moments.sort_unstable();
        let mut ended = ended.subscribe();
        for moment in moments {
            ended.wait_for(|ended| *ended >= moment).await.expect("orders go on meanwhile");
            fault.strike(scene, &mut random).await;
        }
    });
    join_all(hitting).await;
}

impl Fault {
    async fn strike(self, scene: &Scene, random: &mut ChaCha8Rng) {
        let site = &scene.sites[random.random_range(0..2)];
        let a_while = Duration::from_millis(random.random_range(100..1500));
        match self {
            Fault::Server => restart_server(scene, site).await,
            Fault::Redis => {
                let mut redis = scene.redis.lock().await;
                scene.redis_line.cut();
                *redis = Redis::start().await;
                scene.redis_line.turn_to_url(&redis.url());
                scene.redis_line.mend();
            }
            Fault::Pause => {
                let redis = scene.redis.lock().await;
                redis.pause();
                tokio::time::sleep(a_while).await;
                redis.resume();
            }
            Fault::Connections => until_some(async || end_connections(scene).await).await,
            Fault::Sockets => until_some(async || site.line.end_connections()).await,
        }
    }
}

/// Like whatever looks after processes, starts it until it stays: it does not where the database is away just then.
async fn restart_server(scene: &Scene, site: &Site) {
    let mut server = site.server.lock().await;
    server.kill();
    // Nobody is led to whoever gets its port next.
    site.line.cut();
    let starting = async {
        loop {
            if let Ok(started) = scene.city.try_another_server().await {
                return started;
            }
        }
    };
    *server = timeout(PATIENCE, starting).await.expect("the server starts again");
    site.line.turn_to(&[&server]);
    site.line.mend();
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
