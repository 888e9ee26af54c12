//! The user of a long-lived connection (a websocket or an event stream), until the access token expires or the session ends. The user's
//! rights are kept as they are in the database ([`RightsCheck`]), so that no operation has to read them.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    ended::Ended,
    rights_check::{Enrolment, RightsCheck},
};
use crate::{
    app::App,
    deadline::Deadline,
    domain::{clock, error::Result, viewer::Viewer},
    events::{Signal, Topic},
    features::account::authentication::{self, Authenticated},
    http::bearer_token,
    tasks,
};

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
    pub async fn begin(app: &App, rights: &RightsCheck, authenticated: Authenticated) -> Result<Self> {
        let Authenticated { viewer, expires_at } = authenticated;
        let (Viewer::User(user), Some(expires_at)) = (&viewer, expires_at) else {
            return Ok(Self { viewer, user: None });
        };
        let Some(session) = user.session else { return Ok(Self { viewer, user: None }) };
        let signal = app.events.subscribe(Topic::User(user.id)).await;
        let (enrolment, ended) = rights.enrol(user.clone(), session);
        // What has changed since they were read, and before the signal was taken, would be missed.
        authentication::renew_rights(app, &viewer).await?;
        let (expires_at, renewed) = watch::channel(expires_at);
        let follower = SessionFollower { signal, enrolment, ended };
        let (sender, ended) = oneshot::channel();
        let following = async move {
            // The connection may have ended first.
            let _ = sender.send(follower.follow(renewed).await);
        };
        let task = tokio::spawn(tasks::once("attendance", following).map(drop));
        Ok(Self { viewer, user: Some(Attended { expires_at, ended, _task: AbortOnDropHandle::new(task) }) })
    }

    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Ready when the connection may not be used any longer, and never again after that.
    pub async fn ended(&mut self) -> Ended {
        match &mut self.user {
            // Where nobody follows it any more, nobody can say that it may go on.
            Some(user) if !user.ended.is_terminated() => (&mut user.ended).await.unwrap_or(Ended::Unchecked),
            Some(_) | None => std::future::pending().await,
        }
    }

    /// Goes on with a newer access token (`Bearer …`) of the same session; gives when that one expires.
    pub async fn renew(&self, app: &App, authorization: &str) -> Result<DateTime<Utc>> {
        let renewing = authentication::renew(app, &self.viewer, bearer_token::read(authorization)?);
        let expires_at = Deadline::from_now(&app.config.limits).meet_or_unavailable(renewing).await?;
        if let Some(user) = &self.user {
            user.expires_at.send_replace(expires_at);
        }
        Ok(expires_at)
    }
}

/// Waits for the end of a session.
struct SessionFollower {
    signal: Signal,
    enrolment: Enrolment,
    ended: oneshot::Receiver<Ended>,
}

impl SessionFollower {
    async fn follow(mut self, mut expires_at: watch::Receiver<DateTime<Utc>>) -> Ended {
        loop {
            let expiry = instant(*expires_at.borrow_and_update());
            tokio::select! {
                () = sleep_until(expiry) => return Ended::Expired,
                Ok(ended) = &mut self.ended => return ended,
                Ok(()) = expires_at.changed() => {}
                Some(_) = self.signal.changed() => self.enrolment.is_due(),
            }
        }
    }
}

/// The moment on the clock that timers go by.
fn instant(time: DateTime<Utc>) -> Instant {
    Instant::now() + (time - clock::now()).to_std().unwrap_or_default()
}
