//! Adds to `refresh_tokens` what tells the generations of a session's tokens apart: `generation`, `issued_for`, `confirmed_at` and
//! `replaced_at`.
//!
//! Why: a client that lost the answer of `refreshSession` asks again, and must not be taken for a thief; the tokens that it never got are
//! replaced as long as nobody has used them. `used_at` stays what it was, the first time that the refresh token was presented, so that an
//! older server beside this one goes on. Tokens from before have no generation, and are good for once as they were. Lock: an instant; the
//! index is built beside the writers, and takes the place of that over `session_id`. Reversal: drops the columns.

use sea_orm_migration::{
    prelude::*,
    schema::{integer_null, string_len_null, timestamp_with_time_zone_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const KEY: &str = "refresh_tokens_session_id_generation_key";
const FORMER: &str = "idx_refresh_tokens_session_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if dialect::is_postgres(manager) {
            dialect::run(
                manager,
                "alter table refresh_tokens
                 add column if not exists generation integer,
                 add column if not exists issued_for varchar(64),
                 add column if not exists confirmed_at timestamp with time zone,
                 add column if not exists replaced_at timestamp with time zone",
            )
            .await?;
        } else {
            let columns = [
                integer_null(RefreshTokens::Generation),
                string_len_null(RefreshTokens::IssuedFor, 64),
                timestamp_with_time_zone_null(RefreshTokens::ConfirmedAt),
                timestamp_with_time_zone_null(RefreshTokens::ReplacedAt),
            ];
            dialect::add_columns(manager, RefreshTokens::Table, columns).await?;
        }
        dialect::create_index_online(manager, KEY, true, "refresh_tokens (session_id, generation)").await?;
        dialect::drop_index_online(manager, FORMER).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_index_online(manager, FORMER, false, "refresh_tokens (session_id)").await?;
        dialect::drop_index_online(manager, KEY).await?;
        let columns = [
            RefreshTokens::ReplacedAt,
            RefreshTokens::ConfirmedAt,
            RefreshTokens::IssuedFor,
            RefreshTokens::Generation,
        ];
        dialect::drop_columns(manager, RefreshTokens::Table, columns).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum RefreshTokens {
    Table,
    Generation,
    IssuedFor,
    ConfirmedAt,
    ReplacedAt,
}
