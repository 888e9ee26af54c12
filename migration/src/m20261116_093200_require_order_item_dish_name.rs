//! Keeps a dish's name in the order, last of three (tighten): the name is required.
//!
//! Why: an item without a name cannot be shown. Run it when every server writes the name. Lock: an instant; the table is
//! read beside its writers. Reversal: takes the rule off.

use sea_orm_migration::prelude::*;

use crate::{
    dialect::{self, Rule},
    m20261116_093100_backfill_order_item_dish_name as backfill,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const DISH_NAME: Rule = Rule {
    table: "order_items",
    name: "order_items_dish_name_required",
    postgres: "dish_name is not null",
    sqlite: "new.dish_name is not null",
};

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::add_rule(manager, &DISH_NAME).await?;
        backfill::fill(manager).await?;
        dialect::check_rule(manager, &DISH_NAME).await?;
        dialect::set_not_null(manager, &DISH_NAME, "dish_name").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_not_null(manager, &DISH_NAME, "dish_name").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
