use async_graphql::ID;

use super::{
    Dish,
    types::{DishFilter, DishOrderBy},
};
use crate::{
    domain::error::Result,
    features::dish::finder::Dishes,
    graphql::{
        list::{self, PageOfAll},
        page::PageArguments,
        plan::{Found, object},
        row,
    },
};

#[derive(Clone, Default)]
pub struct DishQuery;

#[object]
impl DishQuery {
    /// One dish. Null with NOT_FOUND where there is none, or it belongs to an inactive restaurant that the viewer does not run.
    #[public]
    fn dish(#[arg] id: ID) -> Option<Result<Found<Dish>>> {
        Some(row::visible(&id, "id"))
    }

    /// The dishes of all restaurants that take orders, also those that are not available now. A page has 20 entries unless
    /// asked otherwise, and at most 100; `offset` skips entries, for tables with page numbers.
    #[public]
    fn dishes(
        #[page(offset)] page: PageArguments,
        #[arg] filter: Option<DishFilter>,
        #[arg(default = DishOrderBy::Name)] order_by: DishOrderBy,
    ) -> Result<PageOfAll<Dishes, Dish>> {
        let page = page.in_order(order_by)?;
        Ok(list::page_of_all(Dishes(filter.unwrap_or_default().decode()?), page))
    }
}
