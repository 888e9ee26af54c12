//! Adds what a driver's position is reported with: `location_heading` (degrees from north), `location_speed` (m/s) and
//! `location_recorded_at`.
//!
//! Why: a position without its age misleads. Lock: an instant. Reversal: drops the columns with what they hold.

use sea_orm_migration::{
    prelude::*,
    schema::{double_null, timestamp_with_time_zone_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            double_null(Drivers::LocationHeading),
            double_null(Drivers::LocationSpeed),
            timestamp_with_time_zone_null(Drivers::LocationRecordedAt),
        ];
        dialect::add_columns(manager, Drivers::Table, columns).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(
            manager,
            Drivers::Table,
            [Drivers::LocationRecordedAt, Drivers::LocationSpeed, Drivers::LocationHeading],
        )
        .await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Drivers {
    Table,
    LocationHeading,
    LocationSpeed,
    LocationRecordedAt,
}
