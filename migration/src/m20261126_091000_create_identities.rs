//! Creates `identities`: which user somebody is whom an OpenID provider knows.
//!
//! Why: a provider's word for a person is the pair of issuer and subject, which never changes, unlike the e-mail address. A user has
//! one of an issuer. Lock: none, the table is new. Reversal: drops the table; people are linked again by their verified e-mail address.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, string_len, timestamp_with_time_zone},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let identities = Table::create()
            .table(Identities::Table)
            .col(string_len(Identities::Issuer, 255))
            .col(string_len(Identities::Subject, 255))
            .col(integer(Identities::UserId))
            .col(timestamp_with_time_zone(Identities::CreatedAt))
            .primary_key(Index::create().col(Identities::Issuer).col(Identities::Subject))
            .foreign_key(
                ForeignKey::create()
                    .name("identities_user_id_fkey")
                    .from(Identities::Table, Identities::UserId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        manager.create_table(identities).await?;
        dialect::run(manager, "create unique index identities_user_id_issuer_key on identities (user_id, issuer)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Identities::Table).take()).await
    }
}

#[derive(DeriveIden)]
enum Identities {
    Table,
    Issuer,
    Subject,
    UserId,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
}
