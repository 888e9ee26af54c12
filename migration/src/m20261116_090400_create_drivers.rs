//! Creates `drivers` and the enum `driver_status`.
//!
//! Why: one of the ERD's eight tables. Lock: none, the table is new. Reversal: drops the table with its rows, and the enum.

use sea_orm_migration::{
    prelude::*,
    schema::{decimal_len_null, pk_auto, string_len},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const STATUS: &str = "driver_status";
const STATUSES: [&str; 3] = ["OFFLINE", "AVAILABLE", "BUSY"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_enum(manager, STATUS, &STATUSES).await?;
        let drivers = Table::create()
            .table(Drivers::Table)
            .col(pk_auto(Drivers::Id))
            .col(string_len(Drivers::Name, 100))
            .col(string_len(Drivers::Phone, 20))
            .col(string_len(Drivers::LicenseNumber, 50))
            .col(string_len(Drivers::VehicleType, 50))
            .col(dialect::enumeration(manager, Drivers::Status, STATUS, &STATUSES).default("OFFLINE"))
            .col(decimal_len_null(Drivers::CurrentLat, 10, 8))
            .col(decimal_len_null(Drivers::CurrentLng, 11, 8))
            .check(("drivers_current_lat_check", Expr::col(Drivers::CurrentLat).between(-90, 90)))
            .check(("drivers_current_lng_check", Expr::col(Drivers::CurrentLng).between(-180, 180)))
            .take();
        manager.create_table(drivers).await?;
        let phone = Index::create().name("drivers_phone_key").table(Drivers::Table).col(Drivers::Phone).unique().take();
        manager.create_index(phone).await?;
        let license_number = Index::create()
            .name("drivers_license_number_key")
            .table(Drivers::Table)
            .col(Drivers::LicenseNumber)
            .unique()
            .take();
        manager.create_index(license_number).await?;
        let status = Index::create().name("idx_drivers_status").table(Drivers::Table).col(Drivers::Status).take();
        manager.create_index(status).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Drivers::Table).take()).await?;
        dialect::drop_enum(manager, STATUS).await
    }
}

#[derive(DeriveIden)]
enum Drivers {
    Table,
    Id,
    Name,
    Phone,
    LicenseNumber,
    VehicleType,
    Status,
    CurrentLat,
    CurrentLng,
}
