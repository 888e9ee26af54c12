//! Gives e-mail addresses one normal form, last of four: the index over `lower(email)` goes.
//!
//! Why: it forbids by the database's locale what may be (in tr_TR `Ian@…` beside `ıan@…`). Lock: an instant. Reversal: builds it again
//! beside the writers, which fails where two accounts have become the same to the locale; give one of them another address before.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEX: &str = "users_email_key";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_index_online(manager, INDEX).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_index_online(manager, INDEX, true, "users (lower(email))").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
