//! Creates `reviews`: one of each customer for each restaurant.
//!
//! Why: the last of the ERD's eight tables. Lock: none, the table is new. Reversal: drops the table with its rows.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, pk_auto, text_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let reviews = Table::create()
            .table(Reviews::Table)
            .col(pk_auto(Reviews::Id))
            .col(integer(Reviews::CustomerId))
            .col(integer(Reviews::RestaurantId))
            .col(integer(Reviews::Rating))
            .col(text_null(Reviews::Comment))
            .col(dialect::timestamp_default_now(manager, Reviews::CreatedAt))
            .check(("reviews_rating_check", Expr::col(Reviews::Rating).between(1, 5)))
            .foreign_key(
                ForeignKey::create()
                    .name("reviews_customer_id_fkey")
                    .from(Reviews::Table, Reviews::CustomerId)
                    .to(Customers::Table, Customers::Id)
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .foreign_key(
                ForeignKey::create()
                    .name("reviews_restaurant_id_fkey")
                    .from(Reviews::Table, Reviews::RestaurantId)
                    .to(Restaurants::Table, Restaurants::Id)
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .take();
        manager.create_table(reviews).await?;
        let customer = Index::create()
            .name("reviews_customer_id_restaurant_id_key")
            .table(Reviews::Table)
            .col(Reviews::CustomerId)
            .col(Reviews::RestaurantId)
            .unique()
            .take();
        manager.create_index(customer).await?;
        let rating = Index::create()
            .name("idx_reviews_restaurant_id_rating")
            .table(Reviews::Table)
            .col(Reviews::RestaurantId)
            .col(Reviews::Rating)
            .take();
        manager.create_index(rating).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Reviews::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Reviews {
    Table,
    Id,
    CustomerId,
    RestaurantId,
    Rating,
    Comment,
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
