//! A file lock by which only one process serves from a SQLite file.

use std::{
    fs::{File, TryLockError},
    path::PathBuf,
};

use anyhow::Context;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use super::explain;
use crate::config::DatabaseConfig;

/// The right to serve from a SQLite file: a lock on a file beside it, which ends with the process, however that ends.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

/// Claims the SQLite file for this process; none on PostgreSQL. Commands that do something short beside a server need no claim.
///
/// # Errors
/// Another process serves from it.
pub fn claim(config: &DatabaseConfig) -> anyhow::Result<Option<Claim>> {
    if !config.is_sqlite() {
        return Ok(None);
    }
    let address = config.address();
    let file = if config.is_embedded() {
        let folder = &config.data_directory;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {} for the embedded database", folder.display()))?;
        config.embedded_file()
    } else {
        let parsed: SqliteConnectOptions = address.parse().map_err(|error| explain::address("DATABASE_URL", &error))?;
        parsed.get_filename().to_owned()
    };
    // By whatever path or link it is named, it is one file with one lock.
    let file = file.canonicalize().unwrap_or(file);
    let mut name = file.clone().into_os_string();
    name.push(".lock");
    let name = PathBuf::from(name);
    let lock = File::options().create(true).write(true).truncate(false).open(&name);
    let lock = lock.with_context(|| format!("cannot open {}", name.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another process serves from {}: a SQLite file is for one. Stop that one, or let both use a PostgreSQL (DATABASE_URL) and a \
             Redis (REDIS_URL)",
            file.display()
        ),
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, file = %name.display(), "the file cannot be locked: make sure that no other process serves from it");
        }
    }
    Ok(Some(Claim { _lock: lock }))
}
