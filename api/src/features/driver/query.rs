use async_graphql::{ID, Object};
use entity::drivers;

use super::{Driver, loader::Drivers, types::DriverStatus};
use crate::graphql::{
    error::Result,
    limits,
    list::{self, PageOfAll},
    page::PageArguments,
    plan::Found,
    row,
    sort::IdOrder,
};

#[derive(Default)]
pub struct DriverQuery;

#[Object]
impl DriverQuery {
    /// One driver. Null with NOT_FOUND where there is none that the viewer may know of: oneself, those of one's orders, for
    /// merchants also those who are AVAILABLE, all for admins.
    async fn driver(&self, id: ID) -> Option<Result<Found<Driver>>> {
        Some(row::visible(&id, "id"))
    }

    /// The drivers that the viewer may know of, by id. A page has 20 entries unless asked otherwise, and at most 100; `offset`
    /// skips entries.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn drivers(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        status: Option<DriverStatus>,
    ) -> Result<PageOfAll<Drivers, Driver>> {
        let page = PageArguments::new(first, after, last, before)
            .with_offset(offset)
            .in_order::<drivers::Model, _>(IdOrder)?;
        Ok(list::page_of_all(Drivers { status }, page))
    }
}
