//! Creates `audit_events`: who did what to what, when, and from where.
//!
//! Why: what admins and merchants do and who signs in has to be told afterwards, also when the actor's account is gone. A row is
//! written in the transaction of the act itself. Lock: none, the table is new. Reversal: drops the table; the record is lost.

use sea_orm_migration::{
    prelude::*,
    schema::{integer_null, json_binary_null, pk_auto, string_len, string_len_null, timestamp_with_time_zone},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let audit_events = Table::create()
            .table(AuditEvents::Table)
            .col(pk_auto(AuditEvents::Id))
            .col(timestamp_with_time_zone(AuditEvents::At))
            .col(integer_null(AuditEvents::ActorId))
            .col(string_len(AuditEvents::Action, 50))
            .col(string_len_null(AuditEvents::Subject, 50))
            .col(string_len_null(AuditEvents::Address, 45))
            .col(string_len_null(AuditEvents::UserAgent, 255))
            .col(json_binary_null(AuditEvents::Details))
            .foreign_key(
                ForeignKey::create()
                    .name("audit_events_actor_id_fkey")
                    .from(AuditEvents::Table, AuditEvents::ActorId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::SetNull),
            )
            .take();
        manager.create_table(audit_events).await?;
        for index in [
            "create index idx_audit_events_actor_id on audit_events (actor_id, id)",
            "create index idx_audit_events_subject on audit_events (subject, id)",
            "create index idx_audit_events_action on audit_events (action, id)",
        ] {
            dialect::run(manager, index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(AuditEvents::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum AuditEvents {
    Table,
    Id,
    At,
    ActorId,
    Action,
    Subject,
    Address,
    UserAgent,
    Details,
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
}
