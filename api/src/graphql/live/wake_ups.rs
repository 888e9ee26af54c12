//! What a follower waits for: a signal, or another life of the database.

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, future::select_all};
use tokio::sync::watch;

use crate::{
    app::App,
    database::Life,
    domain::error::{Error, Result},
    events::{Signal, SignalNumber, Topic, measure_lag},
};

/// Waits until it is time to read again: a signal came, or the database began another life (a restore, a promoted standby).
pub struct WakeUps {
    signals: Vec<Signal>,
    life: watch::Receiver<Life>,
    /// Whether the follower has caught up, so that its next events are new and their lag is measured.
    has_waited: bool,
}

/// Why it is time to read again.
pub enum Woken {
    ByAnEvent(SignalNumber),
    InAnotherLife,
    AtTheEnd,
}

impl WakeUps {
    /// Subscribes from now on. Subscribe first and read the present afterwards: then nothing falls between.
    pub async fn at(app: &App, topics: &[Topic]) -> Self {
        let life = app.lives.follow();
        let mut signals = Vec::with_capacity(topics.len());
        for topic in topics {
            signals.push(app.events.subscribe(*topic).await);
        }
        WakeUps { life, signals, has_waited: false }
    }

    /// CURSOR_EXPIRED where the database has begun another life: the events read before do not fit those read now.
    pub fn expect_same_life(&self) -> Result<()> {
        // The sender is gone when the process is about to end; then no other life is told of.
        if self.life.has_changed().unwrap_or(false) { Err(Error::cursor_expired()) } else { Ok(()) }
    }

    /// Measures the lag of an event that the follower waited for.
    pub fn measure(&self, at: DateTime<Utc>) {
        if self.has_waited {
            measure_lag(at);
        }
    }

    pub async fn wait(&mut self) -> Woken {
        self.has_waited = true;
        let signalled = async {
            match &mut self.signals[..] {
                [signal] => signal.changed().await,
                signals => select_all(signals.iter_mut().map(|signal| signal.changed().boxed())).await.0,
            }
        };
        tokio::select! {
            biased;
            Ok(()) = self.life.changed() => Woken::InAnotherLife,
            signal = signalled => signal.map_or(Woken::AtTheEnd, Woken::ByAnEvent),
        }
    }
}
