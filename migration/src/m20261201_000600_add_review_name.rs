//! Adds `customers.review_name`: what a customer's reviews are signed with, where it chose something.
//!
//! Why: reviews were signed with the first word of the name, which is a family name or all of the name in many languages. Null is what nobody
//! chose: then the server takes as little of the name as it can. Lock: an instant. Reversal: drops the column; what was chosen is lost.

use sea_orm_migration::{prelude::*, schema::string_len_null};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = string_len_null(Customers::ReviewName, 100);
        dialect::add_columns(manager, Customers::Table, [column]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(manager, Customers::Table, [Customers::ReviewName]).await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Customers {
    Table,
    ReviewName,
}
