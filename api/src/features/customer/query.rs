use async_graphql::ID;
use entity::customers;

use super::Customer;
use crate::{
    domain::error::Result,
    features::customer::finder::Customers,
    graphql::{
        list::{self, PageOfAll},
        page::PageArguments,
        plan::{Found, object},
        row, search,
        sort::IdOrder,
    },
};

#[derive(Clone, Default)]
pub struct CustomerQuery;

#[object]
impl CustomerQuery {
    /// One customer. Null with NOT_FOUND where there is none that the viewer may know of: oneself, those of the orders that
    /// one's restaurants cook or that one carries, all for admins.
    fn customer(#[arg] id: ID) -> Option<Result<Found<Customer>>> {
        Some(row::visible(&id, "id"))
    }

    /// The customers that the viewer may know of, by id. `search` looks for part of the name, in any case and script, and for
    /// admins also of the e-mail address. A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries.
    fn customers(
        #[page(offset)] page: PageArguments,
        #[arg] search: Option<String>,
    ) -> Result<PageOfAll<Customers, Customer>> {
        let page = page.in_order::<customers::Model, _>(IdOrder)?;
        Ok(list::page_of_all(Customers { search: search::term("search", search.as_deref())? }, page))
    }
}
