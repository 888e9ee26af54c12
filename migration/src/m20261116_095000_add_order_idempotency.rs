//! Lets a request to order be repeated: `idempotency_key` with a hash of the request, unique for each customer.
//!
//! Why: a client that lost the answer asks again, and must not pay twice; the hash tells the same request from another one with
//! the same key. Lock: an instant for the columns; the index is built beside the writers. Reversal: drops both with what they hold.

use sea_orm_migration::{prelude::*, schema::string_len_null};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const KEY: &str = "orders_customer_id_idempotency_key_key";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [string_len_null(Orders::IdempotencyKey, 255), string_len_null(Orders::RequestHash, 64)];
        dialect::add_columns(manager, Orders::Table, columns).await?;
        dialect::create_index_online(manager, KEY, true, "orders (customer_id, idempotency_key)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_index_online(manager, KEY).await?;
        dialect::drop_columns(manager, Orders::Table, [Orders::RequestHash, Orders::IdempotencyKey]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Orders {
    Table,
    IdempotencyKey,
    RequestHash,
}
