use async_graphql::Context;
use declare::mutations;

use super::{
    Review, service,
    types::{
        DeleteReviewInput, DeleteReviewPayload, PostReviewInput, PostReviewPayload, UpdateReviewInput,
        UpdateReviewPayload,
    },
};
use crate::{domain::error::Result, features::restaurant::Restaurant, graphql::context::OperationContext};

#[derive(Default)]
pub struct ReviewMutation;

#[mutations]
impl ReviewMutation {
    /// Reviews a restaurant. For customers who had an order DELIVERED from there; one each, so posting again is CONFLICT.
    async fn post_review(&self, ctx: &Context<'_>, input: PostReviewInput) -> Result<PostReviewPayload> {
        let (review, restaurant) = service::review_post(ctx.app(), ctx.viewer(), input).await?;
        Ok(PostReviewPayload { review: Review(review.into()), restaurant: Restaurant(restaurant.into()) })
    }

    /// Changes a review; what is left out stays as it is. For its author and admins.
    async fn update_review(&self, ctx: &Context<'_>, input: UpdateReviewInput) -> Result<UpdateReviewPayload> {
        let (review, restaurant) = service::review_update(ctx.app(), ctx.viewer(), input).await?;
        Ok(UpdateReviewPayload { review: Review(review.into()), restaurant: Restaurant(restaurant.into()) })
    }

    /// Takes a review back. For its author and admins.
    async fn delete_review(&self, ctx: &Context<'_>, input: DeleteReviewInput) -> Result<DeleteReviewPayload> {
        let restaurant = service::review_delete(ctx.app(), ctx.viewer(), &input).await?;
        Ok(DeleteReviewPayload { deleted_review_id: input.id, restaurant: Restaurant(restaurant.into()) })
    }
}
