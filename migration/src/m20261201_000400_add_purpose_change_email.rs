//! Adds `CHANGE_EMAIL` to `account_token_purpose`: a token that was sent to the address that an account is to have.
//!
//! Why: people change their e-mail address themselves, and it is in force when whoever reads the mail there says so. The row holds the new
//! address until then. Lock: an instant on PostgreSQL. SQLite cannot change a check, and takes the table over into a new one: no table refers
//! to it, so nothing cascades, and it holds what was sent in the last weeks. Reversal: changes that are waiting are dropped, and have to be
//! asked for again; on PostgreSQL the table is rewritten. Older servers go on with it: they look for the purposes that they know.

use sea_orm_migration::prelude::*;

use crate::{
    dialect,
    m20261126_090300_create_account_tokens::{PURPOSE, PURPOSES, create_table},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const ADDED: &str = "CHANGE_EMAIL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if dialect::is_postgres(manager) {
            return dialect::run(manager, &format!("alter type {PURPOSE} add value if not exists '{ADDED}'")).await;
        }
        take_over(manager, &[PURPOSES.as_slice(), &[ADDED]].concat()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &format!("delete from account_tokens where purpose = '{ADDED}'")).await?;
        if !dialect::is_postgres(manager) {
            return take_over(manager, &PURPOSES).await;
        }
        // A value of an enum cannot be taken away.
        dialect::run(manager, &format!("alter type {PURPOSE} rename to {PURPOSE}_former")).await?;
        dialect::create_enum(manager, PURPOSE, &PURPOSES).await?;
        dialect::run(
            manager,
            &format!("alter table account_tokens alter column purpose type {PURPOSE} using purpose::text::{PURPOSE}"),
        )
        .await?;
        dialect::run(manager, &format!("drop type {PURPOSE}_former")).await
    }
}

/// On SQLite: the same rows in a table that takes these purposes.
async fn take_over(manager: &SchemaManager<'_>, purposes: &[&'static str]) -> Result<(), DbErr> {
    for index in ["idx_account_tokens_user_id", "idx_account_tokens_expires_at"] {
        dialect::drop_index_online(manager, index).await?;
    }
    dialect::run(manager, "alter table account_tokens rename to account_tokens_former").await?;
    create_table(manager, purposes).await?;
    dialect::run(manager, "insert into account_tokens select * from account_tokens_former").await?;
    dialect::run(manager, "drop table account_tokens_former").await
}
