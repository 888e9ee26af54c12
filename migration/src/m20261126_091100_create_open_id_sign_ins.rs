//! Creates `open_id_sign_ins`: people who were sent to an OpenID provider and are not back yet.
//!
//! Why: whichever process they come back to completes it, once, for a while; a row is deleted by whoever takes it. What the browser
//! holds is kept as a hash, so that reading the table completes nothing. Lock: none, the table is new. Reversal: drops the table;
//! whoever is under way has to start again.

use sea_orm_migration::{
    prelude::*,
    schema::{string_len, text, timestamp_with_time_zone},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sign_ins = Table::create()
            .table(OpenIdSignIns::Table)
            .col(string_len(OpenIdSignIns::StateHash, 64).primary_key())
            .col(string_len(OpenIdSignIns::SecretHash, 64))
            .col(string_len(OpenIdSignIns::Nonce, 64))
            .col(string_len(OpenIdSignIns::PkceVerifier, 128))
            .col(text(OpenIdSignIns::RedirectUrl))
            .col(timestamp_with_time_zone(OpenIdSignIns::ExpiresAt))
            .take();
        manager.create_table(sign_ins).await?;
        dialect::run(manager, "create index idx_open_id_sign_ins_expires_at on open_id_sign_ins (expires_at)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(OpenIdSignIns::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum OpenIdSignIns {
    Table,
    StateHash,
    SecretHash,
    Nonce,
    PkceVerifier,
    RedirectUrl,
    ExpiresAt,
}
