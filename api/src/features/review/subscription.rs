use async_graphql::{Context, ID, Subscription};
use futures_util::{FutureExt, Stream};

use super::{
    types::PostedReview,
    watch::{self, Readings},
};
use crate::{
    domain::{
        error::Result,
        ids::{GlobalId, RestaurantId},
    },
    graphql::live::FeedRequest,
};

#[derive(Default)]
pub struct ReviewSubscription {
    readings: Readings,
}

#[Subscription]
impl ReviewSubscription {
    /// Each review of a restaurant as it is posted: the newest first, if the journal still has it; with `after` (the `cursor` of one), all
    /// since that one. A review that was taken back meanwhile is left out; changes of reviews are not told. For everybody who may know of
    /// the restaurant, NOT_FOUND for anybody else; it ends when the restaurant is hidden from the viewer. BAD_USER_INPUT with the reason
    /// CURSOR_EXPIRED, at once or in the middle, where the server's data were restored from a backup or taken over by another database,
    /// and at once where the journal does not have that review any more: then read the list of reviews, and begin anew, without `after`.
    async fn review_posted(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The restaurant whose reviews are followed.")] restaurant_id: ID,
        #[graphql(desc = "The `cursor` of the last review that was told; null begins with the newest.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<PostedReview>> + use<>> {
        let id = RestaurantId::parse(&restaurant_id, "restaurantId")?;
        let request = FeedRequest::new(ctx, &self.readings, after.as_deref())?;
        // Boxed: the set-up needs memory that the subscription does not need afterwards.
        watch::posted_reviews(request, id).boxed().await
    }
}
