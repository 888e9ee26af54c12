//! Creates `jobs`: what is to be done later, written in the transaction of what it belongs to.
//!
//! Why: what was to follow a change (a letter, the time-out of an order) was kept in memory or looked for again and again, and lost with
//! the process or late. A job is claimed by moving `due_at` to the end of its lease, so that a lease which has expired is due again, and one
//! index finds both; `holder` is the number of the claim, by which the result of a lost lease is refused. What waits behind another in its
//! lane, or has failed for good, is in no index that a claim reads. Lock: none, the table is new. Reversal: drops the table; what was to be
//! done is not done, and letters that were not sent yet have to be asked for again.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer_null, integer, integer_null, json_binary, pk_auto, string_len, string_len_null, text_null,
        timestamp_with_time_zone,
    },
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const STATE: &str = "job_state";
const STATES: [&str; 3] = ["READY", "BLOCKED", "DEAD"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_enum(manager, STATE, &STATES).await?;
        let id = if dialect::is_postgres(manager) {
            ColumnDef::new(Jobs::Id).big_integer().not_null().auto_increment().primary_key().take()
        } else {
            pk_auto(Jobs::Id)
        };
        let jobs = Table::create()
            .table(Jobs::Table)
            .col(id)
            .col(string_len(Jobs::Kind, 40))
            .col(dialect::enumeration(manager, Jobs::State, STATE, &STATES))
            .col(json_binary(Jobs::Payload))
            .col(integer_null(Jobs::SubjectId))
            .col(integer_null(Jobs::UserId))
            .col(string_len_null(Jobs::UniqueKey, 100))
            .col(string_len_null(Jobs::Lane, 100))
            .col(timestamp_with_time_zone(Jobs::DueAt))
            .col(big_integer_null(Jobs::Holder))
            .col(integer(Jobs::Attempts).default(0))
            .col(text_null(Jobs::LastError))
            .col(timestamp_with_time_zone(Jobs::CreatedAt))
            .foreign_key(
                ForeignKey::create()
                    .name("jobs_user_id_fkey")
                    .from(Jobs::Table, Jobs::UserId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(jobs).await?;
        for index in [
            "create index idx_jobs_due on jobs (kind, due_at, id) where state = 'READY'",
            "create index idx_jobs_dead on jobs (kind, id) where state = 'DEAD'",
            "create index idx_jobs_user_id on jobs (user_id) where user_id is not null",
            "create unique index jobs_kind_unique_key_key on jobs (kind, unique_key) where unique_key is not null",
            // Of a lane one is next, and the others come after it in the order of their ids.
            "create unique index jobs_lane_key on jobs (lane) where state = 'READY' and lane is not null",
            "create unique index jobs_lane_id_key on jobs (lane, id) where state = 'BLOCKED'",
        ] {
            dialect::run(manager, index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Jobs::Table).take()).await?;
        dialect::drop_enum(manager, STATE).await
    }
}

#[derive(DeriveIden)]
enum Jobs {
    Table,
    Id,
    Kind,
    State,
    Payload,
    SubjectId,
    UserId,
    UniqueKey,
    Lane,
    DueAt,
    Holder,
    Attempts,
    LastError,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
}
