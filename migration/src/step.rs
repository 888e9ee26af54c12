//! A migration, together with the oldest binary that can serve with it.

use sea_orm_migration::prelude::*;
use semver::Version;

use crate::compatibility;

/// A migration, and the oldest version of the binary that can serve with it.
///
/// That version is written into the database together with the migration: a binary that does not know the migration goes by it.
pub struct MigrationStep {
    migration: Box<dyn MigrationTrait>,
    pub oldest_version: Version,
}

impl MigrationStep {
    pub fn new(oldest_version: Version, migration: impl MigrationTrait + 'static) -> Self {
        MigrationStep { migration: Box::new(migration), oldest_version }
    }
}

impl MigrationName for MigrationStep {
    fn name(&self) -> &str {
        self.migration.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for MigrationStep {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.migration.up(manager).await?;
        compatibility::note(manager, self).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.migration.down(manager).await?;
        compatibility::forget(manager, self.name()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        self.migration.use_transaction()
    }
}
