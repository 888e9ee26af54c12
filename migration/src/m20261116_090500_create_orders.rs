//! Creates `orders` and the enum `order_status`.
//!
//! Why: one of the ERD's eight tables. In this form the total is without the delivery fee. Lock: none, the table is new.
//! Reversal: drops the table with its rows, and the enum.

use sea_orm_migration::{
    prelude::*,
    schema::{decimal_len, integer, integer_null, json_binary, pk_auto, string_len_null},
};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const STATUS: &str = "order_status";
const STATUSES: [&str; 7] = ["PENDING", "CONFIRMED", "PREPARING", "READY", "PICKED_UP", "DELIVERED", "CANCELLED"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create_enum(manager, STATUS, &STATUSES).await?;
        manager.create_table(orders(manager)).await?;
        for (name, columns) in [
            ("idx_orders_customer_id_status", vec![Orders::CustomerId, Orders::Status]),
            ("idx_orders_restaurant_id_order_time", vec![Orders::RestaurantId, Orders::OrderTime]),
            ("idx_orders_driver_id_status", vec![Orders::DriverId, Orders::Status]),
            ("idx_orders_order_time", vec![Orders::OrderTime]),
        ] {
            let mut index = Index::create().name(name).table(Orders::Table).take();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Orders::Table).take()).await?;
        dialect::drop_enum(manager, STATUS).await
    }
}

fn orders(manager: &SchemaManager<'_>) -> TableCreateStatement {
    Table::create()
        .table(Orders::Table)
        .col(pk_auto(Orders::Id))
        .col(integer(Orders::CustomerId))
        .col(integer(Orders::RestaurantId))
        .col(integer_null(Orders::DriverId))
        .col(dialect::timestamp_default_now(manager, Orders::OrderTime))
        .col(decimal_len(Orders::TotalAmount, 10, 2))
        .col(decimal_len(Orders::DeliveryFee, 6, 2))
        .col(dialect::enumeration(manager, Orders::Status, STATUS, &STATUSES).default("PENDING"))
        .col(json_binary(Orders::DeliveryAddress))
        .col(string_len_null(Orders::CustomerName, 100))
        .col(string_len_null(Orders::RestaurantName, 100))
        .check(("orders_total_amount_check", Expr::col(Orders::TotalAmount).gte(0)))
        .check(("orders_delivery_fee_check", Expr::col(Orders::DeliveryFee).gte(0)))
        .foreign_key(
            ForeignKey::create()
                .name("orders_customer_id_fkey")
                .from(Orders::Table, Orders::CustomerId)
                .to(Customers::Table, Customers::Id)
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create()
                .name("orders_restaurant_id_fkey")
                .from(Orders::Table, Orders::RestaurantId)
                .to(Restaurants::Table, Restaurants::Id)
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create()
                .name("orders_driver_id_fkey")
                .from(Orders::Table, Orders::DriverId)
                .to(Drivers::Table, Drivers::Id)
                .on_delete(ForeignKeyAction::SetNull),
        )
        .take()
}

#[derive(DeriveIden)]
enum Orders {
    Table,
    Id,
    CustomerId,
    RestaurantId,
    DriverId,
    OrderTime,
    TotalAmount,
    DeliveryFee,
    Status,
    DeliveryAddress,
    CustomerName,
    RestaurantName,
}

#[derive(DeriveIden)]
enum Customers {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Restaurants {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Drivers {
    Table,
    Id,
}
