use async_graphql::{ID, Object};

use super::{
    Dish,
    loader::Dishes,
    types::{DishFilter, DishOrderBy},
};
use crate::graphql::{
    error::Result,
    limits,
    list::{self, PageOfAll},
    page::PageArguments,
    plan::Found,
    row,
};

#[derive(Default)]
pub struct DishQuery;

#[Object]
impl DishQuery {
    /// One dish. Null with NOT_FOUND where there is none, or it belongs to an inactive restaurant that the viewer does not run.
    async fn dish(&self, id: ID) -> Option<Result<Found<Dish>>> {
        Some(row::visible(&id, "id"))
    }

    /// The dishes of all restaurants that take orders, also those that are not available now. A page has 20 entries unless
    /// asked otherwise, and at most 100; `offset` skips entries, for tables with page numbers.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn dishes(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        filter: Option<DishFilter>,
        #[graphql(default_with = "DishOrderBy::Name")] order_by: DishOrderBy,
    ) -> Result<PageOfAll<Dishes, Dish>> {
        let page = PageArguments::new(first, after, last, before).with_offset(offset).in_order(order_by)?;
        Ok(list::page_of_all(Dishes(filter.unwrap_or_default().decode()?), page))
    }
}
