//! Makes OFFLINE the AVAILABLE drivers whom nobody works as, and takes off the staff of restaurants whoever is a CUSTOMER.
//!
//! Why: a driver whose account was deactivated, or got another role, stayed AVAILABLE and was assigned orders; a merchant who was made a
//! CUSTOMER stayed on the staff, and would run the restaurant again as soon as it is a MERCHANT of another one. From here on the server
//! does both at once, with the role or the account. A BUSY driver is left to its order: whoever releases or ends that makes it OFFLINE.
//! Lock: these rows, an instant. Reversal: nothing to undo, who they were is not known any more.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection
            .execute_unprepared(
                "update drivers set status = 'OFFLINE' where status = 'AVAILABLE' and not exists (
                    select 1 from users where users.id = drivers.user_id and users.is_active and users.role = 'DRIVER')",
            )
            .await?;
        connection
            .execute_unprepared(
                "delete from restaurant_members where exists (
                    select 1 from users where users.id = restaurant_members.user_id and users.role = 'CUSTOMER')",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
