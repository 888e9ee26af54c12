//! The GraphQL types of reviews.

use std::sync::Arc;

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};
use entity::{
    columns::{Columns, Partial},
    customers, reviews,
};
use sea_orm::prelude::DateTimeWithTimeZone;

use crate::{
    domain::{
        error::Result,
        ids::{CustomerId, GlobalId, RestaurantId, ReviewId},
    },
    features::{customer::service::review_name, restaurant::Restaurant},
    graphql::{
        date_time::DateTime,
        limits,
        loaders::Reader,
        plan::{Load, One, existing, object},
        row::{ById, Visible},
    },
    journal::Cursor,
};

#[derive(Clone, Debug)]
pub struct Review(pub Arc<reviews::Model>);

/// What a customer thinks of a restaurant; one each.
#[object(row = reviews::Model)]
impl Review {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        ReviewId(*id).to_global()
    }

    /// 1 to 5.
    fn rating(rating: &i32) -> i32 {
        *rating
    }

    /// Null when there is none.
    #[graphql(complexity = "limits::text(2000)")]
    fn comment(comment: &Option<String>) -> Option<&str> {
        comment.as_deref()
    }

    /// When it was posted.
    fn created_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }

    /// When it was last changed.
    fn updated_at(updated_at: &DateTimeWithTimeZone) -> DateTime {
        (*updated_at).into()
    }

    /// Who wrote it, as far as the public may know.
    fn customer(customer_id: &i32) -> Load<ById<customers::Model>, Result<ReviewAuthor>> {
        let id = CustomerId(*customer_id);
        let author = Load::new(ById(id), move |customer| {
            let customer: Arc<customers::Model> = existing(id, customer)?;
            let name = review_name(customer.review_name.as_deref(), &customer.name, &customer.email);
            Ok(ReviewAuthor { name })
        });
        author.reading(const { Columns::named(customers::Model::NAMES, &["review_name", "name", "email"]) })
    }

    /// What it is about.
    fn restaurant(restaurant_id: &i32) -> One<Restaurant> {
        One(RestaurantId(*restaurant_id))
    }
}

/// Who wrote a review, as far as the public may know.
#[object]
#[derive(Clone)]
pub struct ReviewAuthor {
    /// What the author chose for it (`reviewName` of `updateCustomer`), or else one given name, or else initials: not the whole name.
    pub name: String,
}

#[derive(Clone, Debug)]
pub struct PostedReview {
    /// The id of the event in the journal.
    pub event: i64,
    pub review: ReviewId,
}

/// A review that was posted.
#[object]
impl PostedReview {
    /// Its place in the feed, for `after`. Opaque. Good at every server, for as long as the journal keeps it (30 days, unless the server is
    /// set to others), and until the server's data are restored from a backup or taken over by another database: then it is refused,
    /// with the reason CURSOR_EXPIRED.
    fn cursor(reader: &Reader, event: &i64) -> String {
        Cursor::of(*event).to_text(0, reader.app.lives.present())
    }

    /// The review as it is now; null where it was taken back at this very moment.
    fn review(review: &ReviewId) -> Load<Visible<reviews::Model>, Result<Option<Review>>> {
        Load::new(Visible(*review), |review: Result<Option<Arc<reviews::Model>>>| Ok(review?.map(Review)))
            .reading(Columns::NONE)
    }
}

/// How lists of reviews are sorted; ties by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewOrder {
    NewestFirst,
}

/// What `postReview` is given.
#[derive(Clone, Debug, InputObject)]
pub struct PostReviewInput {
    /// A restaurant that has delivered an order to whoever asks.
    pub restaurant_id: ID,
    /// 1 to 5.
    pub rating: i32,
    /// At most 2000 characters.
    pub comment: Option<String>,
}

/// What `updateReview` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateReviewInput {
    /// A review of one's own; admins name any.
    pub id: ID,
    /// 1 to 5. Required, so null is refused.
    pub rating: MaybeUndefined<i32>,
    /// At most 2000 characters. Null clears it.
    pub comment: MaybeUndefined<String>,
}

/// What `deleteReview` is given.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteReviewInput {
    /// A review of one's own; admins name any.
    pub id: ID,
}

/// What `postReview` gives back.
#[derive(SimpleObject)]
pub struct PostReviewPayload {
    /// As it is now.
    pub review: Review,
    /// The restaurant with its new rating.
    pub restaurant: Restaurant,
}

/// What `updateReview` gives back.
#[derive(SimpleObject)]
pub struct UpdateReviewPayload {
    /// As it is now.
    pub review: Review,
    /// The restaurant with its new rating.
    pub restaurant: Restaurant,
}

/// What `deleteReview` gives back.
#[derive(SimpleObject)]
pub struct DeleteReviewPayload {
    /// The id that the review had: drop it from caches.
    pub deleted_review_id: ID,
    /// The restaurant with its new rating.
    pub restaurant: Restaurant,
}
