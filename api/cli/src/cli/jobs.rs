//! `tiffin jobs`: looks at what is to be done later, runs dead letters again, or discards them.

use std::{fmt::Write, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use entity::jobs;
use sea_orm::{ColumnTrait, Condition};

use super::{patiently, print, structure};
use tiffin::{
    config::Config,
    database::{self, Pool},
    domain::error::Result,
    jobs::operators::{self, JobStanding},
};

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// Print jobs: number, kind, state, attempts, when each is due (UTC), what it is about, and its last error.
    List {
        /// Of this kind only.
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// In this state only.
        #[arg(long, value_name = "STATE")]
        state: Option<State>,
        /// At most so many, the oldest first.
        #[arg(long, value_name = "JOBS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000))]
        limit: u64,
    },
    /// Run jobs at once, as if they had never been tried: these, or all dead letters of a kind.
    Retry(Which),
    /// Delete jobs undone: these, or all dead letters of a kind. What runs at the moment stays, and so does what recurs.
    Discard(Which),
}

/// Jobs by their numbers, or the dead letters of a kind.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The numbers of jobs, as `tiffin jobs list` prints them.
    #[arg(value_name = "NUMBER")]
    numbers: Vec<i64>,
    /// All dead letters of this kind.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    Waiting,
    Running,
    Blocked,
    Dead,
}

pub async fn run(action: Jobs, config: Config, patience: Duration) -> anyhow::Result<()> {
    let db = patiently(patience, async || database::connect_for_maintenance(&config.database).await).await?;
    structure::require_current(&db).await?;
    database::set_clock(&db).await?;
    let said = done(action, &db).await;
    db.close().await?;
    print(&said.map_err(|error| anyhow::anyhow!(error.for_log()))?)
}

async fn done(action: Jobs, db: &Pool) -> Result<String> {
    Ok(match action {
        Jobs::List { kind, state, limit } => {
            let found = operators::list(db, kind.as_deref(), state.map(JobStanding::from), limit).await?;
            table(&found)
        }
        Jobs::Retry(which) => format!("{} due now\n", jobs_in_words(operators::retry(db, which.condition()).await?)),
        Jobs::Discard(which) => {
            format!("{} discarded\n", jobs_in_words(operators::discard(db, which.condition()).await?))
        }
    })
}

fn jobs_in_words(count: u64) -> String {
    format!("{count} job{}", if count == 1 { "" } else { "s" })
}

fn table(found: &[jobs::Model]) -> String {
    let mut text = String::new();
    for job in found {
        let about = match (job.user_id, job.subject_id) {
            (Some(user), _) => format!("User:{user}"),
            (None, Some(subject)) => subject.to_string(),
            (None, None) => "-".to_owned(),
        };
        let due = job.due_at.to_utc().format("%F %T");
        let (state, error) =
            (JobStanding::of(job.state, job.holder, job.due_at), job.last_error.as_deref().unwrap_or_default());
        // Writing to a text does not fail.
        let _ =
            writeln!(text, "{:<10} {:<28} {state:<8} {:>3} {due} {about:<12} {error}", job.id, job.kind, job.attempts);
    }
    text
}

impl Which {
    fn condition(&self) -> Condition {
        match &self.kind {
            Some(kind) => JobStanding::Dead.condition().add(jobs::Column::Kind.eq(kind)),
            None => Condition::all().add(jobs::Column::Id.is_in(self.numbers.iter().copied())),
        }
    }
}

impl From<State> for JobStanding {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => JobStanding::Waiting,
            State::Running => JobStanding::Running,
            State::Blocked => JobStanding::Blocked,
            State::Dead => JobStanding::Dead,
        }
    }
}
