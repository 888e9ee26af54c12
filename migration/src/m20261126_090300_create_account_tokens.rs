//! Creates `account_tokens` and the enum `account_token_purpose`: what was sent by mail to prove that an address is somebody's.
//!
//! Why: e-mail addresses are verified and passwords set by whoever holds a token, once, for a while; only its hash is kept, so that
//! reading the table gives nobody an account. Lock: none, the table is new. Reversal: drops the table and the enum; what was sent
//! has to be asked for again.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, string_len, timestamp_with_time_zone, timestamp_with_time_zone_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

pub const PURPOSE: &str = "account_token_purpose";
pub const PURPOSES: [&str; 3] = ["VERIFY_EMAIL", "RESET_PASSWORD", "INVITATION"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_enum(manager, PURPOSE, &PURPOSES).await?;
        create_table(manager, &PURPOSES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(AccountTokens::Table).take()).await?;
        dialect::drop_enum(manager, PURPOSE).await
    }
}

/// The table and its indexes, for tokens of these purposes.
pub async fn create_table(manager: &SchemaManager<'_>, purposes: &[&'static str]) -> Result<(), DbErr> {
    let account_tokens = Table::create()
        .table(AccountTokens::Table)
        .col(string_len(AccountTokens::TokenHash, 64).primary_key())
        .col(integer(AccountTokens::UserId))
        .col(dialect::enumeration(manager, AccountTokens::Purpose, PURPOSE, purposes))
        .col(string_len(AccountTokens::Email, 255))
        .col(timestamp_with_time_zone(AccountTokens::CreatedAt))
        .col(timestamp_with_time_zone(AccountTokens::ExpiresAt))
        .col(timestamp_with_time_zone_null(AccountTokens::UsedAt))
        .foreign_key(
            ForeignKey::create()
                .name("account_tokens_user_id_fkey")
                .from(AccountTokens::Table, AccountTokens::UserId)
                .to(Users::Table, Users::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take();
    manager.create_table(account_tokens).await?;
    dialect::run(manager, "create index idx_account_tokens_user_id on account_tokens (user_id)").await?;
    dialect::run(manager, "create index idx_account_tokens_expires_at on account_tokens (expires_at)").await
}

#[derive(DeriveIden)]
enum AccountTokens {
    Table,
    TokenHash,
    UserId,
    Purpose,
    Email,
    CreatedAt,
    ExpiresAt,
    UsedAt,
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
}
