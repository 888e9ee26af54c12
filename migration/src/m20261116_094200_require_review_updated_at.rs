//! Says when a review was last changed, last of three (tighten): the time is required.
//!
//! Why: it is part of every review that is shown. Run it when every server writes the time. Lock: an instant; the table is
//! read beside its writers. Reversal: takes the rule off.

use sea_orm_migration::prelude::*;

use crate::{
    dialect::{self, Rule},
    m20261116_094100_backfill_review_updated_at as backfill,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const UPDATED_AT: Rule = Rule {
    table: "reviews",
    name: "reviews_updated_at_required",
    postgres: "updated_at is not null",
    sqlite: "new.updated_at is not null",
};

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::add_rule(manager, &UPDATED_AT).await?;
        backfill::fill(manager).await?;
        dialect::check_rule(manager, &UPDATED_AT).await?;
        dialect::set_not_null(manager, &UPDATED_AT, "updated_at").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_not_null(manager, &UPDATED_AT, "updated_at").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
