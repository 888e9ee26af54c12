use async_graphql::{Context, ID, Object};

use super::{
    Order,
    loader::{ClaimableOrders, Orders},
    placement,
    types::{OrderFilter, OrderOrder, OrderQuote, PlaceOrderInput},
};
use crate::graphql::{
    context::OperationContext,
    error::Result,
    limits,
    list::{self, PageOfAll},
    page::PageArguments,
    plan::Found,
    row,
};

#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// One order. Null with NOT_FOUND where there is none that the viewer may know of: one's own, those of one's restaurants,
    /// for drivers also those that wait for one, all for admins.
    async fn order(&self, id: ID) -> Option<Result<Found<Order>>> {
        Some(row::visible(&id, "id"))
    }

    /// A customer's own orders, a driver's own, those of a merchant's restaurants, all for an admin; newest first. Empty for
    /// anybody else. A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn orders(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        filter: Option<OrderFilter>,
    ) -> Result<PageOfAll<Orders, Order>> {
        let page =
            PageArguments::new(first, after, last, before).with_offset(offset).in_order(OrderOrder::NewestFirst)?;
        Ok(list::page_of_all(Orders(filter.unwrap_or_default().decode()?), page))
    }

    /// The orders that wait for a driver: CONFIRMED to READY without one, oldest first. For drivers and admins; empty for
    /// anybody else. The customer's phone is not shown before the order is assigned.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn claimable_orders(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageOfAll<ClaimableOrders, Order>> {
        let page = PageArguments::new(first, after, last, before).in_order(OrderOrder::OldestFirst)?;
        Ok(list::page_of_all(ClaimableOrders, page))
    }

    /// What `placeOrder` would charge now for the same input: the same checks and errors, nothing written. Null with
    /// UNAUTHENTICATED for the anonymous.
    async fn order_quote(&self, ctx: &Context<'_>, input: PlaceOrderInput) -> Option<Result<OrderQuote>> {
        Some(placement::order_quote(ctx.app(), ctx.viewer(), input).await)
    }
}
