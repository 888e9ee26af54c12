//! Builds the indexes that texts are searched by, where PostgreSQL has the extension pg_trgm.
//!
//! Why: what contains a word was found by reading every row. The extension comes with PostgreSQL and may be made by whoever may create in the
//! database; where it is missing, or may not be made, search reads every row as before, and docs/operations.md says how to add it later.
//! Lock: none that stops a writer. Reversal: drops the indexes; the extension stays, for others may use it.

use sea_orm_migration::{prelude::*, sea_orm::Statement};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 5] = [
    ("idx_dishes_search", "dishes using gin (search_text gin_trgm_ops)"),
    ("idx_restaurants_search", "restaurants using gin (search_text gin_trgm_ops)"),
    ("idx_customers_search", "customers using gin (search_text gin_trgm_ops)"),
    ("idx_customers_email_search", "customers using gin (normalized_email gin_trgm_ops)"),
    ("idx_users_search", "users using gin (search_text gin_trgm_ops)"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !dialect::is_postgres(manager) || !has_trigrams(manager).await? {
            return Ok(());
        }
        for (index, on) in INDEXES {
            dialect::create_index_online(manager, index, false, on).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (index, _) in INDEXES {
            dialect::drop_index_online(manager, index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// Whether the extension is there, after it was made where that is possible.
async fn has_trigrams(manager: &SchemaManager<'_>) -> Result<bool, DbErr> {
    let connection = manager.get_connection();
    let holds = async |condition: &str| {
        let select = Statement::from_string(connection.get_database_backend(), format!("select ({condition})"));
        connection.query_one_raw(select).await?.map_or(Ok(false), |row| row.try_get_by_index(0))
    };
    let may_be_made = "exists (select from pg_available_extension_versions where name = 'pg_trgm' and trusted) \
        and has_database_privilege(current_database(), 'create')";
    if !holds("exists (select from pg_extension where extname = 'pg_trgm')").await? {
        if !holds(may_be_made).await? {
            return Ok(false);
        }
        dialect::run(manager, "create extension if not exists pg_trgm").await?;
    }
    // One that somebody made in a schema of its own may be out of sight.
    holds("exists (select from pg_opclass where opcname = 'gin_trgm_ops' and pg_opclass_is_visible(oid))").await
}
