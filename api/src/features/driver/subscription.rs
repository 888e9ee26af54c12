use std::sync::Arc;

use async_graphql::{Context, ID, Subscription};
use async_stream::try_stream;
use entity::orders;
use futures_util::{FutureExt, Stream};
use sea_orm::EntityTrait;

use super::{location, types::DriverLocation};
use crate::{
    app::App,
    domain::{
        error::{Error, Result},
        ids::{DriverId, GlobalId, OrderId},
        viewer::Viewer,
    },
    events::{Topic, Whereabouts},
    features::order::service,
    graphql::{
        context::OperationContext,
        live::{Progress, StreamPosition},
        row::Row,
    },
};

#[derive(Default)]
pub struct DriverSubscription;

#[Subscription]
impl DriverSubscription {
    /// Where the order's driver is: silent until there is one; the last known place at once, then each new one (a slow client
    /// skips places); completes when the order is final. For the order's customer, its restaurant's staff, its driver and
    /// admins; NOT_FOUND where the viewer may not know of the order.
    async fn driver_location_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order whose driver is followed.")] order_id: ID,
    ) -> Result<impl Stream<Item = Result<DriverLocation>> + use<>> {
        let id = OrderId::parse(&order_id, "orderId")?;
        // Boxed: the set-up needs memory that the subscription does not need afterwards.
        order_driver_locations(ctx.app().clone(), ctx.viewer().clone(), id, ctx.progress().clone()).boxed().await
    }
}

/// Whose order it is, and whether it is still under way, is read from the database; where the driver is comes with the signal.
async fn order_driver_locations(
    app: Arc<App>,
    viewer: Viewer,
    id: OrderId,
    progress: Progress,
) -> Result<impl Stream<Item = Result<DriverLocation>> + use<>> {
    // Subscribe before reading: then no step falls between the read and the first signal.
    let mut steps = app.events.subscribe(Topic::Order(id)).await;
    let order = orders::Model::find_visible(&app.db, &viewer, id).await.map_err(|error| error.with_field("orderId"))?;
    if !service::is_concerned(&viewer, &order) {
        return Err(Error::forbidden("Only those concerned by the order see where its driver is."));
    }
    Ok(try_stream! {
        let mut followed: Option<Whereabouts> = None;
        let mut told = progress.place();
        loop {
            let order = orders::Entity::find_by_id(id.0).one(&app.db).boxed().await.map_err(Error::from)?;
            let Some(order) = order.filter(|order| !service::is_final(order.status)) else { break };
            if !service::is_concerned(&viewer, &order) {
                Err(Error::right_lost())?;
            }
            let Some(driver) = order.driver_id.map(DriverId) else {
                (followed, told) = (None, None);
                if progress.waiting(steps.changed()).await.is_none() {
                    return;
                }
                continue;
            };
            let Some(whereabouts) = followed.as_mut().filter(|whereabouts| whereabouts.driver() == driver) else {
                // The order may have taken a step meanwhile: it is read again before anything is sent.
                followed = Some(location::driver_follow(&app, driver).boxed().await?);
                continue;
            };
            // Sends places until the driver's order takes a step, which may have released the driver or ended the order.
            loop {
                let newest = whereabouts.newest();
                // A place that came after a step waits until the order was read.
                if whereabouts.is_to_look() {
                    break;
                }
                let place = newest.map(|position| {
                    StreamPosition(i64::from(driver.0), position.recorded_at.timestamp_micros())
                });
                if let Some((position, place)) = newest.zip(place.filter(|_| place != told)) {
                    told = Some(place);
                    progress.reach(place);
                    yield DriverLocation { driver, position };
                }
                if !progress.waiting(whereabouts.changed()).await {
                    return;
                }
            }
        }
    })
}
