//! Builds reviews, counted in their restaurant.

use entity::{restaurants, reviews};
use rust_decimal::Decimal;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{Restaurant, now};
use crate::{City, Person, global_id, journal::append_review};

/// A review as it was written.
#[derive(Clone, Debug)]
pub struct Review {
    pub row: reviews::Model,
}

impl Review {
    /// `Review:…`
    pub fn id(&self) -> String {
        global_id("Review", self.row.id)
    }
}

impl City {
    /// Five stars without a word, unless it is described further. No order is made for it.
    pub fn review(&self, customer: &Person, restaurant: &Restaurant) -> ReviewBuilder<'_> {
        let row = reviews::ActiveModel {
            customer_id: Set(customer.customer().id),
            restaurant_id: Set(restaurant.row.id),
            rating: Set(5),
            created_at: Set(now()),
            updated_at: Set(now()),
            ..Default::default()
        };
        ReviewBuilder { city: self, row }
    }
}

/// A review on the way into the database.
pub struct ReviewBuilder<'a> {
    city: &'a City,
    row: reviews::ActiveModel,
}

impl ReviewBuilder<'_> {
    pub fn rating(mut self, rating: i32) -> Self {
        self.row.rating = Set(rating);
        self
    }

    pub fn comment(mut self, comment: &str) -> Self {
        self.row.comment = Set(Some(comment.to_owned()));
        self
    }

    /// Changes the row itself, for what has no method here.
    pub fn with(mut self, change: impl FnOnce(&mut reviews::ActiveModel)) -> Self {
        change(&mut self.row);
        self
    }

    /// In the journal as well.
    pub async fn create(self) -> Review {
        let db = self.city.db();
        let row = self.row.insert(db).await.expect("a review can be written");
        let all = reviews::Entity::find().filter(reviews::Column::RestaurantId.eq(row.restaurant_id)).all(db).await;
        let ratings: Vec<_> = all.expect("reviews can be read").iter().map(|review| review.rating).collect();
        let average = Decimal::from(ratings.iter().sum::<i32>()) / Decimal::from(ratings.len());
        let half_up = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
        let restaurant = restaurants::ActiveModel {
            id: Set(row.restaurant_id),
            avg_rating: Set(average.round_dp_with_strategy(1, half_up)),
            review_count: Set(i32::try_from(ratings.len()).expect("a test has few reviews")),
            ..Default::default()
        };
        restaurant.update(db).await.expect("a restaurant can be updated");
        append_review(db, &row).await;
        Review { row }
    }
}
