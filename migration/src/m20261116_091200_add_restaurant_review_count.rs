//! Adds `restaurants.review_count`, kept with the reviews.
//!
//! Why: lists show it, and counting reviews for each restaurant of a list is slow. First of two: the next migration counts the
//! reviews that are there. Lock: an instant. Reversal: drops the column.

use sea_orm_migration::{prelude::*, schema::integer};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let review_count = integer(Restaurants::ReviewCount).default(0).take();
        dialect::add_columns(manager, Restaurants::Table, [review_count]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(manager, Restaurants::Table, [Restaurants::ReviewCount]).await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Restaurants {
    Table,
    ReviewCount,
}
