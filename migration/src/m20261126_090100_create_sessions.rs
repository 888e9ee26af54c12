//! Creates `sessions`: who is signed in, since when, and from where.
//!
//! Why: an access token names its session, and every request looks whether that still stands; so a session that was ended is at an
//! end everywhere at once. Ended and expired ones are kept for a while, to be looked at. Lock: none, the table is new. Reversal:
//! drops the table; everybody has to sign in again.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, pk_auto, string_len_null, timestamp_with_time_zone, timestamp_with_time_zone_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sessions = Table::create()
            .table(Sessions::Table)
            .col(pk_auto(Sessions::Id))
            .col(integer(Sessions::UserId))
            .col(timestamp_with_time_zone(Sessions::CreatedAt))
            .col(timestamp_with_time_zone(Sessions::LastUsedAt))
            .col(timestamp_with_time_zone(Sessions::ExpiresAt))
            .col(timestamp_with_time_zone_null(Sessions::EndedAt))
            .col(string_len_null(Sessions::Address, 45))
            .col(string_len_null(Sessions::UserAgent, 255))
            .foreign_key(
                ForeignKey::create()
                    .name("sessions_user_id_fkey")
                    .from(Sessions::Table, Sessions::UserId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(sessions).await?;
        dialect::run(manager, "create index idx_sessions_user_id on sessions (user_id)").await?;
        dialect::run(manager, "create index idx_sessions_expires_at on sessions (expires_at)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Sessions::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Sessions {
    Table,
    Id,
    UserId,
    CreatedAt,
    LastUsedAt,
    ExpiresAt,
    EndedAt,
    Address,
    UserAgent,
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
}
