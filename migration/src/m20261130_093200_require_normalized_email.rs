//! Gives e-mail addresses one normal form, third of four (tighten): it is required.
//!
//! Why: whoever has none is found by nobody. Run it when every server writes it: an older one can make no accounts and customers any
//! more, rather than some that cannot be found. Lock: an instant; the tables are read beside their writers. Reversal: takes the rules off.

use sea_orm_migration::prelude::*;

use crate::{
    dialect::{self, Rule},
    normalized_email,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const RULES: [Rule; 2] = [
    Rule {
        table: "users",
        name: "users_normalized_email_required",
        postgres: "normalized_email is not null",
        sqlite: "new.normalized_email is not null",
    },
    Rule {
        table: "customers",
        name: "customers_normalized_email_required",
        postgres: "normalized_email is not null",
        sqlite: "new.normalized_email is not null",
    },
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for rule in &RULES {
            dialect::add_rule(manager, rule).await?;
        }
        // What an older server wrote in the meantime.
        normalized_email::fill(manager).await?;
        for rule in &RULES {
            dialect::check_rule(manager, rule).await?;
            dialect::set_not_null(manager, rule, "normalized_email").await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for rule in &RULES {
            dialect::drop_not_null(manager, rule, "normalized_email").await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
