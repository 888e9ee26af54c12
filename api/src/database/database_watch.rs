//! A periodic look at the database: the clock skew, and whether its data were restored or taken over meanwhile.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Lives, Pool, present_time::correct_clock};
use crate::domain::{
    clock::{self, Agreement},
    error::{Error, Result},
};

/// The periodic look, with what it logged last of the clock.
pub struct DatabaseWatch(Mutex<Agreement>);

impl Default for DatabaseWatch {
    fn default() -> Self {
        DatabaseWatch(Mutex::new(Agreement::Agrees))
    }
}

impl DatabaseWatch {
    /// How long to wait between two looks.
    pub const INTERVAL: Duration = Duration::from_secs(5);

    /// Looks once.
    ///
    /// # Errors
    /// The database cannot be asked. The clock and the life that are known stay until the next look.
    pub async fn look(&self, db: &Pool, lives: &Lives) -> Result<()> {
        self.report_clock();
        let corrected = correct_clock(db).await;
        lives.look(db).await.map_err(Error::unavailable)?;
        Ok(corrected?)
    }

    /// Reports the skew between the machine's clock and the database's: as a metric, and in the log where the verdict has changed.
    fn report_clock(&self) {
        let offset = clock::offset();
        let (offset_seconds, agreement) = (offset.as_seconds_f64(), Agreement::of(offset));
        metrics::gauge!(clock::OFFSET).set(offset_seconds);
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), agreement);
        if agreement == before {
            return;
        }
        match agreement {
            Agreement::Agrees => {
                tracing::info!(offset_seconds, "this machine's clock agrees with the database's again")
            }
            Agreement::Apart => tracing::warn!(offset_seconds, "this machine's clock is off from the database's"),
            Agreement::FarApart => {
                tracing::warn!(offset_seconds, "this machine's clock is far off from the database's: not ready");
            }
        }
    }
}
