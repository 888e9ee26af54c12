//! Creates `processes`: the servers on this database that live, by what they write every few seconds.
//!
//! Why: processes without a common broker do not hear of each other's changes, and nobody said so. A lock of a session would strand in a
//! pooler. Times are the database's, so that clocks do not matter. On SQLite there is one process, and a locked file instead. Lock: none, the
//! table is new. Reversal: drops the table; whoever lives is told of again.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, string_len, timestamp_with_time_zone},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let processes = Table::create()
            .table(Processes::Table)
            .if_not_exists()
            .col(big_integer(Processes::Id).primary_key())
            .col(string_len(Processes::Host, 255))
            .col(string_len(Processes::Version, 64))
            .col(boolean(Processes::HasBroker))
            .col(timestamp_with_time_zone(Processes::StartedAt))
            .col(timestamp_with_time_zone(Processes::SeenAt))
            .take();
        manager.create_table(processes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Processes::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Processes {
    Table,
    Id,
    Host,
    Version,
    HasBroker,
    StartedAt,
    SeenAt,
}
