use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::{
    config::{Config, Environment},
    database::{self, Pool},
    domain::error::Error,
};

const MILLISECOND: Duration = Duration::from_millis(1);

fn quick() -> Tasks {
    let pauses = PAUSES.with_min_delay(10 * MILLISECOND).with_max_delay(40 * MILLISECOND);
    Tasks { pauses, well_after: 300 * MILLISECOND, ..Tasks::default() }
}

#[tokio::test]
async fn a_task_that_panics_or_fails_begins_anew_after_pauses_that_grow_and_is_named_until_it_does_well() {
    let tasks = quick();
    let rounds = Arc::new(Mutex::new(Vec::new()));
    let work = {
        let (rounds, tasks) = (rounds.clone(), tasks.clone());
        move || {
            let mut rounds = rounds.lock().expect("whole");
            rounds.push((Instant::now(), tasks.failing()));
            let round = rounds.len();
            async move {
                match round {
                    1 | 7 => Ok(()),
                    2 | 4 => panic!("the inside"),
                    _ => Err(Error::conflict("No.")),
                }
            }
        }
    };
    let task = tokio::spawn(tasks.every("work", 100 * MILLISECOND, work));
    while rounds.lock().expect("whole").len() < 9 {
        sleep(MILLISECOND).await;
    }
    task.abort();
    let rounds = rounds.lock().expect("whole");
    for (number, (_, failing)) in rounds.iter().enumerate().map(|(index, round)| (index + 1, round)) {
        let fails = matches!(number, 3..=7 | 9);
        assert_eq!(failing.as_slice(), if fails { ["work"].as_slice() } else { &[] }, "before round {number}");
    }
    let pauses = rounds.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0).as_millis());
    for (pause, least) in pauses.zip([100, 10, 20, 40, 40, 40, 100, 10]) {
        assert!(pause >= least, "{pause} ms, and not {least}");
    }
}

#[tokio::test]
async fn endless_work_that_ends_begins_anew_and_does_well_when_it_has_run_for_a_while() {
    let tasks = quick();
    let begun = Arc::new(AtomicU32::new(0));
    let work = {
        let (begun, tasks) = (begun.clone(), tasks.clone());
        move || {
            let time = begun.fetch_add(1, Ordering::Relaxed);
            assert_eq!(tasks.failing().len(), usize::from(time > 0));
            async move {
                match time {
                    0 => panic!("the inside"),
                    1 => anyhow::bail!("it ended"),
                    _ => std::future::pending().await,
                }
            }
        }
    };
    let task = tokio::spawn(tasks.forever("work", work));
    while begun.load(Ordering::Relaxed) < 3 || !tasks.failing().is_empty() {
        sleep(MILLISECOND).await;
    }
    assert_eq!(begun.load(Ordering::Relaxed), 3);
    task.abort();
}

#[tokio::test]
async fn what_is_done_once_panics_alone() {
    assert_eq!(once("work", async { 1 }).await, Some(1));
    assert_eq!(once("work", async { panic!("the inside") }).await, None::<()>);
}

async fn database(name: &str) -> (Pool, std::path::PathBuf) {
    let mut config = Config::defaults(Environment::Development, true).database;
    config.data_directory = std::env::temp_dir().join(format!("tiffin-tasks-{}-{name}", std::process::id()));
    (database::connect(&config).await.expect("connects"), config.data_directory)
}

#[tokio::test]
async fn each_item_stands_alone_and_those_that_fail_are_left_for_a_while() {
    let (db, folder) = database("items").await;
    let setbacks = Setbacks::new("work");
    let (done, tries) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    // The oldest five always fail, and no more are found at once.
    let find = |resting: Vec<i32>| {
        let done = done.lock().expect("whole").clone();
        let others = (1..=20).filter(move |item| !resting.contains(item) && !done.contains(item));
        let some: Vec<_> = others.take(5).collect();
        async move { Ok(some) }
    };
    let work = |items: Vec<i32>| {
        tries.lock().expect("whole").push(items.clone());
        let poisonous = items.iter().find(|item| **item <= 5).copied();
        if poisonous.is_none() {
            done.lock().expect("whole").extend(items);
        }
        async move {
            match poisonous {
                Some(1) => panic!("the inside"),
                // The database says so of the item, and is there.
                Some(2) => Err(Error::unavailable(anyhow::anyhow!("locked for ever"))),
                Some(_) => Err(Error::conflict("No.")),
                None => Ok(()),
            }
        }
    };
    setbacks.deal_with_all(&db, 5, find, work).await.expect("the others are done");
    assert_eq!(*done.lock().expect("whole"), Vec::from_iter(6..=20));
    let mut resting = setbacks.resting();
    resting.sort_unstable();
    assert_eq!(resting, [1, 2, 3, 4, 5]);
    let before = tries.lock().expect("whole").len();
    setbacks.deal_with_all(&db, 5, find, work).await.expect("nothing to do");
    assert_eq!(tries.lock().expect("whole").len(), before, "they are not tried again at once");

    db.close().await.expect("closes");
    let away = || async { Err(Error::unavailable(anyhow::anyhow!("gone"))) };
    setbacks.deal_with(&db, 1, &[30, 31], |_| away()).await.expect_err("the database is away");
    assert!(!setbacks.resting().contains(&30), "no item is to blame");
    std::fs::remove_dir_all(folder).expect("removed");
}
