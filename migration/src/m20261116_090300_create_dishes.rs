//! Creates `dishes`, which belong to a menu and go with it.
//!
//! Why: one of the ERD's eight tables. Lock: none, the table is new. Reversal: drops the table with its rows.

use sea_orm_migration::{
    prelude::*,
    schema::{boolean, decimal_len, integer, pk_auto, string_len, string_len_null, text_null},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dishes = Table::create()
            .table(Dishes::Table)
            .col(pk_auto(Dishes::Id))
            .col(integer(Dishes::MenuId))
            .col(string_len(Dishes::Name, 100))
            .col(text_null(Dishes::Description))
            .col(decimal_len(Dishes::Price, 8, 2))
            .col(string_len_null(Dishes::ImageUrl, 255))
            .col(boolean(Dishes::IsAvailable).default(true))
            .col(string_len(Dishes::Category, 50))
            .check(("dishes_price_check", Expr::col(Dishes::Price).gte(0)))
            .foreign_key(
                ForeignKey::create()
                    .name("dishes_menu_id_fkey")
                    .from(Dishes::Table, Dishes::MenuId)
                    .to(Menus::Table, Menus::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(dishes).await?;
        let menu = Index::create()
            .name("idx_dishes_menu_id_is_available")
            .table(Dishes::Table)
            .col(Dishes::MenuId)
            .col(Dishes::IsAvailable)
            .take();
        manager.create_index(menu).await?;
        let category = Index::create().name("idx_dishes_category").table(Dishes::Table).col(Dishes::Category).take();
        manager.create_index(category).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Dishes::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Dishes {
    Table,
    Id,
    MenuId,
    Name,
    Description,
    Price,
    ImageUrl,
    IsAvailable,
    Category,
}

#[derive(DeriveIden)]
enum Menus {
    Table,
    Id,
}
