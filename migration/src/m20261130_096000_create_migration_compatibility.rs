//! Creates `migration_compatibility`: for each migration the oldest version of the binary that can serve with it.
//!
//! Why: a binary that finds a migration which it does not know has to tell whether it can go on, in the middle of a rollout or after it was
//! taken back. From here on each migration writes its version as it is applied; this one writes those of all before it. Lock: none, the
//! table is new. Reversal: drops the table.

use sea_orm_migration::{prelude::*, schema::string_len, sea_orm::EntityTrait, seaql_migrations};

use crate::compatibility;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let compatibility = Table::create()
            .table(MigrationCompatibility::Table)
            .if_not_exists()
            .col(string_len(MigrationCompatibility::Migration, 255).primary_key())
            .col(string_len(MigrationCompatibility::OldestVersion, 64))
            .take();
        manager.create_table(compatibility).await?;
        let applied = seaql_migrations::Entity::find().all(manager.get_connection()).await?;
        for step in crate::steps() {
            if applied.iter().any(|row| row.version == step.name()) {
                compatibility::note(manager, &step).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(MigrationCompatibility::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum MigrationCompatibility {
    Table,
    Migration,
    OldestVersion,
}
