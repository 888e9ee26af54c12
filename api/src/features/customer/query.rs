use async_graphql::{ID, Object};
use entity::customers;

use super::{Customer, loader::Customers};
use crate::graphql::{
    error::Result,
    limits,
    list::{self, PageOfAll},
    page::PageArguments,
    plan::Found,
    row, search,
    sort::IdOrder,
};

#[derive(Default)]
pub struct CustomerQuery;

#[Object]
impl CustomerQuery {
    /// One customer. Null with NOT_FOUND where there is none that the viewer may know of: oneself, those of the orders that
    /// one's restaurants cook or that one carries, all for admins.
    async fn customer(&self, id: ID) -> Option<Result<Found<Customer>>> {
        Some(row::visible(&id, "id"))
    }

    /// The customers that the viewer may know of, by id. `search` looks for part of the name, in any case and script, and for
    /// admins also of the e-mail address. A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn customers(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        search: Option<String>,
    ) -> Result<PageOfAll<Customers, Customer>> {
        let page = PageArguments::new(first, after, last, before)
            .with_offset(offset)
            .in_order::<customers::Model, _>(IdOrder)?;
        Ok(list::page_of_all(Customers { search: search::term("search", search.as_deref())? }, page))
    }
}
