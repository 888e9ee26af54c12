//! One connection an operation, and none while it waits for anything else.

use std::{
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use futures_util::{FutureExt, StreamExt, future::join_all, stream};
use tokio::sync::{Notify, oneshot};

use sea_orm::DbErr;

use super::*;
use crate::credentials::password;

const PROCESS: &str = "select pg_backend_pid()::text";

/// A pool of so many connections to PostgreSQL, where nobody waits long for one.
async fn pool_of(connections: u32) -> Pool {
    let mut config = postgres();
    (config.max_connections, config.acquire_timeout_seconds) = (connections, 1);
    connect(&config).await.expect("connects")
}

/// Whether the only connection of the pool is free.
async fn is_free(db: &Pool) -> bool {
    db.take().now_or_never().is_some_and(|taken| taken.is_ok())
}

#[tokio::test]
async fn the_statements_of_an_operation_share_a_connection() {
    let db = pool_of(10).await;
    // Those of one level are asked for together.
    let processes = on_one_connection(async { join_all((0..10).map(|_| value(&db, PROCESS))).await }).await;
    assert!(processes.iter().all(|process| *process == processes[0]), "{processes:?}");
    // Operations have one each, while they are at work.
    let slow = format!("{PROCESS} from pg_sleep(0.2)");
    let (one, other) = (on_one_connection(value(&db, &slow)), on_one_connection(value(&db, &slow)));
    let (one, other) = tokio::join!(one, other);
    assert_ne!(one, other);
}

#[tokio::test]
async fn an_operation_never_waits_for_a_second_connection() {
    let db = pool_of(1).await;
    let operation = on_one_connection(async {
        let process = value(&db, PROCESS).await;
        let transaction = begin(&db).await.expect("begins on the connection that is there");
        assert_eq!(value(&transaction, PROCESS).await, process);
        transaction.commit().await.expect("commits");
        assert_eq!(value(&db, PROCESS).await, process);
        // Work within it goes on with its connection, in a task of its own too.
        let db = db.clone();
        let within = on_one_connection(async move { value(&db, PROCESS).await });
        assert_eq!(tokio::spawn(within).await.expect("no panic"), process);
    });
    operation.await;
    assert!(is_free(&db).await);
}

#[tokio::test]
async fn what_is_asked_for_beside_the_own_transaction_is_refused() {
    let db = pool_of(1).await;
    on_one_connection(async {
        let transaction = begin(&db).await.expect("begins");
        let statement = || Statement::from_string(DbBackend::Postgres, "select 1");
        for failure in [db.query_all_raw(statement()).await.err(), Transaction::begin(&db).await.err()] {
            assert!(matches!(failure, Some(DbErr::Custom(_))), "{failure:?}");
        }
        transaction.rollback().await.expect("is taken back");
        db.query_all_raw(statement()).await.expect("there is none any more");
    })
    .await;
}

#[tokio::test]
async fn an_operation_holds_nothing_while_it_waits_for_something_else() {
    let db = pool_of(1).await;
    let (something, other) = oneshot::channel();
    let mut operation = pin!(on_one_connection(async {
        value(&db, PROCESS).await;
        other.await.expect("is sent");
        value(&db, PROCESS).await;
    }));
    let reaches_its_pause = tokio::time::timeout(Duration::from_secs(1), &mut operation);
    reaches_its_pause.await.expect_err("it waits");
    assert!(is_free(&db).await);
    something.send(()).expect("somebody waits");
    operation.await;
}

#[tokio::test]
async fn an_operation_holds_nothing_while_a_password_is_hashed() {
    let db = pool_of(1).await;
    let is_hashing = AtomicBool::new(false);
    let mut operation = Box::pin(on_one_connection(async {
        value(&db, PROCESS).await;
        is_hashing.store(true, Ordering::Relaxed);
        password::hashed("correct horse".to_owned()).await
    }));
    let reaches_the_hash = poll_fn(|context| match operation.poll_unpin(context) {
        Poll::Pending if is_hashing.load(Ordering::Relaxed) => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
        Poll::Ready(_) => panic!("a hash takes longer"),
    });
    reaches_the_hash.await;
    assert!(is_free(&db).await);
    operation.await.expect("hashed");
}

#[tokio::test]
async fn a_stream_holds_nothing_between_its_items() {
    let db = pool_of(1).await;
    let more = Notify::new();
    let items = stream::iter(0..2).then(|number| {
        let (db, more) = (&db, &more);
        async move {
            if number > 0 {
                more.notified().await;
            }
            value(db, PROCESS).await
        }
    });
    let mut items = pin!(each_on_one_connection(Box::pin(items)));
    items.next().await.expect("the first");
    assert!(is_free(&db).await, "while the first is read");
    assert!(items.next().now_or_never().is_none(), "the second is yet to come");
    assert!(is_free(&db).await, "while nothing happens");
    more.notify_one();
    items.next().await.expect("the second");
}

#[tokio::test]
async fn what_was_cut_off_soon_goes_back_and_is_used_again() {
    let db = pool_of(1).await;
    let process = value(&db, PROCESS).await;
    for _ in 0..20 {
        let cut_off = tokio::time::timeout(Duration::from_millis(2), value(&db, "select pg_sleep(0.01)::text"));
        cut_off.await.expect_err("it takes longer");
    }
    assert_eq!(value(&db, PROCESS).await, process);
    let endless = tokio::time::timeout(Duration::from_millis(50), value(&db, "select pg_sleep(3600)::text"));
    endless.await.expect_err("it does not end by itself");
    assert_ne!(value(&db, PROCESS).await, process, "and one on which a statement runs on is closed");
}
