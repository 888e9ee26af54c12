//! Adds `users.password_hash`: what a password is checked against, as a PHC string of argon2id.
//!
//! Why: people sign in. Nullable, for a user may sign in by another way only, or not have accepted its invitation yet. Lock: an
//! instant, no row is touched. Reversal: drops the column; everybody has to set a password again.

use sea_orm_migration::{prelude::*, schema::text_null};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::add_columns(manager, Users::Table, [text_null(Users::PasswordHash)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(manager, Users::Table, [Users::PasswordHash]).await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Users {
    Table,
    PasswordHash,
}
