use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use async_graphql::{Request, Response, Value};
use async_stream::stream;
use entity::sea_orm_active_enums::UserRole;
use futures_util::{FutureExt, StreamExt, stream::BoxStream};
use tokio::sync::watch;

use super::*;
use crate::domain::{
    ids::{RestaurantId, UserId},
    viewer::{Rights, SignedIn, Viewer},
};

/// Numbers from 1 on that are told in order, the newest of them at first.
struct Numbers {
    newest: watch::Sender<i64>,
    /// How often a number was resolved, and how many streams there are.
    resolved: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
    groups: Groups,
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Numbers {
    fn new() -> Self {
        let (resolved, streams) = (Arc::default(), Arc::default());
        Numbers { newest: watch::Sender::new(1), resolved, streams, groups: Groups::default() }
    }

    fn follow(&self, viewer: &Viewer) -> BoxStream<'static, Arc<Told>> {
        let (newest, resolved, streams) = (self.newest.clone(), self.resolved.clone(), self.streams.clone());
        let begin = Box::new(move |viewer: Viewer, progress: Progress| {
            let (mut newest, resolved) = (newest.subscribe(), resolved.clone());
            streams.fetch_add(1, Ordering::SeqCst);
            let counted = Counted(streams.clone());
            let responses = stream! {
                let _counted = counted;
                let role = viewer.user().map(SignedIn::role);
                let mut told = progress.place().map_or(*newest.borrow() - 1, |StreamPosition(number, _)| number);
                loop {
                    let present = *newest.borrow_and_update();
                    while told < present {
                        told += 1;
                        progress.reach(StreamPosition(told, 0));
                        resolved.fetch_add(1, Ordering::SeqCst);
                        yield Response::new(Value::from(format!("{told} {role:?}")));
                    }
                    if progress.waiting(newest.changed()).await.is_err() {
                        return;
                    }
                }
            };
            responses.boxed()
        });
        let selection = Selection::of(&Request::new("subscription { numbers }")).expect("it can be written down");
        follow(LiveSubscription { viewer: viewer.clone(), shared: Some((selection, self.groups.clone())), begin })
    }

    fn tell_next(&self) {
        self.newest.send_modify(|newest| *newest += 1);
    }

    async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn streams(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }
}

fn user(role: UserRole) -> Viewer {
    Viewer::User(Arc::new(SignedIn::new(UserId(1), None, None, Rights::of(role))))
}

async fn next(follower: &mut BoxStream<'static, Arc<Told>>) -> String {
    let told = follower.next().await.expect("it goes on");
    let response: serde_json::Value = serde_json::from_str(&told.json).expect("it is JSON");
    response["data"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn those_who_follow_the_same_are_told_by_one_stream_that_ends_with_the_last() {
    let numbers = Numbers::new();
    let mut followers: Vec<_> = (0..10).map(|_| numbers.follow(&user(UserRole::Admin))).collect();
    for follower in &mut followers {
        assert_eq!(next(follower).await, "1 Some(Admin)");
    }
    let mut others = [numbers.follow(&user(UserRole::Driver)), numbers.follow(&Viewer::Anonymous)];
    assert_eq!(next(&mut others[0]).await, "1 Some(Driver)");
    assert_eq!(next(&mut others[1]).await, "1 None");
    // Nobody joins without being asked for what comes next.
    let waiting = followers.iter_mut().map(|follower| follower.next());
    assert!(futures_util::future::select_all(waiting).now_or_never().is_none());
    numbers.settle().await;
    assert_eq!(numbers.streams(), 3);
    let before = numbers.resolved.load(Ordering::SeqCst);
    numbers.tell_next();
    for follower in &mut followers {
        assert_eq!(next(follower).await, "2 Some(Admin)");
    }
    assert_eq!(next(&mut others[0]).await, "2 Some(Driver)");
    assert_eq!(next(&mut others[1]).await, "2 None");
    assert_eq!(numbers.resolved.load(Ordering::SeqCst) - before, 3);

    followers.truncate(1);
    drop(others);
    numbers.settle().await;
    assert_eq!(numbers.streams(), 1);
    numbers.tell_next();
    assert_eq!(next(&mut followers[0]).await, "3 Some(Admin)");
    drop(followers);
    numbers.settle().await;
    assert_eq!(numbers.streams(), 0);
    // Nobody finds what has ended.
    assert_eq!(next(&mut numbers.follow(&user(UserRole::Admin))).await, "3 Some(Admin)");
}

#[tokio::test]
async fn who_reads_late_goes_on_by_itself_and_is_told_each_once() {
    let numbers = Numbers::new();
    let admin = user(UserRole::Admin);
    let (mut quick, mut slow) = (numbers.follow(&admin), numbers.follow(&admin));
    assert_eq!(next(&mut quick).await, "1 Some(Admin)");
    assert_eq!(next(&mut slow).await, "1 Some(Admin)");
    assert!(futures_util::future::join(quick.next(), slow.next()).now_or_never().is_none());
    numbers.settle().await;
    assert_eq!(numbers.streams(), 1);
    for number in 2..100 {
        numbers.tell_next();
        assert_eq!(next(&mut quick).await, format!("{number} Some(Admin)"));
    }
    for number in 2..100 {
        assert_eq!(next(&mut slow).await, format!("{number} Some(Admin)"));
    }
    // And is one of the group again.
    assert!(slow.next().now_or_never().is_none());
    numbers.settle().await;
    assert!(slow.next().now_or_never().is_none());
    numbers.settle().await;
    assert_eq!(numbers.streams(), 1);
    numbers.tell_next();
    assert_eq!((next(&mut quick).await, next(&mut slow).await), ("100 Some(Admin)".into(), "100 Some(Admin)".into()));
}

#[tokio::test]
async fn a_change_of_rights_begins_anew_after_what_was_told() {
    let numbers = Numbers::new();
    let viewer = user(UserRole::Customer);
    let mut follower = numbers.follow(&viewer);
    let mut unchanged = numbers.follow(&user(UserRole::Customer));
    assert_eq!(next(&mut follower).await, "1 Some(Customer)");
    assert_eq!(next(&mut unchanged).await, "1 Some(Customer)");
    numbers.tell_next();
    numbers.settle().await;
    // It was resolved already, with rights that are not the viewer's any more.
    let Viewer::User(signed_in) = &viewer else { unreachable!() };
    let rights = Rights::new(UserRole::Merchant, None, None, HashSet::from([RestaurantId(1)]));
    signed_in.renew(rights, Instant::now());
    assert_eq!(next(&mut follower).await, "2 Some(Merchant)");
    assert_eq!(next(&mut unchanged).await, "2 Some(Customer)");
    numbers.tell_next();
    assert_eq!(next(&mut follower).await, "3 Some(Merchant)");
    assert_eq!(next(&mut unchanged).await, "3 Some(Customer)");
}
