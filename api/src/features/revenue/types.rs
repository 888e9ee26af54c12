//! The GraphQL types of revenue.

use async_graphql::Enum;

use crate::graphql::{
    date::Date,
    decimal::Decimal,
    plan::{object, output_of_enums},
};

/// What revenue is summed over; days are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "crate::database::dialect::Period")]
pub enum RevenuePeriod {
    /// From midnight to midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first day of a month.
    Month,
}

output_of_enums!(RevenuePeriod);

/// What a restaurant earned in one period, in its currency.
#[object]
#[derive(Clone, Debug)]
pub struct RevenuePoint {
    /// The period's first day.
    pub period_start: Date,
    /// How many orders placed in the period were DELIVERED.
    pub total_orders: i32,
    /// The sum of their `totalAmount`.
    pub total_revenue: Decimal,
    /// `totalRevenue` / `totalOrders`, rounded half-up; zero when there was no order.
    pub avg_order_value: Decimal,
}
