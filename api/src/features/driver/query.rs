use async_graphql::ID;
use entity::drivers;

use super::{Driver, types::DriverStatus};
use crate::{
    domain::error::Result,
    features::driver::finder::Drivers,
    graphql::{
        list::{self, PageOfAll},
        page::PageArguments,
        plan::{Found, object},
        row,
        sort::IdOrder,
    },
};

#[derive(Clone, Default)]
pub struct DriverQuery;

#[object]
impl DriverQuery {
    /// One driver. Null with NOT_FOUND where there is none that the viewer may know of: oneself, those of one's orders, for
    /// merchants also those who are AVAILABLE, all for admins.
    fn driver(#[arg] id: ID) -> Option<Result<Found<Driver>>> {
        Some(row::visible(&id, "id"))
    }

    /// The drivers that the viewer may know of, by id. A page has 20 entries unless asked otherwise, and at most 100; `offset`
    /// skips entries.
    fn drivers(
        #[page(offset)] page: PageArguments,
        /// Only those with this status; null is all.
        #[arg]
        status: Option<DriverStatus>,
    ) -> Result<PageOfAll<Drivers, Driver>> {
        let page = page.in_order::<drivers::Model, _>(IdOrder)?;
        Ok(list::page_of_all(Drivers { status }, page))
    }
}
