//! One server on a SQLite whose disk fills.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tiffin_tests::{City, Database, PATIENCE, SmallDisk};
use tokio::{sync::Mutex, time::timeout};

use super::outsiders::Outsiders;
use crate::traffic::{DRIVERS, Plan, Scene, expect_nothing_lost};

pub async fn scenario(plan: Plan) {
    let ground = Ground::new(plan).await;
    let mut outsiders = Outsiders::come(&ground.scene, plan.seed).await;
    expect_nothing_lost(&ground.scene, plan, async |course| {
        let ground = &ground;
        let dismissing = async {
            course.until(plan.orders / 3).await;
            let _rest = ground.disk.lock().await;
            outsiders.dismiss(&ground.scene, plan.seed).await;
        };
        let hitting = FAULTS.map(|fault| {
            let strike = async move |random: &mut ChaCha8Rng| fault.strike(ground, random).await;
            course.at_random_places(fault.name(), plan.times(2), strike)
        });
        tokio::join!(join_all(hitting), dismissing);
    })
    .await;
    outsiders.expect_nothing_told(&ground.scene).await;
}

struct Ground {
    // The server is ended before its disk.
    scene: Arc<Scene>,
    /// One thing at a time happens to it. None where nothing may be mounted: files that may not grow stand for a full disk there.
    disk: Mutex<Option<SmallDisk>>,
}

impl Ground {
    async fn new(plan: Plan) -> Self {
        let disk = SmallDisk::try_mount(24 + plan.orders / 16);
        let settings = [("TIFFIN_LOG", "info")];
        let city = match &disk {
            Some(disk) => City::on_disk(disk.path(), Database::Sqlite, &settings).await,
            None => City::with_settings(Database::Sqlite, &settings).await,
        };
        // Without a broker there is one process.
        let scene = Arc::new(Scene::open(city, 1, DRIVERS).await);
        Ground { scene, disk: Mutex::new(disk) }
    }
}

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The disk is full for a while.
    FullDisk,
    /// The server is killed while its disk is full, and started again when there is room.
    KilledOnFullDisk,
    /// The server is killed (SIGKILL) and started again.
    KilledServer,
}

const FAULTS: [Fault; 3] = [Fault::FullDisk, Fault::KilledOnFullDisk, Fault::KilledServer];

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::FullDisk => "a full disk",
            Fault::KilledOnFullDisk => "killed on a full disk",
            Fault::KilledServer => "a killed server",
        }
    }

    async fn strike(self, ground: &Ground, random: &mut ChaCha8Rng) {
        let disk = ground.disk.lock().await;
        let (city, site) = (&ground.scene.city, &ground.scene.sites[0]);
        let a_while = Duration::from_millis(random.random_range(0..2000));
        if matches!(self, Fault::FullDisk | Fault::KilledOnFullDisk) {
            match &*disk {
                Some(disk) => disk.fill(),
                None => {
                    let log = std::fs::metadata(city.directory().join("tiffin.db-wal")).expect("the file is there");
                    site.server.lock().await.limit_files(Some(log.len()));
                }
            }
            ground.until_some_are_refused().await;
            tokio::time::sleep(a_while).await;
        }
        let mut server = site.server.lock().await;
        match (self, &*disk) {
            (Fault::FullDisk, None) => server.limit_files(None),
            (Fault::FullDisk, Some(disk)) => disk.free(),
            (Fault::KilledOnFullDisk, Some(disk)) => {
                server.kill();
                disk.free();
            }
            (Fault::KilledOnFullDisk, None) | (Fault::KilledServer, _) => {}
        }
        drop(server);
        if !matches!(self, Fault::FullDisk) {
            site.restart(city).await;
        }
    }
}

impl Ground {
    /// A disk is full once that is noticed: there may be room inside of the files.
    async fn until_some_are_refused(&self) {
        let mut in_doubt = self.scene.in_doubt.subscribe();
        let before = *in_doubt.borrow();
        let noticing = in_doubt.wait_for(|count| *count >= before + 5);
        timeout(PATIENCE, noticing).await.expect("somebody is refused").expect("people go on ordering");
    }
}
