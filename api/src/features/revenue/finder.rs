//! The SQL behind revenue: sums by period.

use std::collections::HashMap;

use chrono::{Days, NaiveDate, NaiveTime};
use entity::{columns::Columns, orders, sea_orm_active_enums::OrderStatus};
use rust_decimal::Decimal;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Alias, Asterisk, Expr, Func},
};

use crate::{
    database::{dialect, literal},
    domain::{
        error::{Error, Result},
        ids::RestaurantId,
    },
    features::revenue::types::RevenuePeriod,
    graphql::{
        loaders::{Reader, grouped},
        plan::Batch,
    },
};

/// Loader key: what a restaurant earned from `since` to `until`, both included. Periods without an order are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RevenueOf {
    pub restaurant: RestaurantId,
    pub span: Span,
}

/// Days from `since` to `until`, both included, by periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    pub period: RevenuePeriod,
    pub since: NaiveDate,
    pub until: NaiveDate,
}

/// The sums of one period.
#[derive(Clone, Copy, Debug)]
pub struct Earned {
    pub period_start: NaiveDate,
    pub orders: i64,
    pub revenue: Decimal,
}

#[derive(FromQueryResult)]
struct EarnedRow {
    restaurant_id: i32,
    period_start: String,
    orders: i64,
    hundredths: i64,
}

impl Batch for RevenueOf {
    type Value = Vec<Earned>;

    /// Batched: one statement for all restaurants that ask with the same arguments.
    async fn load(reader: &Reader, keys: &[Self], _: Columns) -> Result<HashMap<Self, Vec<Earned>>> {
        let mut earned = HashMap::with_capacity(keys.len());
        for (span, restaurants) in grouped(&[], keys.iter().map(|key| (key.span, key.restaurant))) {
            let rows = reader.revenue_rows(span, &restaurants).await?;
            let of_these: Vec<_> =
                restaurants.iter().map(|restaurant| RevenueOf { restaurant: *restaurant, span }).collect();
            let rows = rows.into_iter().map(|row| {
                let key = RevenueOf { restaurant: RestaurantId(row.restaurant_id), span };
                row.decode().map(|row| (key, row))
            });
            earned.extend(grouped(&of_these, rows.collect::<Result<Vec<_>>>()?));
        }
        Ok(earned)
    }
}

impl Reader {
    async fn revenue_rows(&self, span: Span, restaurants: &[RestaurantId]) -> Result<Vec<EarnedRow>> {
        let db = &self.app.db;
        let backend = db.get_database_backend();
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let end = span.until.checked_add_days(Days::new(1)).unwrap_or(span.until);
        let mut select = orders::Entity::find()
            .select_only()
            .column(orders::Column::RestaurantId)
            .filter(dialect::any_of(
                backend,
                orders::Column::RestaurantId,
                restaurants.iter().map(|restaurant| restaurant.0),
            ))
            .filter(literal::eq(orders::Column::Status, OrderStatus::Delivered))
            .filter(orders::Column::OrderTime.gte(midnight(span.since)))
            .filter(orders::Column::OrderTime.lt(midnight(end)))
            .into_query();
        let period = dialect::period(backend, orders::Column::OrderTime, span.period.into());
        select
            .expr_as(dialect::first_day(backend, period.clone()), Alias::new("period_start"))
            .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("orders"))
            .expr_as(dialect::sum_in_hundredths(backend, orders::Column::TotalAmount), Alias::new("hundredths"))
            .add_group_by([Expr::col(orders::Column::RestaurantId.as_column_ref()), period]);
        Ok(EarnedRow::find_by_statement(backend.build(&select)).all(db).await?)
    }
}

impl EarnedRow {
    fn decode(&self) -> Result<Earned> {
        let period_start = self.period_start.parse().map_err(|error| Error::internal(anyhow::Error::new(error)))?;
        Ok(Earned { period_start, orders: self.orders, revenue: Decimal::new(self.hundredths, 2) })
    }
}
