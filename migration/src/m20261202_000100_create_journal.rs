//! Creates the journal: the log of what happened, which every feed is told from.
//!
//! Why: a feed over several orders was read in the order of transaction numbers, and held back by any transaction of the cluster, whatever
//! database that was in. Now an event is written into `journal_events` (an outbox) in the transaction of what happened, and a sequencer numbers
//! what is committed in a short transaction of its own (a run): `journal_positions` has the position of each event, `journal_entries` a row for
//! each of its topics, of which a feed reads a range, and `journal_runs` how far the numbering has come, which ids were not there yet (gaps),
//! and the topics to look at. Rows are never updated. The numbers of events go on from those of `order_events.position`, and a step has the same
//! number in both. The first run says that steps from before are not in the journal: their cursors are expired.
//!
//! On PostgreSQL all but the runs are partitioned by ranges of their numbers, so that what is old goes by dropping.
//!
//! Servers from before it may run beside newer ones for as long as a rollout takes. What they write has no `published_at`, and a trigger writes
//! it into the journal; newer servers write `published_at` themselves, so that older ones publish nothing of theirs again. By the new
//! default of `feed_transaction` the feeds of older servers tell what newer ones write. Trigger, default, both columns and their two indexes go with
//! the release after this one. SQLite has one server at a time, and needs none of it.
//!
//! Lock: the tables are new; the trigger waits for the writers of `order_events`, and keeps others waiting for an instant. Reversal: drops the
//! tables, and with them the places of all cursors that were given out.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, json_binary, string_len, timestamp_with_time_zone},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Order steps as servers write them into the journal (`features/order/history.rs`), for those that do not.
const STEPS_OF_OLDER_SERVERS: &str = "
create or replace function journal_step_of_older_server() returns trigger language plpgsql as $$
declare
    former record;
begin
    select status, driver_id into former from order_events where order_id = new.order_id and sequence = new.sequence - 1;
    insert into journal_events (id, kind, topics, subject, at)
    select new.position, 'ORDER_STEP', jsonb_agg(distinct topic), new.order_id, new.at
    from orders, lateral (values
        ('restaurant:' || orders.restaurant_id),
        ('customer:' || orders.customer_id),
        ('driver:' || new.driver_id),
        ('driver:' || former.driver_id),
        ('orders'),
        (case when (new.status in ('CONFIRMED', 'PREPARING', 'READY') and new.driver_id is null)
            <> coalesce(former.status in ('CONFIRMED', 'PREPARING', 'READY') and former.driver_id is null, false) then 'claimable' end)
    ) as topics (topic)
    where orders.id = new.order_id and topic is not null;
    return null;
end $$;
create trigger journal_step_of_older_server after insert on order_events
    for each row when (new.published_at is null) execute function journal_step_of_older_server();
alter table order_events alter column feed_transaction set default pg_current_xact_id()::text::bigint";

/// A partition is named by the number that it ends before. Servers make the next ones (`api/src/journal/retention.rs`).
const FIRST_PARTITIONS: &str = "
create unique index journal_events_id_key on journal_events (id);
create unique index journal_positions_event_id_key on journal_positions (event_id);
create unique index journal_entries_topic_position_key on journal_entries (topic, position);
do $$
declare
    next_id bigint := (select coalesce(max(position), 0) + 1 from order_events);
    part record;
begin
    for part in values ('journal_events', next_id + 1000000), ('journal_positions', next_id + 1000000), ('journal_entries', 1000001) loop
        execute format('create table %I partition of %I for values from (minvalue) to (%s)', part.column1 || '_to_' || part.column2, part.column1, part.column2);
    end loop;
end $$";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = dialect::is_postgres(manager);
        let by_code_point = dialect::by_code_point(manager, "");
        let topic = ColumnDef::new(JournalEntries::Topic).string_len(40).not_null().extra(by_code_point.trim()).take();
        // The key of a partitioned table is a unique index: `pg_restore --clean` cannot drop the primary keys of partitions.
        let keyed = |mut table: TableCreateStatement, key: &[&'static str]| {
            if is_postgres {
                return table.extra(format!("partition by range ({})", key[key.len() - 1])).take();
            }
            let mut primary_key = Index::create();
            key.iter().for_each(|column| _ = primary_key.col(Alias::new(*column)));
            table.primary_key(&mut primary_key).take()
        };
        for table in [
            keyed(
                Table::create()
                    .table(JournalEvents::Table)
                    .col(big_integer(JournalEvents::Id))
                    .col(string_len(JournalEvents::Kind, 40))
                    .col(json_binary(JournalEvents::Topics))
                    .col(big_integer(JournalEvents::Subject))
                    .col(timestamp_with_time_zone(JournalEvents::At))
                    .take(),
                &["id"],
            ),
            keyed(
                Table::create()
                    .table(JournalPositions::Table)
                    .col(big_integer(JournalPositions::EventId))
                    .col(big_integer(JournalPositions::Position))
                    .take(),
                &["event_id"],
            ),
            keyed(
                Table::create()
                    .table(JournalEntries::Table)
                    .col(topic)
                    .col(big_integer(JournalEntries::Position))
                    .col(big_integer(JournalEntries::EventId))
                    .col(string_len(JournalEntries::Kind, 40))
                    .col(big_integer(JournalEntries::Subject))
                    .take(),
                &["topic", "position"],
            ),
            Table::create()
                .table(JournalRuns::Table)
                .col(big_integer(JournalRuns::Id).primary_key())
                .col(big_integer(JournalRuns::LastPosition))
                .col(big_integer(JournalRuns::LastId))
                .col(json_binary(JournalRuns::Gaps))
                .col(json_binary(JournalRuns::Topics))
                .col(big_integer_null(JournalRuns::Life))
                .col(timestamp_with_time_zone(JournalRuns::At))
                .take(),
        ] {
            manager.create_table(table).await?;
        }
        if is_postgres {
            dialect::run(manager, STEPS_OF_OLDER_SERVERS).await?;
            dialect::run(manager, FIRST_PARTITIONS).await?;
        }
        let (json, now) =
            if is_postgres { ("'[]'::jsonb", "now()") } else { ("'[]'", "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')") };
        let first = format!(
            "insert into journal_runs (id, last_position, last_id, gaps, topics, at)
             select 1, 0, coalesce(max(position), 0), {json}, {json}, {now} from order_events"
        );
        dialect::run(manager, &first).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if dialect::is_postgres(manager) {
            let undone = "drop trigger journal_step_of_older_server on order_events;
                drop function journal_step_of_older_server;
                alter table order_events alter column feed_transaction set default 0";
            dialect::run(manager, undone).await?;
        }
        for table in ["journal_runs", "journal_entries", "journal_positions", "journal_events"] {
            dialect::run(manager, &format!("drop table {table}")).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum JournalEvents {
    Table,
    Id,
    Kind,
    Topics,
    Subject,
    At,
}

#[derive(DeriveIden)]
enum JournalPositions {
    Table,
    EventId,
    Position,
}

#[derive(DeriveIden)]
enum JournalEntries {
    Table,
    Topic,
    Position,
    EventId,
    Kind,
    Subject,
}

#[derive(DeriveIden)]
enum JournalRuns {
    Table,
    Id,
    LastPosition,
    LastId,
    Gaps,
    Topics,
    Life,
    At,
}
