//! The business rules of revenue: which periods there are, and who sees them.

use std::collections::HashMap;

use chrono::{Datelike, Days, Months, NaiveDate};
use rust_decimal::Decimal as Exact;

use super::types::{RevenuePeriod, RevenuePoint};
use crate::{
    domain::{
        clock,
        error::{Error, Result},
        ids::RestaurantId,
        viewer::Viewer,
    },
    features::revenue::finder::{Earned, RevenueOf, Span},
    graphql::{date::Date, decimal::Decimal, plan::Load},
};

/// How many periods there are where the client gives no `since`.
const DEFAULT_PERIODS: u32 = 30;
/// How many periods can be asked for at once.
const MAXIMUM_PERIODS: usize = 400;

/// How many points [`revenue_of_restaurant`] gives for these arguments, and at most how many where it refuses them.
pub fn length(period: RevenuePeriod, since: Option<Date>, until: Option<Date>) -> usize {
    if since.is_none() {
        return DEFAULT_PERIODS as usize;
    }
    let today = clock::now().date_naive();
    let starts = span(period, since.map(|date| date.0), until.map(|date| date.0), today).and_then(period_starts);
    starts.map_or(MAXIMUM_PERIODS, |starts| starts.len())
}

/// What a restaurant earned, oldest period first, the empty ones included.
pub type Revenue = Load<RevenueOf, Result<Vec<RevenuePoint>>>;

/// The restaurant's revenue in its currency; none for a viewer who does not run it.
pub fn revenue_of_restaurant(
    viewer: &Viewer,
    restaurant: RestaurantId,
    currency: &str,
    period: RevenuePeriod,
    since: Option<Date>,
    until: Option<Date>,
) -> Option<Result<Revenue>> {
    viewer.manages(restaurant).then(|| revenue_in(restaurant, currency, period, since, until))
}

fn revenue_in(
    restaurant: RestaurantId,
    currency: &str,
    period: RevenuePeriod,
    since: Option<Date>,
    until: Option<Date>,
) -> Result<Revenue> {
    let span = span(period, since.map(|date| date.0), until.map(|date| date.0), clock::now().date_naive())?;
    let starts = period_starts(span)?;
    let currency = currency.to_owned();
    Ok(Load::new(RevenueOf { restaurant, span }, move |earned| {
        let earned = earned?.unwrap_or_default();
        let earned: HashMap<NaiveDate, Earned> = earned.into_iter().map(|row| (row.period_start, row)).collect();
        Ok(starts.iter().map(|start| point(*start, earned.get(start), &currency)).collect())
    }))
}

fn point(start: NaiveDate, earned: Option<&Earned>, currency: &str) -> RevenuePoint {
    let (orders, revenue) = earned.map_or((0, Exact::ZERO), |earned| (earned.orders, earned.revenue));
    let average = if orders == 0 { Exact::ZERO } else { revenue / Exact::from(orders) };
    RevenuePoint {
        period_start: Date(start),
        total_orders: i32::try_from(orders).unwrap_or(i32::MAX),
        total_revenue: Decimal::money(revenue, currency),
        avg_order_value: Decimal::money(average, currency),
    }
}

fn span(period: RevenuePeriod, since: Option<NaiveDate>, until: Option<NaiveDate>, today: NaiveDate) -> Result<Span> {
    let until = until.unwrap_or(today);
    let since = match since {
        Some(since) => since,
        None => back(period, start_of(period, until), DEFAULT_PERIODS - 1)
            .ok_or_else(|| Error::bad_input("until", "This is out of range."))?,
    };
    if since > until {
        return Err(Error::bad_input("since", "This is after `until`."));
    }
    Ok(Span { period, since, until })
}

/// The first days of the span's periods.
fn period_starts(span: Span) -> Result<Vec<NaiveDate>> {
    let mut starts = Vec::new();
    let mut start = Some(start_of(span.period, span.since));
    while let Some(present) = start.filter(|start| *start <= span.until) {
        if starts.len() == MAXIMUM_PERIODS {
            return Err(Error::bad_input(
                "since",
                format!("At most {MAXIMUM_PERIODS} periods can be asked for at once."),
            ));
        }
        starts.push(present);
        start = after(span.period, present);
    }
    Ok(starts)
}

fn start_of(period: RevenuePeriod, day: NaiveDate) -> NaiveDate {
    let days_into = match period {
        RevenuePeriod::Day => 0,
        RevenuePeriod::Week => day.weekday().num_days_from_monday(),
        RevenuePeriod::Month => day.day0(),
    };
    day.checked_sub_days(Days::new(days_into.into())).unwrap_or(day)
}

fn after(period: RevenuePeriod, start: NaiveDate) -> Option<NaiveDate> {
    match period {
        RevenuePeriod::Day => start.checked_add_days(Days::new(1)),
        RevenuePeriod::Week => start.checked_add_days(Days::new(7)),
        RevenuePeriod::Month => start.checked_add_months(Months::new(1)),
    }
}

fn back(period: RevenuePeriod, start: NaiveDate, periods: u32) -> Option<NaiveDate> {
    match period {
        RevenuePeriod::Day => start.checked_sub_days(Days::new(periods.into())),
        RevenuePeriod::Week => start.checked_sub_days(Days::new(u64::from(periods) * 7)),
        RevenuePeriod::Month => start.checked_sub_months(Months::new(periods)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn starts(period: RevenuePeriod, since: Option<&str>, until: &str) -> Vec<String> {
        let span = span(period, since.map(day), Some(day(until)), day("2026-11-20")).ok().unwrap();
        period_starts(span).ok().unwrap().iter().map(NaiveDate::to_string).collect()
    }

    #[test]
    fn periods_cover_the_span_and_weeks_start_on_monday() {
        assert_eq!(
            starts(RevenuePeriod::Day, Some("2026-02-27"), "2026-03-01"),
            ["2026-02-27", "2026-02-28", "2026-03-01"]
        );
        assert_eq!(starts(RevenuePeriod::Week, Some("2026-11-18"), "2026-11-23"), ["2026-11-16", "2026-11-23"]);
        assert_eq!(
            starts(RevenuePeriod::Month, Some("2025-12-31"), "2026-02-01"),
            ["2025-12-01", "2026-01-01", "2026-02-01"]
        );
        assert_eq!(starts(RevenuePeriod::Month, None, "2026-11-20").len(), 30);
        assert_eq!(starts(RevenuePeriod::Day, None, "2026-11-20").first().map(String::as_str), Some("2026-10-22"));
    }

    #[test]
    fn too_many_or_backward_periods_are_refused() {
        let today = day("2026-11-20");
        let refused = |since: &str, until: &str| {
            span(RevenuePeriod::Day, Some(day(since)), Some(day(until)), today)
                .and_then(period_starts)
                .err()
                .and_then(|e| e.field)
        };
        assert_eq!(refused("2026-11-21", "2026-11-20").as_deref(), Some("since"));
        assert_eq!(refused("0001-01-01", "9999-12-31").as_deref(), Some("since"));
        assert_eq!(refused("2025-10-17", "2026-11-20"), None, "400 days");
        assert_eq!(refused("2025-10-16", "2026-11-20").as_deref(), Some("since"), "401 days");
    }
}
