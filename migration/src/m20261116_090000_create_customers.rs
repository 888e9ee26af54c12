//! Creates `customers`, the people who order.
//!
//! Why: the first of the ERD's eight tables. Lock: none, the table is new. Reversal: drops the table with its rows.

use sea_orm_migration::{
    prelude::*,
    schema::{json_binary_null, pk_auto, string_len, string_len_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let customers = Table::create()
            .table(Customers::Table)
            .col(pk_auto(Customers::Id))
            .col(string_len(Customers::Name, 100))
            .col(string_len(Customers::Email, 255))
            .col(string_len_null(Customers::Phone, 20))
            .col(json_binary_null(Customers::Addresses))
            .col(dialect::timestamp_default_now(manager, Customers::CreatedAt))
            .col(dialect::timestamp_default_now(manager, Customers::UpdatedAt))
            .take();
        manager.create_table(customers).await?;
        let email =
            Index::create().name("customers_email_key").table(Customers::Table).col(Customers::Email).unique().take();
        manager.create_index(email).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Customers::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Customers {
    Table,
    Id,
    Name,
    Email,
    Phone,
    Addresses,
    CreatedAt,
    UpdatedAt,
}
