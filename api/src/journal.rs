//! The journal: the log of what happened, which feeds are told from.
//!
//! Whoever changes something appends an event to it in the same transaction ([`append`], an outbox). A sequencer numbers what is committed, in
//! short transactions of its own (runs), one at a time over all processes: the numbers are positions, and after a position was read no event
//! with a smaller one can appear. Each of an event's topics has an entry, and a feed reads a range of them. After a run the processes are
//! told which topics to look at; one that was not told reads it from the rows of the runs within a second.
//!
//! `docs/decisions/0045-a-journal-numbered-by-a-sequencer.md` has the reasons and the measurements.

mod cursor;
mod event;
mod gaps;
mod reading;
pub mod retention;
mod sequencer;

use std::{convert::Infallible, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{FromQueryResult, Statement};
use serde_json::Value as Json;
use tokio::sync::{Mutex, Notify};

pub use self::{
    cursor::Cursor,
    event::{EventKind, append},
    reading::{ENTRY, EVENT_ID, Position, SUBJECT, entries_after, is_numbered, position_in, waits_in, with_last_run},
    sequencer::pass_over,
};
use self::{reading::waits, sequencer::Sequencer};
use crate::{
    database::{Pool, dialect},
    domain::{clock, error::Result},
    events::{Events, RunNumber, Topic},
};

/// How often a process looks for what it was not told, and for what nobody has numbered.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// Runs that are looked at in one statement.
const RUNS: usize = 500;

/// The journal as one process has it.
pub struct Journal {
    /// For how long an event can be gone on after.
    kept: TimeDelta,
    requested: Arc<Notify>,
    /// Locked while a run is under way: in one process they follow each other.
    sequencer: Mutex<Sequencer>,
}

impl Journal {
    /// A journal whose events can be gone on after for so many days.
    pub fn new(kept_days: u32) -> Self {
        Journal { kept: TimeDelta::days(kept_days.into()), requested: Arc::default(), sequencer: Mutex::default() }
    }

    /// Asks for a run, after the commit of a statement that has appended an event; [`append_in_tx`](Self::append_in_tx) does so by
    /// itself. Does not wait for it: requests that come while one is under way share the next (single-flight).
    pub fn request_run(&self) {
        self.requested.notify_one();
    }

    /// Does the runs that are asked for, for ever. A failure is no reason to pause: what is not numbered then is found by the next
    /// [`look`](Self::look).
    pub async fn run_on_request(&self, db: &Pool, events: &Events) -> anyhow::Result<Infallible> {
        // As long as it is followed, the broker tells of the runs of other processes.
        let _runs = events.subscribe(Topic::Journal).await;
        loop {
            self.requested.notified().await;
            if let Err(error) = self.run(db, events).await {
                tracing::warn!(error = error.for_log(), "what has happened could not be numbered yet");
            }
        }
    }

    /// Numbers all that is committed, and tells the processes which topics to look at.
    ///
    /// # Errors
    /// The database cannot be asked. What is not numbered then is numbered by a later run.
    pub async fn run(&self, db: &Pool, events: &Events) -> Result<()> {
        let mut sequencer = self.sequencer.lock().await;
        while let Some(run) = sequencer.run(db).await? {
            events.tell_run(run.id, &run.topics).await;
            if !run.is_full {
                break;
            }
        }
        Ok(())
    }

    /// Tells here what other processes have numbered without its being heard of (a lost signal, a broker that is away, a process that died after
    /// its commit), and numbers what waits for it.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn look(&self, db: &Pool, events: &Events) -> Result<()> {
        #[derive(FromQueryResult)]
        struct RunRow {
            id: i64,
            topics: Json,
            waits: bool,
        }
        let backend = db.get_database_backend();
        loop {
            let heard = events.heard_runs();
            let sql = format!(
                "select id, topics, {} as waits from journal_runs where id >= {} order by id limit {RUNS}",
                waits(backend, "journal_runs"),
                dialect::parameter(backend, 1)
            );
            let statement = Statement::from_sql_and_values(backend, sql, [heard.into()]);
            let runs = RunRow::find_by_statement(statement).all(db).await?;
            let Some(last) = runs.last() else {
                // The database is another one, as after a restore; or this process was away for so long that the runs are deleted.
                events.hear_runs_until(last_run(db).await?);
                events.look_everywhere();
                return Ok(());
            };
            if runs[0].id > heard {
                events.look_everywhere();
            }
            for unheard in runs.iter().filter(|run| !events.has_heard_run(run.id)) {
                events.look_here(&known_topics(&unheard.topics).collect::<Vec<_>>());
            }
            events.hear_runs_until(last.id);
            if runs.len() < RUNS {
                return if last.waits { self.run(db, events).await } else { Ok(()) };
            }
        }
    }

    /// From when on events are kept.
    fn kept_since(&self) -> DateTime<Utc> {
        clock::now() - self.kept
    }
}

/// The number of the last run.
///
/// # Errors
/// The database cannot be asked.
pub async fn last_run(db: &Pool) -> Result<RunNumber> {
    Ok(sequencer::last_run(db).await?.id)
}

/// The position of the last event that is numbered; 0 where none is.
///
/// # Errors
/// The database cannot be asked.
pub async fn last_position(db: &Pool) -> Result<Position> {
    Ok(Position(sequencer::last_run(db).await?.last_position))
}

/// The topics that are named in a column of the journal. Those that a newer server has added are left out.
fn known_topics(topics: &Json) -> impl Iterator<Item = Topic> {
    topics.as_array().into_iter().flatten().filter_map(|topic| topic.as_str()?.parse().ok())
}
