//! Creates `database_lives`: a row for each time that the data began to go its own way, in a new database, a restored one, a copy, or a
//! standby that was promoted. The newest began last.
//!
//! Why: a dump carries everything but the transaction numbers of its cluster, and what was given out after it was made. Servers compare
//! `marks`, which no dump carries (on PostgreSQL the system identifier, the timeline, the oids of the database and of `order_events`; on
//! SQLite the file), with those of the database they find; where they differ, a life begins, and cursors of feeds from another one are
//! refused. Those of the first life name none, as before there was this table. Lock: none, the table is new. Reversal: drops the table;
//! cursors that name a life are refused by the servers from before it.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, json_binary, timestamp_with_time_zone},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lives = Table::create()
            .table(DatabaseLives::Table)
            .col(big_integer(DatabaseLives::Id).primary_key())
            .col(boolean(DatabaseLives::IsFirst))
            .col(timestamp_with_time_zone(DatabaseLives::BeganAt))
            .col(json_binary(DatabaseLives::Marks))
            .take();
        manager.create_table(lives).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(DatabaseLives::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum DatabaseLives {
    Table,
    Id,
    IsFirst,
    BeganAt,
    Marks,
}
