//! Creates `order_items`: a dish, how many of it, and what one cost then.
//!
//! Why: one of the ERD's eight tables. Lock: none, the table is new. Reversal: drops the table with its rows.

use sea_orm_migration::{
    prelude::*,
    schema::{decimal_len, integer},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let order_items = Table::create()
            .table(OrderItems::Table)
            .col(integer(OrderItems::OrderId))
            .col(integer(OrderItems::DishId))
            .col(integer(OrderItems::Quantity))
            .col(decimal_len(OrderItems::UnitPrice, 8, 2))
            .primary_key(Index::create().col(OrderItems::OrderId).col(OrderItems::DishId))
            .check(("order_items_quantity_check", Expr::col(OrderItems::Quantity).gt(0)))
            .check(("order_items_unit_price_check", Expr::col(OrderItems::UnitPrice).gte(0)))
            .foreign_key(
                ForeignKey::create()
                    .name("order_items_order_id_fkey")
                    .from(OrderItems::Table, OrderItems::OrderId)
                    .to(Orders::Table, Orders::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .foreign_key(
                ForeignKey::create()
                    .name("order_items_dish_id_fkey")
                    .from(OrderItems::Table, OrderItems::DishId)
                    .to(Dishes::Table, Dishes::Id)
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .take();
        manager.create_table(order_items).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(OrderItems::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum OrderItems {
    Table,
    OrderId,
    DishId,
    Quantity,
    UnitPrice,
}

#[derive(DeriveIden)]
enum Orders {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Dishes {
    Table,
    Id,
}
