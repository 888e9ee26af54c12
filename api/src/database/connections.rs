//! The connections that there are: who needs one takes it, and gives it back at rest.
//!
//! A connection goes back only when nothing runs on it and no transaction is open; any other is closed, and a new one is made when one is
//! needed: the next one who uses it would inherit whatever was left there. Nothing is sent for that: what was asked for was answered to its
//! end. One that was left in the middle of something is brought to rest by a task of its own, which is the exception.

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
    connection::{DatabaseAddress, OpenConnection},
    failure::{is_lost, may_be_let_in_later},
    suspicion::Suspicion,
};

/// How long to leave a database alone that does not let us in. One that restarts does so after a moment.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a connection may take to come to rest after it was left in the middle of something. What is left of an answer arrives within
/// that time, and so does the end of a transaction; what does not is a statement that runs.
const REST: Duration = Duration::from_millis(100);

/// How many connections there may be, and how long they are good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub most: usize,
    /// How long one is waited for.
    pub patience: Duration,
    /// None where connections do not age: to a file.
    pub ageing: Option<Ageing>,
}

/// When a connection over a network is not used as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ageing {
    /// Older ones are replaced.
    pub oldest: Duration,
    /// Those that lay unused for longer are replaced.
    pub idlest: Duration,
    /// Those that lay unused for as long have to show that they are not broken.
    pub trusted: Duration,
    /// How long that may take.
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

    /// It is judged by whoever takes it, who can close it in order.
    async fn recycle(&self, _: &mut OpenConnection, _: &Metrics) -> RecycleResult<SqlxError> {
        Ok(())
    }
}

impl Connections {
    pub fn new(address: DatabaseAddress, terms: Terms, suspicion: Suspicion) -> anyhow::Result<Self> {
        // The one that was used last is used next: it is the least likely to be broken, and what it needs is at hand.
        let pool = managed::Pool::builder(Maker(address)).max_size(terms.most).queue_mode(QueueMode::Lifo).build()?;
        Ok(Connections(Arc::new(ConnectionsInner { pool, terms, suspicion })))
    }

    pub fn address(&self) -> &DatabaseAddress {
        &self.0.pool.manager().0
    }

    /// Opens so many.
    pub async fn open(&self, number: usize) -> Result<(), DbErr> {
        let mut taken = Vec::new();
        for _ in 0..number {
            taken.push(self.take().await?);
        }
        Ok(())
    }

    /// Takes one, when one is free. While no connection can be made for a reason that passes, one is waited for.
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

    /// Replaces a free connection that cannot be used as it is. The next one would be no better, and to try them all would take too long.
    async fn make_usable(&self, connection: &mut OpenConnection) -> Result<(), SqlxError> {
        if !self.is_usable(connection).await {
            let new = self.address().connect().boxed().await?;
            close(std::mem::replace(connection, new)).await;
        }
        Ok(())
    }

    /// Whether a free connection can be used as it is. Nothing is sent where nothing speaks against it.
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

    /// Closes those that are free. Those that are not are closed when they are, and nobody takes one any more.
    pub async fn close(&self) {
        let free = self.0.pool.retain(|_, _| false).removed;
        self.0.pool.close();
        for connection in free {
            close(connection).await;
        }
    }
}

/// Whatever comes of it: nobody waits for anything on it.
async fn close(connection: OpenConnection) {
    if let Ok(Err(error)) = timeout(REST, connection.close()).await {
        tracing::debug!(%error, "a connection to the database did not close in order");
    }
}

/// A connection that somebody has taken. It goes back when it is dropped, so it is at rest then.
pub(super) struct TakenConnection {
    object: Object<Maker>,
    all: Connections,
}

impl TakenConnection {
    /// To ask something of it.
    pub fn work(self, left: Left) -> Working {
        Working { taken: Some(self), left }
    }

    /// Whether it is one of these.
    pub fn is_of(&self, all: &Connections) -> bool {
        Arc::ptr_eq(&self.all.0, &all.0)
    }

    /// Takes back the transaction that is open on it, in a task of its own, and gives it back then.
    pub fn take_back(self) {
        settle(self, Left::ToRest);
    }
}

/// What becomes of a connection that was left in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It goes back when it is at rest, if that is soon.
    ToRest,
    /// It is closed.
    Closed,
}

/// A connection at work. It does not go back as it is where that is dropped before its end.
pub(super) struct Working {
    /// None: it has ended.
    taken: Option<TakenConnection>,
    left: Left,
}

impl Working {
    /// What was asked for was answered to its end.
    pub fn ended(mut self) -> TakenConnection {
        let Some(mut taken) = self.taken.take() else { unreachable!("it ends once") };
        taken.object.answered = Instant::now();
        taken
    }

    /// It is broken.
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

/// Brings a connection to rest, or closes it. It is taken for as long as that lasts.
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
                // It is broken; or there is a statement that nobody waits for, or a database that does not answer any more.
                Ok(Err(_)) | Err(_) => taken.all.0.suspicion.arise(),
            }
        }
        let TakenConnection { object, .. } = taken;
        close(Object::take(object)).await;
    });
}
