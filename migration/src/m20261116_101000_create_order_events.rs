//! Creates `order_events`: each order's history, an append-only event log that live updates are replayed from.
//!
//! Why: an order's steps are counted by `sequence`, taken while the order's row is locked, so within one order nothing can slip in
//! late. A feed over several orders has no such lock: numbers taken from a counter become visible in the order of the
//! commits, and a reader that remembers the highest number misses a row that took a lower one and committed later.
//! So an event also carries `feed_transaction`, the number of the transaction that wrote it (on PostgreSQL
//! `greatest(pg_current_xact_id()::text::bigint, the order's previous one)`, which keeps an order's own steps in sequence). A feed is
//! read in the order (feed_transaction, position), and only below `pg_snapshot_xmin(pg_current_snapshot())`: every transaction
//! with a lower number has ended by then, so nothing can appear behind a cursor any more. On SQLite writers follow one another:
//! feed_transaction is 0 and the server counts `position` itself.
//!
//! `published_at` makes the table an outbox: it is null until the event's signal was published; a sweep publishes the others again.
//!
//! Lock: none, the table is new. Reversal: drops the table; the history is lost.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, custom_null, integer, integer_null, string_len, string_len_null, text_null,
        timestamp_with_time_zone, timestamp_with_time_zone_null,
    },
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const STATUS: &str = "order_status";
const STATUSES: [&str; 7] = ["PENDING", "CONFIRMED", "PREPARING", "READY", "PICKED_UP", "DELIVERED", "CANCELLED"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(order_events(manager)).await?;
        for index in [
            "create unique index order_events_position_key on order_events (position)",
            "create index idx_order_events_feed on order_events (feed_transaction, position)",
            "create index idx_order_events_driver_id on order_events (driver_id)",
            "create index idx_order_events_unpublished on order_events (at) where published_at is null",
        ] {
            dialect::run(manager, index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(OrderEvents::Table).take()).await
    }
}

fn order_events(manager: &SchemaManager<'_>) -> TableCreateStatement {
    let position = if dialect::is_postgres(manager) {
        big_integer(OrderEvents::Position).auto_increment().take()
    } else {
        big_integer(OrderEvents::Position)
    };
    Table::create()
        .table(OrderEvents::Table)
        .col(integer(OrderEvents::OrderId))
        .col(integer(OrderEvents::Sequence))
        .col(dialect::enumeration(manager, OrderEvents::Status, STATUS, &STATUSES))
        .col(previous_status(manager))
        .col(integer_null(OrderEvents::DriverId))
        .col(string_len(OrderEvents::Actor, 50))
        .col(text_null(OrderEvents::Note))
        .col(timestamp_with_time_zone(OrderEvents::At))
        .col(timestamp_with_time_zone_null(OrderEvents::PublishedAt))
        .col(position)
        .col(big_integer(OrderEvents::FeedTransaction).default(0))
        .primary_key(Index::create().col(OrderEvents::OrderId).col(OrderEvents::Sequence))
        .check(("order_events_sequence_check", Expr::col(OrderEvents::Sequence).gt(0)))
        .foreign_key(
            ForeignKey::create()
                .name("order_events_order_id_fkey")
                .from(OrderEvents::Table, OrderEvents::OrderId)
                .to(Orders::Table, Orders::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .name("order_events_driver_id_fkey")
                .from(OrderEvents::Table, OrderEvents::DriverId)
                .to(Drivers::Table, Drivers::Id)
                .on_delete(ForeignKeyAction::SetNull),
        )
        .take()
}

fn previous_status(manager: &SchemaManager<'_>) -> ColumnDef {
    if dialect::is_postgres(manager) {
        return custom_null(OrderEvents::PreviousStatus, STATUS);
    }
    string_len_null(OrderEvents::PreviousStatus, 20)
        .check(Expr::col(OrderEvents::PreviousStatus).is_in(STATUSES))
        .take()
}

#[derive(DeriveIden)]
enum OrderEvents {
    Table,
    OrderId,
    Sequence,
    Status,
    PreviousStatus,
    DriverId,
    Actor,
    Note,
    At,
    PublishedAt,
    Position,
    FeedTransaction,
}

#[derive(DeriveIden)]
enum Orders {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Drivers {
    Table,
    Id,
}
