use async_graphql::{ID, Object};

use super::{
    Restaurant,
    loader::Restaurants,
    types::{RestaurantFilter, RestaurantOrderBy},
};
use crate::graphql::{
    error::Result,
    input, limits,
    list::{self, PageOfAll},
    page::PageArguments,
    plan::Found,
    row, search,
};

#[derive(Default)]
pub struct RestaurantQuery;

#[Object]
impl RestaurantQuery {
    /// One restaurant. Null with NOT_FOUND where there is none, or an inactive one that the viewer does not run.
    async fn restaurant(&self, id: ID) -> Option<Result<Found<Restaurant>>> {
        Some(row::visible(&id, "id"))
    }

    /// The restaurants that take orders. A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries,
    /// for tables with page numbers.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn restaurants(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        filter: Option<RestaurantFilter>,
        #[graphql(default_with = "RestaurantOrderBy::AvgRating")] order_by: RestaurantOrderBy,
    ) -> Result<PageOfAll<Restaurants, Restaurant>> {
        let page = PageArguments::new(first, after, last, before).with_offset(offset).in_order(order_by)?;
        let filter = filter.unwrap_or_default();
        let restaurants = Restaurants {
            cuisine_type: input::optional_text("filter.cuisineType", filter.cuisine_type.as_deref(), 50)?,
            search: search::term("filter.search", filter.search.as_deref())?,
            include_inactive: filter.include_inactive.unwrap_or(false),
        };
        Ok(list::page_of_all(restaurants, page))
    }
}
