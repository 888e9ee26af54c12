use async_graphql::Context;
use declare::mutations;

use super::{
    Driver, location, service,
    types::{
        CreateDriverInput, CreateDriverPayload, SetDriverStatusInput, SetDriverStatusPayload, UpdateDriverInput,
        UpdateDriverLocationInput, UpdateDriverLocationPayload, UpdateDriverLocationsInput,
        UpdateDriverLocationsPayload, UpdateDriverPayload,
    },
};
use crate::{domain::error::Result, graphql::context::OperationContext};

#[derive(Default)]
pub struct DriverMutation;

#[mutations]
impl DriverMutation {
    /// Makes a driver and the user it signs in as. For admins. CONFLICT when the e-mail, phone or license is taken.
    async fn create_driver(&self, ctx: &Context<'_>, input: CreateDriverInput) -> Result<CreateDriverPayload> {
        Ok(CreateDriverPayload { driver: Driver(service::driver_create(ctx.app(), ctx.viewer(), input).await?.into()) })
    }

    /// Changes a driver's profile; what is left out stays as it is. For the driver itself and admins.
    async fn update_driver(&self, ctx: &Context<'_>, input: UpdateDriverInput) -> Result<UpdateDriverPayload> {
        Ok(UpdateDriverPayload { driver: Driver(service::driver_update(ctx.app(), ctx.viewer(), input).await?.into()) })
    }

    /// Starts or ends a driver's work. For the driver itself and admins. CONFLICT while it carries an order, and for a work that is begun
    /// by nobody: the account is not active, or its role is not DRIVER any more.
    async fn set_driver_status(
        &self,
        ctx: &Context<'_>,
        input: SetDriverStatusInput,
    ) -> Result<SetDriverStatusPayload> {
        Ok(SetDriverStatusPayload {
            driver: Driver(service::driver_set_status(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }

    /// Tells where the viewing driver is: at once to those who follow it. FORBIDDEN for anybody who is no driver, or
    /// not any more.
    async fn update_driver_location(
        &self,
        ctx: &Context<'_>,
        input: UpdateDriverLocationInput,
    ) -> Result<UpdateDriverLocationPayload> {
        Ok(UpdateDriverLocationPayload { location: location::driver_move(ctx.app(), ctx.viewer(), input).await? })
    }

    /// Tells where the viewing driver was while it could not tell: all of it is recorded, or nothing, and only the newest place is
    /// told to those who follow it. FORBIDDEN for anybody who is no driver; BAD_USER_INPUT with the place to blame in
    /// `extensions.field`.
    async fn update_driver_locations(
        &self,
        ctx: &Context<'_>,
        input: UpdateDriverLocationsInput,
    ) -> Result<UpdateDriverLocationsPayload> {
        Ok(UpdateDriverLocationsPayload { location: location::driver_move_many(ctx.app(), ctx.viewer(), input).await? })
    }
}
