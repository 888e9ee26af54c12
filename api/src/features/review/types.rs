//! What clients see of reviews.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{customers, restaurants, reviews};

use crate::{
    features::restaurant::Restaurant,
    graphql::{
        context::OperationContext,
        date_time::DateTime,
        error::Result,
        ids::{CustomerId, GlobalId, RestaurantId},
        limits,
        row::{ById, Row},
    },
};

#[derive(Clone, Debug)]
pub struct Review(pub Arc<reviews::Model>);

/// What a customer thinks of a restaurant; one each.
#[Object]
impl Review {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    /// 1 to 5.
    async fn rating(&self) -> i32 {
        self.0.rating
    }

    /// Null when there is none.
    #[graphql(complexity = "limits::text(2000)")]
    async fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// Who wrote it, as far as the public may know.
    async fn customer(&self, ctx: &Context<'_>) -> Result<ReviewAuthor> {
        let customer = ctx.loaders().load_existing(ById::<customers::Model>(CustomerId(self.0.customer_id))).await?;
        Ok(ReviewAuthor { name: customer.name.split_whitespace().next().unwrap_or_default().to_owned() })
    }

    async fn restaurant(&self, ctx: &Context<'_>) -> Result<Restaurant> {
        ctx.loaders()
            .load_existing(ById::<restaurants::Model>(RestaurantId(self.0.restaurant_id)))
            .await
            .map(Restaurant)
    }
}

/// Who wrote a review, as far as the public may know.
#[derive(SimpleObject)]
pub struct ReviewAuthor {
    /// The first name.
    pub name: String,
}

/// How lists of reviews are sorted; ties by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewOrder {
    NewestFirst,
}

#[derive(Clone, Debug, InputObject)]
pub struct PostReviewInput {
    pub restaurant_id: ID,
    /// 1 to 5.
    pub rating: i32,
    /// At most 2000 characters.
    pub comment: Option<String>,
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateReviewInput {
    pub id: ID,
    /// 1 to 5. Required, so null is refused.
    pub rating: MaybeUndefined<i32>,
    /// At most 2000 characters. Null clears it.
    pub comment: MaybeUndefined<String>,
}

#[derive(Clone, Debug, InputObject)]
pub struct DeleteReviewInput {
    pub id: ID,
}

#[derive(SimpleObject)]
pub struct PostReviewPayload {
    pub review: Review,
    /// The restaurant with its new rating.
    pub restaurant: Restaurant,
}

#[derive(SimpleObject)]
pub struct UpdateReviewPayload {
    pub review: Review,
    /// The restaurant with its new rating.
    pub restaurant: Restaurant,
}

#[derive(SimpleObject)]
pub struct DeleteReviewPayload {
    pub deleted_review_id: ID,
    /// The restaurant with its new rating.
    pub restaurant: Restaurant,
}
