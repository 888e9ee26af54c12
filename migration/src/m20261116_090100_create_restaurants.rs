//! Creates `restaurants`.
//!
//! Why: one of the ERD's eight tables. Lock: none, the table is new. Reversal: drops the table with its rows.

use sea_orm_migration::{
    prelude::*,
    schema::{boolean, decimal_len, integer, pk_auto, string_len},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let restaurants = Table::create()
            .table(Restaurants::Table)
            .col(pk_auto(Restaurants::Id))
            .col(string_len(Restaurants::Name, 100))
            .col(string_len(Restaurants::Address, 255))
            .col(string_len(Restaurants::Phone, 20))
            .col(string_len(Restaurants::CuisineType, 50))
            .col(decimal_len(Restaurants::AvgRating, 2, 1).default(0))
            .col(integer(Restaurants::TotalOrders).default(0))
            .col(boolean(Restaurants::IsActive).default(true))
            .col(dialect::timestamp_default_now(manager, Restaurants::CreatedAt))
            .take();
        manager.create_table(restaurants).await?;
        let cuisine_type = Index::create()
            .name("idx_restaurants_cuisine_type")
            .table(Restaurants::Table)
            .col(Restaurants::CuisineType)
            .take();
        manager.create_index(cuisine_type).await?;
        let avg_rating = Index::create()
            .name("idx_restaurants_avg_rating")
            .table(Restaurants::Table)
            .col(Restaurants::AvgRating)
            .take();
        manager.create_index(avg_rating).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Restaurants::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Restaurants {
    Table,
    Id,
    Name,
    Address,
    Phone,
    CuisineType,
    AvgRating,
    TotalOrders,
    IsActive,
    CreatedAt,
}
