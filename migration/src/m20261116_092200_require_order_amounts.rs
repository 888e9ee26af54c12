//! Splits an order's total, last of three (tighten): the amounts are required, and total = subtotal + tax + delivery fee.
//!
//! Why: the database holds the sum, whatever writes to it. Run it when every server writes the amounts. Lock: an instant for
//! each rule; the table is read beside its writers. Reversal: takes the rules off.

use sea_orm_migration::prelude::*;

use crate::{
    dialect::{self, Rule},
    m20261116_092000_add_order_amounts::DELIVERY_FEE,
    m20261116_092100_backfill_order_amounts as backfill,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const SUBTOTAL: Rule = Rule {
    table: "orders",
    name: "orders_subtotal_required",
    postgres: "subtotal is not null",
    sqlite: "new.subtotal is not null",
};

const TAX: Rule =
    Rule { table: "orders", name: "orders_tax_required", postgres: "tax is not null", sqlite: "new.tax is not null" };

const CURRENCY: Rule = Rule {
    table: "orders",
    name: "orders_currency_required",
    postgres: "currency is not null",
    sqlite: "new.currency is not null",
};

const REQUIRED: [(&Rule, &str); 3] = [(&SUBTOTAL, "subtotal"), (&TAX, "tax"), (&CURRENCY, "currency")];

const TOTAL: Rule = Rule {
    table: "orders",
    name: "orders_total_amount_sum_check",
    postgres: "total_amount = subtotal + tax + delivery_fee",
    sqlite: "abs(new.total_amount - (new.subtotal + new.tax + new.delivery_fee)) < 0.005",
};

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for rule in [&SUBTOTAL, &TAX, &CURRENCY, &TOTAL] {
            dialect::add_rule(manager, rule).await?;
        }
        // What an older server wrote between the backfill and the rules.
        backfill::fill(manager).await?;
        dialect::check_rule(manager, &DELIVERY_FEE).await?;
        dialect::check_rule(manager, &TOTAL).await?;
        for (rule, column) in REQUIRED {
            dialect::check_rule(manager, rule).await?;
            dialect::set_not_null(manager, rule, column).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_rule(manager, &TOTAL).await?;
        for (rule, column) in REQUIRED {
            dialect::drop_not_null(manager, rule, column).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
