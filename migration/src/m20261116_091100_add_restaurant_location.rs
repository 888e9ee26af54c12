//! Adds where a restaurant is: `lat` and `lng` in degrees (WGS 84), and the `delivery_zone` it belongs to.
//!
//! Why: drivers nearby are found by distance. Lock: an instant. Reversal: drops the columns with what they hold.

use sea_orm_migration::{
    prelude::*,
    schema::{double_null, string_len_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lat = double_null(Restaurants::Lat)
            .check(("restaurants_lat_check", Expr::col(Restaurants::Lat).between(-90, 90)))
            .take();
        let lng = double_null(Restaurants::Lng)
            .check(("restaurants_lng_check", Expr::col(Restaurants::Lng).between(-180, 180)))
            .take();
        let delivery_zone = string_len_null(Restaurants::DeliveryZone, 50);
        dialect::add_columns(manager, Restaurants::Table, [lat, lng, delivery_zone]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_columns(
            manager,
            Restaurants::Table,
            [Restaurants::DeliveryZone, Restaurants::Lng, Restaurants::Lat],
        )
        .await
    }
}

#[derive(DeriveIden, Clone, Copy)]
enum Restaurants {
    Table,
    Lat,
    Lng,
    DeliveryZone,
}
