use async_graphql::{Context, ID, Subscription};
use futures_util::{FutureExt, Stream};

use super::{
    types::{ClaimableOrderChange, OrderEvent, OrdersChangedFilter},
    watch::{self, Readings},
};
use crate::{
    domain::{
        error::{Error, Result},
        ids::{GlobalId, OrderId, RestaurantId},
    },
    graphql::{context::OperationContext, live::FeedRequest},
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
        let request = FeedRequest::new(ctx, &self.readings.of_feeds, after.as_deref())?;
        watch::restaurant_steps(request, id).boxed().await
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
        let request = FeedRequest::new(ctx, &self.readings.of_feeds, after.as_deref())?;
        ctx.viewer().signed_in()?;
        let driver = ctx.viewer().driver().ok_or_else(|| Error::forbidden("Only drivers have orders to carry."))?;
        watch::driver_steps(request, driver).boxed().await
    }

    /// Every step of every order of the viewing customer: the latest step of each order under way first; with `after` (the `cursor` of
    /// a step), all since that one. Whoever has not ordered yet is told nothing until the first order. UNAUTHENTICATED for the
    /// anonymous. BAD_USER_INPUT with the reason CURSOR_EXPIRED, at once or in the middle, where the server's data were restored from a
    /// backup or taken over by another database, and at once where the journal does not have that step any more: then read the list of
    /// orders, and begin anew, without `after`.
    async fn my_orders_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `cursor` of the last step that was told; null begins with the present.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let request = FeedRequest::new(ctx, &self.readings.of_feeds, after.as_deref())?;
        watch::customer_steps(request).boxed().await
    }

    /// Every step of every order of several restaurants at once, or of all there are: the latest step of each order under way first;
    /// with `after` (the `cursor` of a step), all since that one. The steps of all restaurants come in one order, in which a cursor has
    /// its place whatever the filter is: it stays good where restaurants are added or left out. For the staff of every restaurant that
    /// the filter names, and for admins. NOT_FOUND where the viewer may not know of one of them; FORBIDDEN where one is not the
    /// viewer's, and, but for admins, where none is named. BAD_USER_INPUT with the reason CURSOR_EXPIRED, at once or in the middle, where
    /// the server's data were restored from a backup or taken over by another database, and at once where the journal does not have that
    /// step any more: then read the list of orders, and begin anew, without `after`.
    async fn orders_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which steps are told; null is all, for admins.")] filter: Option<OrdersChangedFilter>,
        #[graphql(
            desc = "The `cursor` of the last step that was told, of whichever restaurant; null begins with the \
                          present."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<OrderEvent>> + use<>> {
        let followed = filter.unwrap_or_default().decode()?;
        let request = FeedRequest::new(ctx, &self.readings.of_feeds, after.as_deref())?;
        watch::orders_steps(request, followed).boxed().await
    }

    /// Which orders drivers can claim, as it changes: first each that can be claimed now, as ADDED; then each that comes to be, and as
    /// REMOVED each that cannot be claimed any more. With `after` (the `cursor` of a change), all changes since that one. For drivers and
    /// admins; FORBIDDEN for anybody else. BAD_USER_INPUT with the reason CURSOR_EXPIRED, at once or in the middle, where the server's data
    /// were restored from a backup or taken over by another database, and at once where the journal does not have that change any more:
    /// then forget what is shown, and begin anew, without `after`.
    async fn claimable_orders_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `cursor` of the last change that was told; null begins with the present.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<ClaimableOrderChange>> + use<>> {
        let request = FeedRequest::new(ctx, &self.readings.of_feeds, after.as_deref())?;
        watch::claimable_changes(request).boxed().await
    }
}
