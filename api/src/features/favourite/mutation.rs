use async_graphql::Context;
use declare::mutations;

use super::{
    service,
    types::{AddFavouriteInput, AddFavouritePayload, RemoveFavouriteInput, RemoveFavouritePayload},
};
use crate::{domain::error::Result, features::customer::Customer, graphql::context::OperationContext};

#[derive(Default)]
pub struct FavouriteMutation;

#[mutations]
impl FavouriteMutation {
    /// Keeps a restaurant or a dish among one's favourites; one that is there already stays where it is. NOT_FOUND for what the viewer may
    /// not know of, CONFLICT where there are 1,000 already. Null where it fails. For anybody signed in.
    async fn add_favourite(&self, ctx: &Context<'_>, input: AddFavouriteInput) -> Option<Result<AddFavouritePayload>> {
        let added = service::favourite_add(ctx.app(), ctx.viewer(), input).await;
        Some(added.map(|(favourite, customer)| AddFavouritePayload { favourite, customer: Customer(customer.into()) }))
    }

    /// Takes a restaurant or a dish out of one's favourites; what is not among them is no error. Null where it fails. For anybody signed
    /// in.
    async fn remove_favourite(
        &self,
        ctx: &Context<'_>,
        input: RemoveFavouriteInput,
    ) -> Option<Result<RemoveFavouritePayload>> {
        let removed = service::favourite_remove(ctx.app(), ctx.viewer(), &input).await;
        Some(removed.map(|customer| RemoveFavouritePayload {
            removed_favourite_id: input.id,
            customer: customer.map(|customer| Customer(customer.into())),
        }))
    }
}
