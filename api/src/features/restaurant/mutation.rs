use async_graphql::Context;
use declare::mutations;

use super::{
    Restaurant, members, service,
    types::{
        AddRestaurantMemberInput, AddRestaurantMemberPayload, CreateRestaurantInput, CreateRestaurantPayload,
        DeactivateRestaurantInput, DeactivateRestaurantPayload, RemoveRestaurantMemberInput,
        RemoveRestaurantMemberPayload, UpdateRestaurantInput, UpdateRestaurantPayload,
    },
};
use crate::{
    domain::{
        error::Result,
        ids::{GlobalId, RestaurantId},
    },
    graphql::context::OperationContext,
};

#[derive(Default)]
pub struct RestaurantMutation;

#[mutations]
impl RestaurantMutation {
    /// Opens a restaurant with an empty menu. For admins, and for merchants, who become its first staff member.
    async fn create_restaurant(
        &self,
        ctx: &Context<'_>,
        input: CreateRestaurantInput,
    ) -> Result<CreateRestaurantPayload> {
        let restaurant = service::restaurant_create(ctx.app(), ctx.viewer(), input).await?;
        Ok(CreateRestaurantPayload { restaurant: Restaurant(restaurant.into()) })
    }

    /// Changes a restaurant; what is left out stays as it is. For its staff and admins. Orders that were already placed keep
    /// the fee and tax they were placed with.
    async fn update_restaurant(
        &self,
        ctx: &Context<'_>,
        input: UpdateRestaurantInput,
    ) -> Result<UpdateRestaurantPayload> {
        let restaurant = service::restaurant_update(ctx.app(), ctx.viewer(), input).await?;
        Ok(UpdateRestaurantPayload { restaurant: Restaurant(restaurant.into()) })
    }

    /// Takes a restaurant off sale; its orders and reviews stay. For its staff and admins. `updateRestaurant` with
    /// `isActive: true` brings it back.
    async fn deactivate_restaurant(
        &self,
        ctx: &Context<'_>,
        input: DeactivateRestaurantInput,
    ) -> Result<DeactivateRestaurantPayload> {
        let id = RestaurantId::parse(&input.id, "id")?;
        let restaurant = service::restaurant_deactivate(ctx.app(), ctx.viewer(), id).await?;
        Ok(DeactivateRestaurantPayload { restaurant: Restaurant(restaurant.into()) })
    }

    /// Puts whoever has the e-mail address on the staff of a restaurant, and makes a customer a merchant; somebody without an account
    /// is sent an invitation. For its staff and admins.
    async fn add_restaurant_member(
        &self,
        ctx: &Context<'_>,
        input: AddRestaurantMemberInput,
    ) -> Result<AddRestaurantMemberPayload> {
        let restaurant = members::member_add(ctx.app(), ctx.viewer(), input).await?;
        Ok(AddRestaurantMemberPayload { restaurant: Restaurant(restaurant.into()) })
    }

    /// Takes somebody off the staff of a restaurant, at once, also from what they watch. For its staff and admins. NOT_FOUND for
    /// somebody who is not on it; CONFLICT for the last one, unless an admin does it.
    async fn remove_restaurant_member(
        &self,
        ctx: &Context<'_>,
        input: RemoveRestaurantMemberInput,
    ) -> Result<RemoveRestaurantMemberPayload> {
        let restaurant = members::member_remove(ctx.app(), ctx.viewer(), input).await?;
        Ok(RemoveRestaurantMemberPayload { restaurant: Restaurant(restaurant.into()) })
    }
}
