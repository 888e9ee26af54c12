//! Says when a review was last changed, first of three (expand): adds `reviews.updated_at`, empty.
//!
//! Why: reviews can be edited. Lock: an instant. Reversal: drops the column.

use sea_orm_migration::{prelude::*, schema::timestamp_with_time_zone_null};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let updated_at = timestamp_with_time_zone_null(Reviews::UpdatedAt);
        dialect::add_columns(manager, Reviews::Table, [updated_at]).await?;
        if dialect::is_postgres(manager) {
            // For rows to come only; SQLite cannot add a default later, and the server names the time anyway.
            dialect::run(manager, "alter table reviews alter column updated_at set default current_timestamp").await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(manager, Reviews::Table, [Reviews::UpdatedAt]).await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Reviews {
    Table,
    UpdatedAt,
}
