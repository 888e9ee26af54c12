//! Folds `search_text` again, where folding has changed: letters that Unicode does not decompose (ß, ł, æ), characters without width, and marks
//! that make another sound.
//!
//! Why: what is asked for is folded so by now, and would not find what was stored before. Rows that an older server still writes get theirs
//! when they are next changed; until the last one is gone, each finds what differs only by its own folding. Lock: some rows at a time.
//! Reversal: nothing to undo, older servers read it as well.

use sea_orm_migration::prelude::*;

use crate::batches::refold_search_text;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        refold_search_text(manager, "restaurants", &["name", "address"], "\n").await?;
        refold_search_text(manager, "dishes", &["name", "category", "description"], "\n").await?;
        refold_search_text(manager, "customers", &["name"], "\n").await?;
        refold_search_text(manager, "users", &["name", "email"], " ").await
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
