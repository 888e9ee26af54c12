//! Creates `menus`: one for each restaurant, and gone with it.
//!
//! Why: one of the ERD's eight tables. Lock: none, the table is new. Reversal: drops the table with its rows.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, pk_auto, string_len, text_null},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let menus = Table::create()
            .table(Menus::Table)
            .col(pk_auto(Menus::Id))
            .col(integer(Menus::RestaurantId))
            .col(string_len(Menus::Name, 100))
            .col(text_null(Menus::Description))
            .foreign_key(
                ForeignKey::create()
                    .name("menus_restaurant_id_fkey")
                    .from(Menus::Table, Menus::RestaurantId)
                    .to(Restaurants::Table, Restaurants::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(menus).await?;
        let restaurant = Index::create()
            .name("menus_restaurant_id_key")
            .table(Menus::Table)
            .col(Menus::RestaurantId)
            .unique()
            .take();
        manager.create_index(restaurant).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Menus::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Menus {
    Table,
    Id,
    RestaurantId,
    Name,
    Description,
}

#[derive(DeriveIden)]
enum Restaurants {
    Table,
    Id,
}
