use async_graphql::Context;
use declare::mutations;

use super::{
    Order, assignment,
    finder::ItemsOfOrder,
    placement::{self, PlacedOrder},
    service,
    types::{
        AssignDriverInput, AssignDriverPayload, CancelOrderInput, CancelOrderPayload, PlaceOrderInput,
        PlaceOrderPayload, ReleaseDriverInput, ReleaseDriverPayload, UpdateOrderStatusInput, UpdateOrderStatusPayload,
    },
};
use crate::{
    domain::{error::Result, ids::OrderId},
    graphql::context::OperationContext,
};

#[derive(Default)]
pub struct OrderMutation;

#[mutations]
impl OrderMutation {
    /// Places an order at a restaurant, at the prices of this moment. For anybody signed in. NOT_FOUND, CONFLICT or
    /// BAD_USER_INPUT with the line to blame in `extensions.field` when a dish cannot be ordered; then nothing is placed.
    async fn place_order(&self, ctx: &Context<'_>, input: PlaceOrderInput) -> Result<PlaceOrderPayload> {
        let PlacedOrder { order, items } = placement::order_place(ctx.app(), ctx.viewer(), input).await?;
        if let Some(items) = items {
            ctx.reader().flights.note_written(ItemsOfOrder(OrderId(order.id)), items);
        }
        Ok(PlaceOrderPayload { order: Order(order.into()) })
    }

    /// Takes an order one step further. CONFLICT for a step that does not exist from where the order is now, FORBIDDEN for one
    /// that is somebody else's to take; the order's `nextStatuses` tells beforehand.
    async fn update_order_status(
        &self,
        ctx: &Context<'_>,
        input: UpdateOrderStatusInput,
    ) -> Result<UpdateOrderStatusPayload> {
        Ok(UpdateOrderStatusPayload {
            order: Order(service::order_update_status(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }

    /// Cancels an order: the same rule as a step to CANCELLED. Customers can until the kitchen starts.
    async fn cancel_order(&self, ctx: &Context<'_>, input: CancelOrderInput) -> Result<CancelOrderPayload> {
        Ok(CancelOrderPayload { order: Order(service::order_cancel(ctx.app(), ctx.viewer(), input).await?.into()) })
    }

    /// Gives a CONFIRMED to READY order without a driver to an AVAILABLE driver, who becomes BUSY. For the driver itself, the
    /// restaurant's staff and admins. CONFLICT when somebody else was faster, and for a driver who does not work: not AVAILABLE, not a
    /// DRIVER any more, or not active.
    async fn assign_driver(&self, ctx: &Context<'_>, input: AssignDriverInput) -> Result<AssignDriverPayload> {
        Ok(AssignDriverPayload {
            order: Order(assignment::driver_assign(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }

    /// Takes an order from its driver before it is picked up; the driver becomes AVAILABLE again, or OFFLINE where it does not work any
    /// more. For the driver itself, the restaurant's staff and admins.
    async fn release_driver(&self, ctx: &Context<'_>, input: ReleaseDriverInput) -> Result<ReleaseDriverPayload> {
        Ok(ReleaseDriverPayload {
            order: Order(assignment::driver_release(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }
}
