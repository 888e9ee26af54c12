//! Keeps a dish's name in the order, first of three (expand): adds `order_items.dish_name`, empty.
//!
//! Why: history must not change when a dish is renamed. Lock: an instant. Reversal: drops the column.

use sea_orm_migration::{prelude::*, schema::string_len_null};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dish_name = string_len_null(OrderItems::DishName, 100);
        dialect::add_columns(manager, OrderItems::Table, [dish_name]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(manager, OrderItems::Table, [OrderItems::DishName]).await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum OrderItems {
    Table,
    DishName,
}
