//! Creates `favourites`: the restaurants and dishes that customers keep for later.
//!
//! Why: each row names one restaurant or one dish, and each of them once. Their own ids are the order in which they were added, which the
//! list is told in. A dish that is deleted is nobody's favourite any more. Lock: none, the table is new. Reversal: drops the table; what was
//! kept is lost.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, integer_null, pk_auto, timestamp_with_time_zone},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let restaurant_or_dish = Expr::cust(
            "(restaurant_id is null and dish_id is not null) or (restaurant_id is not null and dish_id is null)",
        );
        let favourites = Table::create()
            .table(Favourites::Table)
            .col(pk_auto(Favourites::Id))
            .col(integer(Favourites::CustomerId))
            .col(integer_null(Favourites::RestaurantId))
            .col(integer_null(Favourites::DishId))
            .col(timestamp_with_time_zone(Favourites::CreatedAt))
            .check(("favourites_restaurant_or_dish_check", restaurant_or_dish))
            .foreign_key(
                ForeignKey::create()
                    .name("favourites_customer_id_fkey")
                    .from(Favourites::Table, Favourites::CustomerId)
                    .to(Customers::Table, Customers::Id)
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .foreign_key(
                ForeignKey::create()
                    .name("favourites_restaurant_id_fkey")
                    .from(Favourites::Table, Favourites::RestaurantId)
                    .to(Restaurants::Table, Restaurants::Id)
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .foreign_key(
                ForeignKey::create()
                    .name("favourites_dish_id_fkey")
                    .from(Favourites::Table, Favourites::DishId)
                    .to(Dishes::Table, Dishes::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(favourites).await?;
        for index in [
            // The customer comes second: when a dish is deleted, those who keep it are found by it.
            "create unique index favourites_restaurant_id_customer_id_key on favourites (restaurant_id, customer_id)",
            "create unique index favourites_dish_id_customer_id_key on favourites (dish_id, customer_id)",
            "create index idx_favourites_customer_id on favourites (customer_id, id)",
        ] {
            dialect::run(manager, index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Favourites::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Favourites {
    Table,
    Id,
    CustomerId,
    RestaurantId,
    DishId,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Customers {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Restaurants {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Dishes {
    Table,
    Id,
}
