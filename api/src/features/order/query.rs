use async_graphql::ID;

use super::{
    Order, placement,
    types::{OrderFilter, OrderOrder, OrderQuote, PlaceOrderInput},
};
use crate::{
    domain::error::Result,
    features::order::finder::{ClaimableOrders, Orders},
    graphql::{
        list::{self, PageOfAll},
        page::PageArguments,
        plan::{Computed, Found, object},
        row,
    },
};

#[derive(Clone, Default)]
pub struct OrderQuery;

#[object]
impl OrderQuery {
    /// One order. Null with NOT_FOUND where there is none that the viewer may know of: one's own, those of one's restaurants,
    /// for drivers also those that wait for one, all for admins.
    fn order(#[arg] id: ID) -> Option<Result<Found<Order>>> {
        Some(row::visible(&id, "id"))
    }

    /// A customer's own orders, a driver's own, those of a merchant's restaurants, all for an admin; newest first. Empty for
    /// anybody else. A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries.
    fn orders(
        #[page(offset)] page: PageArguments,
        #[arg] filter: Option<OrderFilter>,
    ) -> Result<PageOfAll<Orders, Order>> {
        let page = page.in_order(OrderOrder::NewestFirst)?;
        Ok(list::page_of_all(Orders(filter.unwrap_or_default().decode()?), page))
    }

    /// The orders that wait for a driver: CONFIRMED to READY without one, oldest first. For drivers and admins; empty for
    /// anybody else. The customer's phone is not shown before the order is assigned.
    fn claimable_orders(#[page] page: PageArguments) -> Result<PageOfAll<ClaimableOrders, Order>> {
        let page = page.in_order(OrderOrder::OldestFirst)?;
        Ok(list::page_of_all(ClaimableOrders, page))
    }

    /// What `placeOrder` would charge now for the same input: the same checks and errors, nothing written. Null with
    /// UNAUTHENTICATED for the anonymous.
    fn order_quote(
        /// What `placeOrder` would be given; keys and expected totals are not looked at.
        #[arg]
        input: PlaceOrderInput,
    ) -> Option<Computed<OrderQuote>> {
        Some(Computed::new(move |reader| placement::order_quote(reader, input.clone())))
    }
}
