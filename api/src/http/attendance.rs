//! Whoever uses a connection that lives on, for as long as it may be used: until its access token expires or its session ends. Its
//! rights are kept as they are in the database, so that no operation has to read them.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    metrics::Reason,
    viewer::{self, Authenticated},
};
use crate::{
    app::App,
    clock,
    deadline::Deadline,
    events::{Signal, Topic},
    graphql::error::{Code, Result},
    viewer::Viewer,
};

/// How long to wait, at the most, before rights are read again that could not be.
const RETRY: Duration = Duration::from_secs(2);

/// Why a connection may not be used any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The access token has expired.
    Expired,
    /// The session has ended: it was revoked, or its user was deactivated.
    Revoked,
}

impl Ended {
    pub const fn reason(self) -> Reason {
        match self {
            Self::Expired => Reason::Expired,
            Self::Revoked => Reason::Revoked,
        }
    }

    /// What a person is told.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Expired => "The access token has expired.",
            Self::Revoked => "The session has ended: sign in again.",
        }
    }
}

/// Follows whoever has authenticated. Dropping it ends that.
pub struct Attendance {
    viewer: Viewer,
    /// None for the anonymous, who have nothing that could end.
    user: Option<Attended>,
}

struct Attended {
    expires_at: watch::Sender<DateTime<Utc>>,
    ended: oneshot::Receiver<Ended>,
    _task: AbortOnDropHandle<()>,
}

impl Attendance {
    /// Follows the viewer from now on. UNAUTHENTICATED where the session has ended in the meantime.
    pub async fn begin(app: &Arc<App>, broker: &BrokerWatch, authenticated: Authenticated) -> Result<Self> {
        let Authenticated { viewer, expires_at } = authenticated;
        let (Some(user), Some(expires_at)) = (viewer.user(), expires_at) else {
            return Ok(Self { viewer, user: None });
        };
        let signal = app.events.subscribe(Topic::User(user.id)).await;
        // What has changed since they were read, and before the signal was taken, would be missed.
        viewer::renew_rights(app, &viewer).await?;
        let (expires_at, renewed) = watch::channel(expires_at);
        let (sender, ended) = oneshot::channel();
        let (app, broker) = (app.clone(), broker.clone());
        let follower = Follower { app, viewer: viewer.clone(), signal, broker, is_due: false };
        let task = tokio::spawn(async move {
            // The connection may have ended first.
            let _ = sender.send(follower.follow(renewed).await);
        });
        Ok(Self { viewer, user: Some(Attended { expires_at, ended, _task: AbortOnDropHandle::new(task) }) })
    }

    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Ready when the connection may not be used any longer, and never again after that.
    pub async fn ended(&mut self) -> Ended {
        if let Some(user) = &mut self.user
            && let Ok(ended) = (&mut user.ended).await
        {
            return ended;
        }
        std::future::pending().await
    }

    /// Goes on with a newer access token (`Bearer …`) of the same session; gives when that one expires.
    pub async fn renew(&self, app: &App, authorization: &str) -> Result<DateTime<Utc>> {
        let renewing = viewer::renew(app, &self.viewer, authorization);
        let expires_at = Deadline::from_now(&app.config.limits).meet_or_unavailable(renewing).await?;
        if let Some(user) = &self.user {
            user.expires_at.send_replace(expires_at);
        }
        Ok(expires_at)
    }
}

/// Waits for the end of a session, and keeps its rights as they are.
struct Follower {
    app: Arc<App>,
    viewer: Viewer,
    signal: Signal,
    broker: BrokerWatch,
    /// Whether something may have changed since the rights were last read.
    is_due: bool,
}

impl Follower {
    async fn follow(mut self, mut expires_at: watch::Receiver<DateTime<Utc>>) -> Ended {
        loop {
            let expiry = instant(*expires_at.borrow_and_update());
            tokio::select! {
                () = sleep_until(expiry) => return Ended::Expired,
                Ok(()) = expires_at.changed() => {}
                () = self.session_ends() => return Ended::Revoked,
            }
        }
    }

    /// Ready when the session has ended. May be dropped and begun again.
    async fn session_ends(&mut self) {
        loop {
            if !self.is_due {
                tokio::select! {
                    Some(_) = self.signal.changed() => {}
                    () = self.broker.look_is_due() => {}
                }
                self.is_due = true;
            }
            match viewer::renew_rights(&self.app, &self.viewer).boxed().await {
                Ok(()) => self.is_due = false,
                Err(error) if error.code == Code::Unauthenticated => return,
                // Not everybody at the same moment.
                Err(_) => sleep(RETRY.mul_f64(rand::random::<f64>())).await,
            }
        }
    }
}

/// The moment on the clock that timers go by.
fn instant(time: DateTime<Utc>) -> Instant {
    Instant::now() + (time - clock::now()).to_std().unwrap_or_default()
}

/// Whether the broker answers. While it does not, nobody hears that rights have changed at another process.
#[derive(Clone)]
pub struct BrokerWatch {
    is_away: watch::Receiver<bool>,
    /// How long to wait between two looks while it is away.
    pause: Duration,
}

impl BrokerWatch {
    /// The watch, and the work that it takes, for as long as the process serves.
    pub fn new(app: Arc<App>) -> (Self, impl Future<Output = ()>) {
        let (sender, is_away) = watch::channel(false);
        let pause = Duration::from_secs(app.config.websocket.rights_check_seconds);
        let watching = async move {
            loop {
                let answer = app.events.ping().await;
                sender.send_if_modified(|is_away| std::mem::replace(is_away, answer.is_err()) != answer.is_err());
                sleep(pause).await;
            }
        };
        (Self { is_away, pause }, watching)
    }

    /// Ready when rights are to be looked at, because the broker is away.
    async fn look_is_due(&mut self) {
        if self.is_away.wait_for(|is_away| *is_away).await.is_err() {
            return std::future::pending().await;
        }
        // Not everybody at the same moment.
        sleep(self.pause.mul_f64(rand::random_range(0.5..1.5))).await;
    }
}
