//! A periodic check of rights: one batched statement reads those of everybody who is connected to this process, at intervals with jitter,
//! and at once of those of whom a signal says that they have changed. So nobody goes on for long with a right that is lost, whatever
//! becomes of signals on their way.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until, timeout},
};

use super::ended::Ended;
use crate::{
    app::App,
    config::WebsocketConfig,
    database::Pool,
    domain::{
        error::{Error, Result},
        ids::SessionId,
        viewer::{Rights, SignedIn},
    },
    features::account::service::rights_in_sessions,
};

/// Sessions that one statement reads.
const CHUNK: usize = 10_000;
/// How soon it is tried again, at the latest, where the database did not answer.
const RETRY: Duration = Duration::from_secs(2);
/// For how many intervals somebody stays connected whose rights cannot be read.
const UNREAD_INTERVALS: u32 = 3;

/// Everybody who is connected to this process. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct RightsCheck(Arc<RightsCheckInner>);

struct RightsCheckInner {
    /// Two looks are never further apart.
    interval: Duration,
    connected: Mutex<Connected>,
    /// Wakes the check when somebody is due.
    due: Notify,
}

#[derive(Default)]
struct Connected {
    last_number: u64,
    by_number: HashMap<u64, CheckedConnection>,
}

/// One connection of somebody who is signed in.
struct CheckedConnection {
    user: Arc<SignedIn>,
    session: SessionId,
    /// When the reading began that its rights are from.
    read_at: Instant,
    /// How old that may become. With jitter, for whoever is disconnected comes back, and not all at once then.
    patience: Duration,
    is_due: bool,
    ends: Option<oneshot::Sender<Ended>>,
}

/// A connection's place in the check, given up when this is dropped.
pub struct Enrolment {
    check: RightsCheck,
    number: u64,
}

/// Whose rights are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhoseRights {
    Everybodys,
    /// Of those alone of whom a signal came.
    Due,
}

impl RightsCheck {
    pub fn new(config: &WebsocketConfig) -> Self {
        let interval = Duration::from_secs(config.rights_check_seconds);
        Self(Arc::new(RightsCheckInner { interval, connected: Mutex::default(), due: Notify::new() }))
    }

    /// Looks after the user from now on, whose rights are known. Says on the channel when the connection may not be used any longer.
    pub fn enrol(&self, user: Arc<SignedIn>, session: SessionId) -> (Enrolment, oneshot::Receiver<Ended>) {
        let (ends, ended) = oneshot::channel();
        let patience = self.0.interval.mul_f64(f64::from(UNREAD_INTERVALS) + rand::random::<f64>());
        let place =
            CheckedConnection { user, session, read_at: Instant::now(), patience, is_due: false, ends: Some(ends) };
        let mut connected = self.connected();
        connected.last_number += 1;
        let number = connected.last_number;
        connected.by_number.insert(number, place);
        (Enrolment { check: self.clone(), number }, ended)
    }

    /// Looks for as long as anybody may be connected.
    pub async fn run(self, app: Arc<App>) -> Infallible {
        let mut next = self.after(Instant::now());
        loop {
            let whose = tokio::select! {
                () = sleep_until(next) => WhoseRights::Everybodys,
                () = self.0.due.notified() => WhoseRights::Due,
            };
            let began = Instant::now();
            match self.look(&app.db, whose).await {
                Ok(()) if whose == WhoseRights::Everybodys => next = self.after(began),
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(
                        error = error.for_log(),
                        "nobody can say what who is connected may do; looking again"
                    );
                    // With jitter: not all processes retry at the same moment.
                    next = Instant::now() + RETRY.mul_f64(rand::random_range(0.5..1.0));
                    self.end_unread();
                }
            }
        }
    }

    /// When to look after a look that began then.
    fn after(&self, began: Instant) -> Instant {
        began + self.0.interval.mul_f64(rand::random_range(0.75..1.0))
    }

    async fn look(&self, db: &Pool, whose: WhoseRights) -> Result<()> {
        let places = self.take(whose);
        for places in places.chunks(CHUNK) {
            let mut sessions: Vec<_> = places.iter().map(|(_, session)| *session).collect();
            sessions.sort_unstable();
            sessions.dedup();
            let began = Instant::now();
            let late = |_| Error::unavailable(anyhow::anyhow!("rights were not read within {:?}", self.0.interval));
            let rights = timeout(self.0.interval, rights_in_sessions(db, &sessions)).await.map_err(late)??;
            self.renew(places, &rights, began);
        }
        Ok(())
    }

    /// The places to look at, and their sessions.
    fn take(&self, whose: WhoseRights) -> Vec<(u64, SessionId)> {
        let mut connected = self.connected();
        let wanted =
            connected.by_number.iter_mut().filter(|(_, place)| whose == WhoseRights::Everybodys || place.is_due);
        wanted
            .map(|(number, place)| {
                place.is_due = false;
                (*number, place.session)
            })
            .collect()
    }

    fn renew(&self, places: &[(u64, SessionId)], rights: &HashMap<SessionId, Rights>, began: Instant) {
        let mut connected = self.connected();
        for (number, session) in places {
            let Some(place) = connected.by_number.get_mut(number) else { continue };
            match rights.get(session) {
                Some(rights) => {
                    place.user.renew(rights.clone(), began.into_std());
                    place.read_at = began;
                }
                None => place.end(Ended::Revoked),
            }
        }
    }

    /// Disconnects those whose rights could not be read for too long.
    fn end_unread(&self) {
        for place in self.connected().by_number.values_mut() {
            if place.read_at.elapsed() > place.patience {
                place.end(Ended::Unchecked);
            }
        }
    }

    fn connected(&self) -> MutexGuard<'_, Connected> {
        // Nothing panics while it holds the lock.
        self.0.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckedConnection {
    fn end(&mut self, ended: Ended) {
        if let Some(ends) = self.ends.take() {
            // It may be gone already.
            let _ = ends.send(ended);
        }
    }
}

impl Enrolment {
    /// Something may have changed: asks for a look at once.
    pub fn is_due(&self) {
        if let Some(place) = self.check.connected().by_number.get_mut(&self.number) {
            place.is_due = true;
        }
        self.check.0.due.notify_one();
    }
}

impl Drop for Enrolment {
    fn drop(&mut self) {
        self.check.connected().by_number.remove(&self.number);
    }
}
