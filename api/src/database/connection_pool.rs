//! The connection pool: who needs a connection takes it, and gives it back clean.
//!
//! A connection goes back only when no statement runs on it and no transaction is open: its next user would inherit them. That costs no
//! round trip, for its last request was answered to its end. The exception is a connection whose user was cancelled half-way: a task of its
//! own resets it, or closes it, and a new one is opened when it is needed.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleResult};
use futures_util::FutureExt;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};
use tokio::time::timeout;

use super::{
    failure::{is_lost, may_be_let_in_later},
    open_connection::{DatabaseAddress, OpenConnection},
    suspicion::Suspicion,
};

/// The pause between two attempts to connect, while the database lets nobody in. One that restarts does so after a moment.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the reset of an abandoned connection may take. The rest of an answer arrives within that time, and so does the end of a
/// rollback; where they do not, a statement is still running, and the connection is closed.
const REST: Duration = Duration::from_millis(100);

/// The terms of the pool: its size, its acquire time-out, and how its connections age.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub most: usize,
    /// The acquire time-out: how long somebody waits for a connection.
    pub patience: Duration,
    /// None where connections do not age: to a file.
    pub ageing: Option<Ageing>,
}

/// When an idle connection over a network is replaced, or pinged before it is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ageing {
    /// The longest lifetime: older connections are replaced.
    pub oldest: Duration,
    /// The longest idle time: connections that were idle for longer are replaced.
    pub idlest: Duration,
    /// Connections that were idle for as long are pinged first: they may be dead.
    pub trusted: Duration,
    /// How long the ping may take.
    pub ping: Duration,
}

/// All connections to one database. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(super) struct Connections(Arc<ConnectionsInner>);

struct ConnectionsInner {
    pool: managed::Pool<Maker>,
    terms: Terms,
    suspicion: Suspicion,
}

struct Maker(DatabaseAddress);

impl managed::Manager for Maker {
    type Type = OpenConnection;
    type Error = SqlxError;

    async fn create(&self) -> Result<OpenConnection, SqlxError> {
        // Boxed, for it is rare and takes much room.
        self.0.connect().boxed().await
    }

    /// `take` judges it instead, where it can be closed gracefully.
    async fn recycle(&self, _: &mut OpenConnection, _: &Metrics) -> RecycleResult<SqlxError> {
        Ok(())
    }
}

impl Connections {
    pub fn new(address: DatabaseAddress, terms: Terms, suspicion: Suspicion) -> anyhow::Result<Self> {
        // Last in, first out: the connection used last is the least likely to be dead, and its caches are warm.
        let pool = managed::Pool::builder(Maker(address)).max_size(terms.most).queue_mode(QueueMode::Lifo).build()?;
        Ok(Connections(Arc::new(ConnectionsInner { pool, terms, suspicion })))
    }

    pub fn address(&self) -> &DatabaseAddress {
        &self.0.pool.manager().0
    }

    /// Opens so many connections in advance.
    pub async fn open(&self, number: usize) -> Result<(), DbErr> {
        let mut taken = Vec::new();
        for _ in 0..number {
            taken.push(self.take().await?);
        }
        Ok(())
    }

    /// Takes a connection as soon as one is free. While none can be made for a reason that passes, it retries until the acquire time-out.
    pub async fn take(&self) -> Result<TakenConnection, DbErr> {
        let mut reason = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let taking = async {
            loop {
                let failure = match self.0.pool.get().await {
                    Ok(mut object) => match self.make_usable(&mut object).await {
                        Ok(()) => return Ok(TakenConnection { object, all: self.clone() }),
                        Err(failure) => {
                            close(Object::take(object)).await;
                            failure
                        }
                    },
                    Err(PoolError::Backend(failure)) => failure,
                    Err(_) => return Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
                };
                let is_passing = may_be_let_in_later(&failure);
                let failure = DbErr::Conn(RuntimeErr::SqlxError(failure.into()));
                if !is_passing {
                    return Err(failure);
                }
                reason = failure;
                tokio::time::sleep(PAUSE).await;
            }
        };
        let taken = timeout(self.0.terms.patience, taking).await;
        taken.unwrap_or(Err(reason))
    }

    /// Replaces an idle connection that is dead or too old. The next one would be no better, and to try them all would take too long.
    async fn make_usable(&self, connection: &mut OpenConnection) -> Result<(), SqlxError> {
        if !self.is_usable(connection).await {
            let new = self.address().connect().boxed().await?;
            close(std::mem::replace(connection, new)).await;
        }
        Ok(())
    }

    /// Whether an idle connection can be used as it is. It is pinged only where something speaks against it.
    async fn is_usable(&self, connection: &mut OpenConnection) -> bool {
        let Some(ageing) = self.0.terms.ageing else { return true };
        let now = Instant::now();
        let (age, idle_for) = (now - connection.made, now - connection.answered);
        if age > ageing.oldest || idle_for > ageing.idlest || self.0.suspicion.outdates(age) {
            return false;
        }
        if idle_for < ageing.trusted && !self.0.suspicion.falls_on(idle_for) {
            return true;
        }
        let answers = timeout(ageing.ping, connection.ping()).await.is_ok_and(|answer| answer.is_ok());
        if !answers {
            tracing::debug!("an unused connection to the database turns out to be broken: it is replaced");
        }
        answers
    }

    /// Closes the pool: idle connections at once, busy ones when they come back; nobody takes one any more.
    pub async fn close(&self) {
        let free = self.0.pool.retain(|_, _| false).removed;
        self.0.pool.close();
        for connection in free {
            close(connection).await;
        }
    }
}

/// Closes a connection gracefully, if that is quick: nobody waits for anything on it.
async fn close(connection: OpenConnection) {
    if let Ok(Err(error)) = timeout(REST, connection.close()).await {
        tracing::debug!(%error, "a connection to the database did not close in order");
    }
}

/// A connection out of the pool, with nothing running on it. It goes back when this is dropped.
pub(super) struct TakenConnection {
    object: Object<Maker>,
    all: Connections,
}

impl TakenConnection {
    /// To run a request on it; `left` says what becomes of it where that is cancelled.
    pub fn work(self, left: Left) -> Working {
        Working { taken: Some(self), left }
    }

    /// Whether it belongs to this pool.
    pub fn is_of(&self, all: &Connections) -> bool {
        Arc::ptr_eq(&self.all.0, &all.0)
    }

    /// Rolls back its open transaction in a task of its own, and then returns it to the pool.
    pub fn take_back(self) {
        settle(self, Left::ToRest);
    }
}

/// What becomes of a connection whose user was cancelled half-way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It is reset and goes back, if that is quick; otherwise it is closed.
    ToRest,
    /// It is closed.
    Closed,
}

/// A connection that runs a request. Where the request is cancelled (this is dropped), it is reset or closed, and never reused as it is.
pub(super) struct Working {
    /// None: it has ended.
    taken: Option<TakenConnection>,
    left: Left,
}

impl Working {
    /// The request was answered to its end.
    pub fn ended(mut self) -> TakenConnection {
        let Some(mut taken) = self.taken.take() else { unreachable!("it ends once") };
        taken.object.answered = Instant::now();
        taken
    }

    /// It is dead, and leaves the pool.
    pub fn discard(mut self) {
        if let Some(taken) = self.taken.take() {
            drop(Object::take(taken.object));
        }
    }
}

impl Deref for Working {
    type Target = OpenConnection;

    fn deref(&self) -> &OpenConnection {
        match &self.taken {
            Some(taken) => &taken.object,
            None => unreachable!("it has not ended"),
        }
    }
}

impl DerefMut for Working {
    fn deref_mut(&mut self) -> &mut OpenConnection {
        match &mut self.taken {
            Some(taken) => &mut taken.object,
            None => unreachable!("it has not ended"),
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(mut taken) = self.taken.take() {
            let left = if taken.object.stop() { Left::Closed } else { self.left };
            settle(taken, left);
        }
    }
}

/// Resets an abandoned connection, or closes it. It counts as taken until then.
fn settle(mut taken: TakenConnection, left: Left) {
    // Without a runtime the process ends, and its connections with it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return drop(Object::take(taken.object)) };
    runtime.spawn(async move {
        if left == Left::ToRest {
            match timeout(REST, taken.object.rest()).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) if !is_lost(&error) => {
                    tracing::debug!(%error, "a transaction did not end in order: its connection is closed");
                }
                // It is dead; or an abandoned statement still runs, or the database does not answer any more.
                Ok(Err(_)) | Err(_) => taken.all.0.suspicion.arise(),
            }
        }
        let TakenConnection { object, .. } = taken;
        close(Object::take(object)).await;
    });
}
