use std::sync::Arc;

use async_graphql::{Context, ID, Subscription};
use async_stream::try_stream;
use entity::{drivers, orders};
use futures_util::Stream;
use sea_orm::EntityTrait;

use super::types::DriverLocation;
use crate::{
    app::App,
    events::{Signal, Topic},
    features::order::service,
    graphql::{
        context::OperationContext,
        error::{Error, Result},
        ids::{DriverId, GlobalId, OrderId},
        row::Row,
    },
    viewer::Viewer,
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
        order_id: ID,
    ) -> Result<impl Stream<Item = Result<DriverLocation>> + use<>> {
        let id = OrderId::parse(&order_id, "orderId")?;
        order_driver_locations(ctx.app().clone(), ctx.viewer().clone(), id).await
    }
}

async fn order_driver_locations(
    app: Arc<App>,
    viewer: Viewer,
    id: OrderId,
) -> Result<impl Stream<Item = Result<DriverLocation>> + use<>> {
    // The receiver comes first, so that nothing falls between reading the present and following it.
    let mut steps = app.events.subscribe(Topic::Order(id));
    let order = orders::Model::find_visible(&app.db, &viewer, id).await.map_err(|error| error.with_field("orderId"))?;
    if !service::is_concerned(&viewer, &order) {
        return Err(Error::forbidden("Only those concerned by the order see where its driver is."));
    }
    Ok(try_stream! {
        let mut followed: Option<(DriverId, Signal)> = None;
        let mut told = None;
        loop {
            let order = orders::Entity::find_by_id(id.0).one(&app.db).await.map_err(Error::from)?;
            let Some(order) = order.filter(|order| !service::is_final(order.status) && service::is_concerned(&viewer, order)) else { break };
            match order.driver_id.map(DriverId) {
                None => followed = None,
                Some(driver) if followed.as_ref().is_some_and(|(present, _)| *present == driver) => {}
                Some(driver) => {
                    followed = Some((driver, app.events.subscribe(Topic::DriverLocation(driver))));
                    if let Some(location) = last_known(&app, driver).await? {
                        told = Some(location.position);
                        yield location;
                    }
                }
            }
            // Places are told until the order takes a step, which may have changed its driver or ended it.
            while let Some((driver, signal)) = &mut followed {
                tokio::select! {
                    biased;
                    open = steps.changed() => if open { break } else { return },
                    open = signal.changed() => if !open { return },
                }
                // A signal may come twice, and for a place that another one has told already.
                if let Some(location) = last_known(&app, *driver).await?.filter(|location| told != Some(location.position)) {
                    told = Some(location.position);
                    yield location;
                }
            }
            if followed.is_none() && !steps.changed().await {
                break;
            }
        }
    })
}

async fn last_known(app: &App, driver: DriverId) -> Result<Option<DriverLocation>> {
    let row = drivers::Entity::find_by_id(driver.0).one(&app.db).await?;
    Ok(row.and_then(DriverLocation::last_known))
}
