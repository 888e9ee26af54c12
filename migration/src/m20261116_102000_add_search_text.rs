//! Adds `search_text` to what is searched by name: restaurants, dishes and customers.
//!
//! Why: neither database folds case and accents of every script by itself, so the server keeps a folded copy. First of two: the
//! next migration fills it. Lock: an instant. Reversal: drops the columns.

use sea_orm_migration::{prelude::*, schema::text};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [Searched; 3] = [Searched::Restaurants, Searched::Dishes, Searched::Customers];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            let search_text = text(Searched::SearchText).default("").take();
            dialect::add_columns(manager, table, [search_text]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            dialect::drop_columns(manager, table, [Searched::SearchText]).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Searched {
    Restaurants,
    Dishes,
    Customers,
    SearchText,
}
