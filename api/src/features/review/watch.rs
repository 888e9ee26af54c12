//! The feed of a restaurant's reviews, of the journal.

use chrono::{DateTime, Utc};
use entity::{journal_entries, restaurants, reviews};
use futures_util::{Stream, StreamExt};
use sea_orm::{
    ColumnTrait, DbBackend, DbErr, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement},
};

use super::types::PostedReview;
use crate::{
    domain::{
        error::{Error, Result},
        ids::{RestaurantId, ReviewId},
    },
    events::Topic,
    graphql::{
        live::{Feed, FeedReadings, FeedRequest, WakeUps, follow_feed},
        row::Row,
    },
    journal,
};

/// The reads in flight, shared by all who follow the same restaurant (single-flight). Cheap to clone; all clones are the same.
pub type Readings = FeedReadings<PostedReviews>;

/// Each review of the restaurant that is posted. Without `after`, the newest that the journal has first.
pub async fn posted_reviews(
    request: FeedRequest<PostedReviews>,
    id: RestaurantId,
) -> Result<impl Stream<Item = Result<PostedReview>>> {
    let wake_ups = WakeUps::at(&request.app, &[Topic::Reviews(id)]).await;
    let viewer = request.viewer.clone();
    let visible = restaurants::Model::find_visible(&request.app.db, &viewer, id).await;
    visible.map_err(|error| error.with_field("restaurantId"))?;
    let reviews = follow_feed(request, wake_ups, PostedReviews(id)).await?;
    Ok(reviews.map(move |told| {
        let told = told?;
        // The right is that to the restaurant as of the same read.
        if told.is_public || viewer.manages(id) { Ok(told.review) } else { Err(Error::right_lost()) }
    }))
}

/// The reviews of one restaurant.
pub struct PostedReviews(RestaurantId);

/// A review as it is read, for whoever follows.
#[derive(Clone)]
pub struct Told {
    review: PostedReview,
    at: DateTime<Utc>,
    /// Whether everybody may know of its restaurant.
    is_public: bool,
}

impl Feed for PostedReviews {
    type Event = Told;

    fn topics(&self) -> Vec<Topic> {
        vec![Topic::Reviews(self.0)]
    }

    fn select(&self, entries: &mut SelectStatement) {
        let subject = Expr::col((journal::ENTRY, journal_entries::Column::Subject));
        let restaurant = Expr::col(restaurants::Column::Id.as_column_ref());
        entries
            .expr_as(Expr::col((journal::ENTRY, journal_entries::Column::EventId)), Alias::new(journal::EVENT_ID))
            .columns([reviews::Column::Id.as_column_ref(), reviews::Column::CreatedAt.as_column_ref()])
            .column(restaurants::Column::IsActive.as_column_ref())
            .left_join(reviews::Entity, Expr::col(reviews::Column::Id.as_column_ref()).eq(subject))
            .left_join(restaurants::Entity, restaurant.equals(reviews::Column::RestaurantId.as_column_ref()));
    }

    fn present(&self, _: DbBackend) -> Option<SelectStatement> {
        let mut newest = Query::select();
        newest
            .from_as(journal_entries::Entity, journal::ENTRY)
            .and_where(
                Expr::col((journal::ENTRY, journal_entries::Column::Topic)).eq(Topic::Reviews(self.0).to_string()),
            )
            .order_by((journal::ENTRY, journal_entries::Column::Position), Order::Desc)
            .limit(1);
        self.select(&mut newest);
        Some(newest)
    }

    /// None for a review that was taken back since.
    fn read(row: &QueryResult) -> Result<Option<Told>, DbErr> {
        let Some(review) = row.try_get::<Option<i32>>("", "id")? else { return Ok(None) };
        Ok(Some(Told {
            review: PostedReview { event: row.try_get("", journal::EVENT_ID)?, review: ReviewId(review) },
            at: row.try_get("", "created_at")?,
            is_public: row.try_get("", "is_active")?,
        }))
    }

    fn at(told: &Told) -> DateTime<Utc> {
        told.at
    }
}
