//! Creates `users` and the enum `user_role`: who can sign in, and as what.
//!
//! Why: rights hang on a user; customers, drivers and restaurants are what a user acts for. An email is one user's in
//! any case of its letters. Lock: none, the table is new. Reversal: drops the table with its rows, and the enum.

use sea_orm_migration::{
    prelude::*,
    schema::{boolean, pk_auto, string_len, string_len_null, text, timestamp_with_time_zone_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const ROLE: &str = "user_role";
const ROLES: [&str; 4] = ["CUSTOMER", "MERCHANT", "DRIVER", "ADMIN"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_enum(manager, ROLE, &ROLES).await?;
        let users = Table::create()
            .table(Users::Table)
            .col(pk_auto(Users::Id))
            .col(string_len(Users::Email, 255))
            .col(string_len_null(Users::Name, 100))
            .col(dialect::enumeration(manager, Users::Role, ROLE, &ROLES).default("CUSTOMER"))
            .col(boolean(Users::IsActive).default(true))
            .col(timestamp_with_time_zone_null(Users::EmailVerifiedAt))
            .col(dialect::timestamp_default_now(manager, Users::CreatedAt))
            .col(text(Users::SearchText).default(""))
            .take();
        manager.create_table(users).await?;
        dialect::run(manager, "create unique index users_email_key on users (lower(email))").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Users::Table).take()).await?;
        dialect::drop_enum(manager, ROLE).await
    }
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
    Email,
    Name,
    Role,
    IsActive,
    EmailVerifiedAt,
    CreatedAt,
    SearchText,
}
