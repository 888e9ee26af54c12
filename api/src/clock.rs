//! The present time.

use chrono::{DateTime, SubsecRound, Utc};

/// Now, to the microsecond: what both databases keep, so that a time reads back as it was written.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
