use async_graphql::{Context, ID, Subscription};
use futures_util::{FutureExt, Stream};

use super::{
    types::OrderEvent,
    watch::{self, Readings},
};
use crate::{
    app::App,
    domain::{
        error::{Error, Result},
        ids::{GlobalId, OrderId, RestaurantId},
    },
    graphql::context::OperationContext,
    journal::Cursor,
};

// The set-up of a subscription is boxed: it needs memory that the subscription does not need afterwards.
#[derive(Default)]
pub struct OrderSubscription {
    readings: Readings,
}

#[Subscription]
impl OrderSubscription {
    /// The latest step of the order at once; then each further step, in order, none lost and none twice; completes after
    /// DELIVERED or CANCELLED. With `after`, it starts instead with every step whose `sequence` is greater: a client that lost
    /// its connection misses nothing. NOT_FOUND where the viewer may not know of the order. BAD_USER_INPUT with the reason
    /// CURSOR_EXPIRED, at once or in the middle, where the server's data were restored from a backup or taken over by another database:
    /// then begin anew, without `after`.
    async fn order_status_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order to follow.")] order_id: ID,
        #[graphql(desc = "The `sequence` of the last step that was told; null begins with the latest step.")]
        after: Option<i32>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let id = OrderId::parse(&order_id, "orderId")?;
        if after.is_some_and(|after| after < 0) {
            return Err(Error::bad_input("after", "This must not be negative."));
        }
        let (app, readings, progress) = (ctx.app().clone(), self.readings.clone(), ctx.progress().clone());
        watch::order_steps(app, readings, ctx.viewer().clone(), id, after, progress).boxed().await
    }

    /// Every step of every order of one restaurant, as its kitchen sees it: the latest step of each order under way first; with
    /// `after` (the `cursor` of a step), all since that one. For the restaurant's staff and admins. BAD_USER_INPUT with the reason
    /// CURSOR_EXPIRED, at once or in the middle, where the server's data were restored from a backup or taken over by another database,
    /// and at once where the journal does not have that step any more: then read the list of orders, and begin anew, without `after`.
    async fn restaurant_order_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The restaurant whose orders are followed.")] restaurant_id: ID,
        #[graphql(desc = "The `cursor` of the last step that was told; null begins with the present.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let id = RestaurantId::parse(&restaurant_id, "restaurantId")?;
        let after = cursor(ctx.app(), after)?;
        let (app, readings, progress) = (ctx.app().clone(), self.readings.clone(), ctx.progress().clone());
        watch::restaurant_steps(app, readings, ctx.viewer().clone(), id, after, progress).boxed().await
    }

    /// Every step of every order assigned to the viewing driver, assignment and release included: the latest step of the order
    /// it carries now first; with `after` (the `cursor` of a step), all since that one. FORBIDDEN for anybody who is no driver.
    /// BAD_USER_INPUT with the reason CURSOR_EXPIRED, at once or in the middle, where the server's data were restored from a backup or
    /// taken over by another database, and at once where the journal does not have that step any more: then read the list of orders, and
    /// begin anew, without `after`.
    async fn driver_order_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `cursor` of the last step that was told; null begins with the present.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let after = cursor(ctx.app(), after)?;
        ctx.viewer().signed_in()?;
        let driver = ctx.viewer().driver().ok_or_else(|| Error::forbidden("Only drivers have orders to carry."))?;
        let (app, readings, progress) = (ctx.app().clone(), self.readings.clone(), ctx.progress().clone());
        watch::driver_steps(app, readings, driver, after, progress).boxed().await
    }
}

fn cursor(app: &App, after: Option<String>) -> Result<Option<Cursor>> {
    after.map(|cursor| Cursor::parse(&cursor, "after", app.lives.present())).transpose()
}
