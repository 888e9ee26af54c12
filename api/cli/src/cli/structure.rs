//! The schema version check: whether this binary and the structure of the database fit.

use anyhow::Context;
use migration::Structure;
use sea_orm::{DbErr, TransactionTrait};

use tiffin::database::Pool;

/// How the structure is. It is read on one connection: behind a pooler that lends sessions there may be no more.
pub async fn read(db: &Pool) -> Result<Structure, DbErr> {
    let transaction = db.connections().begin().await?;
    let structure = Structure::read(&transaction).await?;
    transaction.commit().await?;
    Ok(structure)
}

/// How the structure is. An error where a binary of this version cannot work with it.
pub async fn inspect(db: &Pool) -> anyhow::Result<Structure> {
    let structure = read(db).await.context("cannot read which migrations are applied")?;
    let version = migration::version();
    if let Some(refusal) = structure.refusal(&version) {
        anyhow::bail!(refusal);
    }
    if !structure.additional.is_empty() {
        let migrations: Vec<_> = structure.additional.iter().map(|migration| migration.name.as_str()).collect();
        tracing::warn!(
            version = %version,
            migrations = migrations.join(", "),
            "a newer version has migrated the database, in a way that lets this one go on"
        );
    }
    Ok(structure)
}

/// An error where a binary of this version cannot work with the structure, or migrations wait that nobody has asked this command for.
pub async fn require_current(db: &Pool) -> anyhow::Result<()> {
    inspect(db).await?.waiting().map_or(Ok(()), |waiting| Err(anyhow::anyhow!(waiting)))
}
