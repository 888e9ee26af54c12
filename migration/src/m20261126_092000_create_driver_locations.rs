//! Creates `driver_locations`: where a driver was while it carried an order, one point for each stretch of some seconds.
//!
//! Why: `Order.route` is read from it. `slot` is the number of the stretch, so that an order has one point for each however many
//! processes write, and however often. Rows are deleted after a time, which the index on it is for.
//!
//! Lock: none, the table is new. Reversal: drops the table; the routes are lost.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, decimal_len, double_null, integer, timestamp_with_time_zone},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(driver_locations()).await?;
        let index = "create index idx_driver_locations_recorded_at on driver_locations (recorded_at)";
        dialect::run(manager, index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(DriverLocations::Table).take()).await
    }
}

fn driver_locations() -> TableCreateStatement {
    Table::create()
        .table(DriverLocations::Table)
        .col(integer(DriverLocations::OrderId))
        .col(big_integer(DriverLocations::Slot))
        .col(integer(DriverLocations::DriverId))
        .col(timestamp_with_time_zone(DriverLocations::RecordedAt))
        .col(decimal_len(DriverLocations::Lat, 10, 8))
        .col(decimal_len(DriverLocations::Lng, 11, 8))
        .col(double_null(DriverLocations::Heading))
        .col(double_null(DriverLocations::Speed))
        .primary_key(Index::create().col(DriverLocations::OrderId).col(DriverLocations::Slot))
        .check(("driver_locations_lat_check", Expr::col(DriverLocations::Lat).between(-90, 90)))
        .check(("driver_locations_lng_check", Expr::col(DriverLocations::Lng).between(-180, 180)))
        .foreign_key(
            ForeignKey::create()
                .name("driver_locations_order_id_fkey")
                .from(DriverLocations::Table, DriverLocations::OrderId)
                .to(Orders::Table, Orders::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .name("driver_locations_driver_id_fkey")
                .from(DriverLocations::Table, DriverLocations::DriverId)
                .to(Drivers::Table, Drivers::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .take()
}

#[derive(DeriveIden)]
enum DriverLocations {
    Table,
    OrderId,
    Slot,
    DriverId,
    RecordedAt,
    Lat,
    Lng,
    Heading,
    Speed,
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
