use async_graphql::{Context, ID, Object};
use entity::restaurants;

use super::{
    Restaurant,
    loader::Restaurants,
    types::{RestaurantFilter, RestaurantOrderBy},
};
use crate::graphql::{connection::Connection, error::Result, input, limits, list, page::PageArguments, row, search};

#[derive(Default)]
pub struct RestaurantQuery;

#[Object]
impl RestaurantQuery {
    /// One restaurant. Null with NOT_FOUND where there is none, or an inactive one that the viewer does not run.
    async fn restaurant(&self, ctx: &Context<'_>, id: ID) -> Option<Result<Restaurant>> {
        Some(row::visible::<restaurants::Model>(ctx, &id, "id").await.map(Restaurant))
    }

    /// The restaurants that take orders. A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries,
    /// for tables with page numbers.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn restaurants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        filter: Option<RestaurantFilter>,
        #[graphql(default_with = "RestaurantOrderBy::AvgRating")] order_by: RestaurantOrderBy,
    ) -> Result<Connection<Restaurant>> {
        let page = PageArguments::new(first, after, last, before).with_offset(offset).in_order(order_by)?;
        let filter = filter.unwrap_or_default();
        let restaurants = Restaurants {
            cuisine_type: input::optional_text("filter.cuisineType", filter.cuisine_type.as_deref(), 50)?,
            search: search::term("filter.search", filter.search.as_deref())?,
            include_inactive: filter.include_inactive.unwrap_or(false),
        };
        list::page_of_all(ctx, restaurants, page, Restaurant).await
    }
}
