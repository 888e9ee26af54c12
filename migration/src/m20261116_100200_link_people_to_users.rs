//! Adds `customers.user_id` and `drivers.user_id`: who a customer or a driver signs in as.
//!
//! Why: customers and drivers exist before accounts do, so both are optional, and at most one of each is a user's. Lock: an
//! instant; the references are validated and the indexes built beside the writers. Reversal: drops the columns; the links are lost.

use sea_orm_migration::{prelude::*, schema::integer_null};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        link(manager, People::Customers, "customers").await?;
        link(manager, People::Drivers, "drivers").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in [(People::Drivers, "drivers"), (People::Customers, "customers")] {
            dialect::drop_index_online(manager, &format!("{name}_user_id_key")).await?;
            dialect::drop_columns(manager, table, [People::UserId]).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

async fn link(manager: &SchemaManager<'_>, table: People, name: &str) -> Result<(), DbErr> {
    let mut user_id = integer_null(People::UserId);
    if dialect::is_postgres(manager) {
        dialect::run(manager, &format!("alter table {name} add column if not exists user_id integer")).await?;
        let constraint = format!("{name}_user_id_fkey");
        dialect::run(manager, &format!("alter table {name} drop constraint if exists {constraint}")).await?;
        dialect::run(
            manager,
            &format!(
                "alter table {name} add constraint {constraint}
                 foreign key (user_id) references users (id) on delete set null not valid"
            ),
        )
        .await?;
        dialect::run(manager, &format!("alter table {name} validate constraint {constraint}")).await?;
    } else {
        user_id.extra("references users (id) on delete set null");
        dialect::add_columns(manager, table, [user_id]).await?;
    }
    dialect::create_index_online(manager, &format!("{name}_user_id_key"), true, &format!("{name} (user_id)")).await
}

#[derive(DeriveIden, Clone, Copy)]
enum People {
    Customers,
    Drivers,
    UserId,
}
