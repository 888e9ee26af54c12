//! The business rules of reviews. A restaurant's rating and count are updated in the same transaction as the review.

use entity::{orders, restaurants, reviews, sea_orm_active_enums::OrderStatus};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{Asterisk, Expr, Func, LockType},
};

use super::types::{DeleteReviewInput, PostReviewInput, UpdateReviewInput};
use crate::{
    app::App,
    database::{self, Transaction, literal},
    domain::{
        clock,
        error::{Error, Result},
        ids::{CustomerId, GlobalId, RestaurantId, ReviewId},
        money,
        viewer::Viewer,
    },
    events::Topic,
    features::{
        account::service::user_hold_in_tx,
        audit::service::{Action, Entry, record_in_tx},
    },
    graphql::{input, row::Row},
    journal::EventKind,
};

/// Writes the viewer's review of a restaurant that delivered to it.
pub async fn review_post(
    app: &App,
    viewer: &Viewer,
    wanted: PostReviewInput,
) -> Result<(reviews::Model, restaurants::Model)> {
    let user = viewer.signed_in()?.id;
    let restaurant = RestaurantId::parse(&wanted.restaurant_id, "restaurantId")?;
    let rating = input::whole_number("rating", wanted.rating, 1, 5)?;
    let comment = comment(wanted.comment.as_deref())?;

    let transaction = database::begin(&app.db).await?;
    user_hold_in_tx(&transaction, user).await?;
    let customer = customer_served_in_tx(&transaction, viewer, restaurant).await?;
    let now = clock::now();
    let row = reviews::ActiveModel {
        customer_id: Set(customer.0),
        restaurant_id: Set(restaurant.0),
        rating: Set(rating),
        comment: Set(comment),
        created_at: Set(now.into()),
        updated_at: Set(now.into()),
        ..Default::default()
    };
    let review = row.insert(&transaction).await.map_err(|failure| {
        Error::or_taken(
            failure,
            &[(
                "customer_id",
                "restaurantId",
                "You have reviewed this restaurant already: change your review instead.",
            )],
        )
    })?;
    let topic = Topic::Reviews(restaurant);
    let restaurant = restaurant_rate_in_tx(&transaction, restaurant).await?;
    // Under the lock of the restaurant, so that its reviews are told in the order in which they count.
    app.journal.append_in_tx(&transaction, EventKind::ReviewPosted, review.id, &[topic]).await?;
    transaction.commit().await?;
    Ok((review, restaurant))
}

/// Changes the fields of a review that the input names.
pub async fn review_update(
    app: &App,
    viewer: &Viewer,
    wanted: UpdateReviewInput,
) -> Result<(reviews::Model, restaurants::Model)> {
    let id = ReviewId::parse(&wanted.id, "id")?;
    let user = viewer.signed_in()?.id;
    let transaction = database::begin(&app.db).await?;
    user_hold_in_tx(&transaction, user).await?;
    let mut row = review_own_in_tx(&transaction, viewer, id).await?.into_active_model();
    if let Some(rating) = input::required("rating", wanted.rating)? {
        row.rating = Set(input::whole_number("rating", rating, 1, 5)?);
    }
    if let Some(text) = input::clearable(wanted.comment) {
        row.comment = Set(comment(text.as_deref())?);
    }
    row.updated_at = Set(clock::now().into());
    let review = row.update(&transaction).await?;
    moderation_record_in_tx(&transaction, viewer, &review, Action::ReviewUpdated).await?;
    let restaurant = restaurant_rate_in_tx(&transaction, RestaurantId(review.restaurant_id)).await?;
    transaction.commit().await?;
    Ok((review, restaurant))
}

/// Takes a review back.
pub async fn review_delete(app: &App, viewer: &Viewer, wanted: &DeleteReviewInput) -> Result<restaurants::Model> {
    let id = ReviewId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let review = review_own_in_tx(&transaction, viewer, id).await?;
    let restaurant = RestaurantId(review.restaurant_id);
    moderation_record_in_tx(&transaction, viewer, &review, Action::ReviewDeleted).await?;
    review.delete(&transaction).await?;
    let restaurant = restaurant_rate_in_tx(&transaction, restaurant).await?;
    transaction.commit().await?;
    Ok(restaurant)
}

/// The viewer's customer record, of a customer to whom the restaurant has delivered. NOT_FOUND where the restaurant is hidden, FORBIDDEN
/// where nothing was delivered.
async fn customer_served_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    restaurant: RestaurantId,
) -> Result<CustomerId> {
    if let Some(customer) = viewer.customer() {
        let delivered = orders::Entity::find()
            .filter(orders::Column::CustomerId.eq(customer.0))
            .filter(orders::Column::RestaurantId.eq(restaurant.0))
            .filter(literal::eq(orders::Column::Status, OrderStatus::Delivered))
            .count(transaction)
            .await?;
        if delivered > 0 {
            return Ok(customer);
        }
    }
    restaurants::Model::find_visible(transaction, viewer, restaurant)
        .await
        .map_err(|error| error.with_field("restaurantId"))?;
    Err(Error::forbidden("Only customers whom the restaurant has delivered an order to review it."))
}

async fn review_own_in_tx(transaction: &Transaction, viewer: &Viewer, id: ReviewId) -> Result<reviews::Model> {
    viewer.signed_in()?;
    let review = reviews::Model::find_visible_for_update(transaction, viewer, id)
        .await
        .map_err(|error| error.with_field("id"))?;
    if !viewer.is_admin() && !viewer.is_customer(CustomerId(review.customer_id)) {
        return Err(Error::forbidden("Only its author and admins may do this."));
    }
    Ok(review)
}

/// Writes what an admin does with another user's review into the audit record.
async fn moderation_record_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    review: &reviews::Model,
    action: Action,
) -> Result<()> {
    if viewer.is_customer(CustomerId(review.customer_id)) {
        return Ok(());
    }
    record_in_tx(transaction, Entry::of(viewer, action).on(review.id())).await
}

/// Recomputes the restaurant's rating and count from its reviews. It locks the restaurant before it counts, so that concurrent reviews are
/// counted one after the other. The lock is `for no key update`: `for update` would wait for the key-share locks that the foreign keys of
/// other new reviews hold, and two of them would deadlock.
async fn restaurant_rate_in_tx(transaction: &Transaction, id: RestaurantId) -> Result<restaurants::Model> {
    let restaurant = restaurants::Entity::find_by_id(id.0).lock(LockType::NoKeyUpdate).one(transaction).await?;
    let restaurant = restaurant.ok_or_else(|| Error::not_found("restaurant"))?;
    let (count, sum): (i64, i64) = reviews::Entity::find()
        .select_only()
        .expr(Func::count(Expr::col(Asterisk)))
        .expr(Func::coalesce([Func::sum(Expr::col(reviews::Column::Rating)).into(), Expr::val(0_i64)]))
        .filter(reviews::Column::RestaurantId.eq(id.0))
        .into_tuple()
        .one(transaction)
        .await?
        .unwrap_or_default();
    let mut row = restaurant.into_active_model();
    row.review_count = Set(i32::try_from(count).unwrap_or(i32::MAX));
    row.avg_rating = Set(match count {
        0 => Decimal::new(0, 1),
        _ => money::rounded(Decimal::from(sum) / Decimal::from(count), 1),
    });
    Ok(row.update(transaction).await?)
}

fn comment(comment: Option<&str>) -> Result<Option<String>> {
    input::optional_text("comment", comment, 2000)
}

/// Erases what a customer wrote; the ratings stay, for the restaurants' averages are made of them.
pub async fn comments_forget_in_tx(transaction: &Transaction, customer: CustomerId) -> Result<()> {
    reviews::Entity::update_many()
        .col_expr(reviews::Column::Comment, Expr::val(None::<String>))
        .filter(reviews::Column::CustomerId.eq(customer.0))
        .exec(transaction)
        .await?;
    Ok(())
}
