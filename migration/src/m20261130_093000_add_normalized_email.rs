//! Gives e-mail addresses one normal form, first of four (expand): `users.normalized_email` and `customers.normalized_email`, unique.
//!
//! Why: addresses were compared by SQL's `lower()`, which folds by the database's locale, with what the server had folded by Unicode: on
//! SQLite and in the locales C and tr_TR people could not sign in with the address they had registered, and another spelling of it made
//! a second account. Lock: an instant; the indexes are built beside the writers, and are empty. Reversal: drops both.

use sea_orm_migration::{prelude::*, schema::text_null};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [(Addressed, &str); 2] = [(Addressed::Users, "users"), (Addressed::Customers, "customers")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in TABLES {
            if dialect::is_postgres(manager) {
                let column = format!("alter table {name} add column if not exists normalized_email text");
                dialect::run(manager, &column).await?;
            } else {
                dialect::add_columns(manager, table, [text_null(Addressed::NormalizedEmail)]).await?;
            }
            let index = format!("{name}_normalized_email_key");
            dialect::create_index_online(manager, &index, true, &format!("{name} (normalized_email)")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in TABLES {
            dialect::drop_index_online(manager, &format!("{name}_normalized_email_key")).await?;
            dialect::drop_columns(manager, table, [Addressed::NormalizedEmail]).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Addressed {
    Users,
    Customers,
    NormalizedEmail,
}
