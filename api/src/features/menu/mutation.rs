use async_graphql::Context;
use declare::mutations;

use super::{
    Menu, service,
    types::{UpdateMenuInput, UpdateMenuPayload},
};
use crate::{domain::error::Result, graphql::context::OperationContext};

#[derive(Default)]
pub struct MenuMutation;

#[mutations]
impl MenuMutation {
    /// Changes a menu's name or description; what is left out stays as it is. For the restaurant's staff and admins.
    async fn update_menu(&self, ctx: &Context<'_>, input: UpdateMenuInput) -> Result<UpdateMenuPayload> {
        Ok(UpdateMenuPayload { menu: Menu(service::menu_update(ctx.app(), ctx.viewer(), input).await?.into()) })
    }
}
