//! `tiffin migrate`: the structure of the database.

use std::{fmt::Write, time::Duration};

use anyhow::Context;
use clap::{Args, Subcommand};
use migration::{Additional, Structure};
use sea_orm::DbBackend;

use super::{patiently, print, structure};
use tiffin::{
    config::{Config, Environment},
    database::{self, Pool},
};

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply all migrations that wait. Processes that start together wait for one another.
    Up,
    /// Take back the newest migration, or more. What they added is lost.
    Down(Down),
    /// List the migrations, and which are applied. Changes nothing.
    Status,
    /// Drop everything, and build the structure anew. All data is lost.
    Fresh(Consent),
}

#[derive(Debug, Args)]
pub struct Down {
    /// How many to take back.
    #[arg(default_value_t = 1)]
    steps: u32,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Debug, Args)]
pub struct Consent {
    /// Do it in production too.
    #[arg(long)]
    yes: bool,
}

pub async fn run(action: Migrate, config: Config, patience: Duration) -> anyhow::Result<()> {
    match &action {
        Migrate::Down(Down { consent, .. }) | Migrate::Fresh(consent) => {
            consent.check(&config, "this destroys data in production")?;
        }
        Migrate::Up | Migrate::Status => {}
    }
    let db = patiently(patience, async || database::connect_for_maintenance(&config.database).await).await?;
    match action {
        // Everything goes, whoever made it.
        Migrate::Fresh(_) if db.get_database_backend() == DbBackend::Postgres => {}
        Migrate::Down(_) | Migrate::Fresh(_) => require_ours(&structure::inspect(&db).await?)?,
        Migrate::Up => drop(structure::inspect(&db).await?),
        Migrate::Status => {}
    }
    let outcome = match action {
        Migrate::Up => migration::migrate(db.connections()).await,
        Migrate::Down(Down { steps, .. }) => migration::roll_back(db.connections(), Some(steps)).await,
        Migrate::Status => Ok(()),
        Migrate::Fresh(_) => migration::fresh(db.connections()).await,
    };
    outcome.context("the migration failed")?;
    print(&status(&db).await?)?;
    db.close().await?;
    Ok(())
}

impl Consent {
    /// An error in production, unless it was given; `what` says what would happen.
    pub fn check(&self, config: &Config, what: &str) -> anyhow::Result<()> {
        let allowed = self.yes || config.environment == Environment::Development;
        anyhow::ensure!(allowed, "{what}; say --yes if that is meant (or set TIFFIN_ENV=development)");
        Ok(())
    }
}

/// An error where a newer version has applied migrations, which only that one can take back.
fn require_ours(structure: &Structure) -> anyhow::Result<()> {
    if let Some(newest) = structure.additional.last() {
        let name = &newest.name;
        anyhow::bail!(
            "a newer version than {} has applied {name}: take it back with that one first",
            migration::version()
        );
    }
    Ok(())
}

/// A line for each migration, and one that sums up.
async fn status(db: &Pool) -> anyhow::Result<String> {
    let structure = structure::read(db).await?;
    let mut text = String::new();
    for name in &structure.applied {
        writeln!(text, "applied  {name}")?;
    }
    for Additional { name, oldest_version } in &structure.additional {
        let binaries =
            oldest_version.as_ref().map_or_else(|| "unknown".to_owned(), |version| format!("{version} or newer"));
        writeln!(text, "applied  {name} (of a newer version; binaries that can serve with it: {binaries})")?;
    }
    for name in &structure.pending {
        writeln!(text, "pending  {name}")?;
    }
    let applied = structure.applied.len() + structure.additional.len();
    writeln!(text, "{applied} applied, {} pending", structure.pending.len())?;
    Ok(text)
}
