//! Creates `refresh_tokens`: what a session is continued with, each once, kept only as a hash.
//!
//! Why: a token that comes a second time was stolen, or its thief was first; a used one is therefore remembered for as long as its
//! session, and ends the session when it comes again. Lock: none, the table is new. Reversal: drops the table; sessions end with
//! their access tokens.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, string_len, timestamp_with_time_zone, timestamp_with_time_zone_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let refresh_tokens = Table::create()
            .table(RefreshTokens::Table)
            .col(string_len(RefreshTokens::TokenHash, 64).primary_key())
            .col(integer(RefreshTokens::SessionId))
            .col(timestamp_with_time_zone(RefreshTokens::CreatedAt))
            .col(timestamp_with_time_zone_null(RefreshTokens::UsedAt))
            .foreign_key(
                ForeignKey::create()
                    .name("refresh_tokens_session_id_fkey")
                    .from(RefreshTokens::Table, RefreshTokens::SessionId)
                    .to(Sessions::Table, Sessions::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(refresh_tokens).await?;
        dialect::run(manager, "create index idx_refresh_tokens_session_id on refresh_tokens (session_id)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(RefreshTokens::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum RefreshTokens {
    Table,
    TokenHash,
    SessionId,
    CreatedAt,
    UsedAt,
}

#[derive(DeriveIden)]
enum Sessions {
    Table,
    Id,
}
