use async_graphql::Context;
use declare::mutations;

use super::{
    Dish, service,
    types::{
        CreateDishInput, CreateDishPayload, DeleteDishInput, DeleteDishPayload, UpdateDishInput, UpdateDishPayload,
    },
};
use crate::{domain::error::Result, features::menu::Menu, graphql::context::OperationContext};

#[derive(Default)]
pub struct DishMutation;

#[mutations]
impl DishMutation {
    /// Puts a dish on a menu. For the restaurant's staff and admins.
    async fn create_dish(&self, ctx: &Context<'_>, input: CreateDishInput) -> Result<CreateDishPayload> {
        Ok(CreateDishPayload { dish: Dish(service::dish_create(ctx.app(), ctx.viewer(), input).await?.into()) })
    }

    /// Changes a dish; what is left out stays as it is. Orders that were already placed keep its name and price. For the
    /// restaurant's staff and admins.
    async fn update_dish(&self, ctx: &Context<'_>, input: UpdateDishInput) -> Result<UpdateDishPayload> {
        Ok(UpdateDishPayload { dish: Dish(service::dish_update(ctx.app(), ctx.viewer(), input).await?.into()) })
    }

    /// Removes a dish that was never ordered. CONFLICT once it has been: make it unavailable instead, so that past orders keep
    /// it. For the restaurant's staff and admins.
    async fn delete_dish(&self, ctx: &Context<'_>, input: DeleteDishInput) -> Result<DeleteDishPayload> {
        let menu = service::dish_delete(ctx.app(), ctx.viewer(), &input).await?;
        Ok(DeleteDishPayload { deleted_dish_id: input.id, menu: Menu(menu.into()) })
    }
}
