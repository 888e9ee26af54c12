//! Creates `restaurant_members`: which users run which restaurants.
//!
//! Why: a restaurant's staff sees and does what others may not. Lock: none, the table is new. Reversal: drops the table with
//! its rows.

use sea_orm_migration::{prelude::*, schema::integer};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let restaurant_members = Table::create()
            .table(RestaurantMembers::Table)
            .col(integer(RestaurantMembers::RestaurantId))
            .col(integer(RestaurantMembers::UserId))
            .col(dialect::timestamp_default_now(manager, RestaurantMembers::CreatedAt))
            .primary_key(Index::create().col(RestaurantMembers::RestaurantId).col(RestaurantMembers::UserId))
            .foreign_key(
                ForeignKey::create()
                    .name("restaurant_members_restaurant_id_fkey")
                    .from(RestaurantMembers::Table, RestaurantMembers::RestaurantId)
                    .to(Restaurants::Table, Restaurants::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .foreign_key(
                ForeignKey::create()
                    .name("restaurant_members_user_id_fkey")
                    .from(RestaurantMembers::Table, RestaurantMembers::UserId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(restaurant_members).await?;
        let user = Index::create()
            .name("idx_restaurant_members_user_id")
            .table(RestaurantMembers::Table)
            .col(RestaurantMembers::UserId)
            .take();
        manager.create_index(user).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(RestaurantMembers::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum RestaurantMembers {
    Table,
    RestaurantId,
    UserId,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Restaurants {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
}
