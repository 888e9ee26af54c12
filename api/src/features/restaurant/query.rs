use async_graphql::ID;

use super::{
    Restaurant,
    types::{RestaurantFilter, RestaurantOrderBy},
};
use crate::{
    domain::error::Result,
    features::restaurant::finder::Restaurants,
    graphql::{
        input,
        list::{self, PageOfAll},
        page::PageArguments,
        plan::{Found, object},
        row, search,
    },
};

#[derive(Clone, Default)]
pub struct RestaurantQuery;

#[object]
impl RestaurantQuery {
    /// One restaurant. Null with NOT_FOUND where there is none, or an inactive one that the viewer does not run.
    #[public]
    fn restaurant(#[arg] id: ID) -> Option<Result<Found<Restaurant>>> {
        Some(row::visible(&id, "id"))
    }

    /// The restaurants that take orders. A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries,
    /// for tables with page numbers.
    #[public]
    fn restaurants(
        #[page(offset)] page: PageArguments,
        #[arg] filter: Option<RestaurantFilter>,
        #[arg(default = RestaurantOrderBy::AvgRating)] order_by: RestaurantOrderBy,
    ) -> Result<PageOfAll<Restaurants, Restaurant>> {
        let page = page.in_order(order_by)?;
        let filter = filter.unwrap_or_default();
        let restaurants = Restaurants {
            cuisine_type: input::optional_text("filter.cuisineType", filter.cuisine_type.as_deref(), 50)?,
            search: search::term("filter.search", filter.search.as_deref())?,
            include_inactive: filter.include_inactive.unwrap_or(false),
        };
        Ok(list::page_of_all(restaurants, page))
    }
}
