//! The staff of restaurants, whom staff and admins choose.

use entity::{restaurant_members, restaurants, sea_orm_active_enums::UserRole, users};
use migration::email::Email;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict,
};

use super::{
    service::restaurant_managed_in_tx,
    types::{AddRestaurantMemberInput, RemoveRestaurantMemberInput},
};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        clock,
        error::{Error, Result},
        ids::{GlobalId, RestaurantId, UserId},
        viewer::Viewer,
    },
    features::{
        account::service::{rights_change_in_tx, user_invite_in_tx, user_lock_by_email_in_tx},
        audit::service::{Action, Entry, record_in_tx},
    },
    graphql::input,
};

/// Adds the user who has the e-mail address to the staff of a restaurant. Somebody without an account is invited; the answer is the same,
/// so that nobody finds out who has one (no user enumeration). Idempotent.
pub async fn member_add(app: &App, viewer: &Viewer, wanted: AddRestaurantMemberInput) -> Result<restaurants::Model> {
    let id = RestaurantId::parse(&wanted.restaurant_id, "restaurantId")?;
    let transaction = database::begin(&app.db).await?;
    let restaurant = restaurant_managed_in_tx(&transaction, viewer, id, "restaurantId").await?;
    let email = input::email("email", &wanted.email)?;
    app.mail.check()?;
    let user = merchant_in_tx(app, &transaction, &email).await?;
    let member = restaurant_members::ActiveModel {
        restaurant_id: Set(restaurant.id),
        user_id: Set(user.id),
        created_at: Set(clock::now().into()),
    };
    restaurant_members::Entity::insert(member)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(&transaction)
        .await?;
    let user = UserId(user.id);
    record_in_tx(&transaction, Entry::of(viewer, Action::RestaurantMemberAdded).on(id).about(user)).await?;
    rights_change_in_tx(app, &transaction, user).await?;
    transaction.commit().await?;
    Ok(restaurant)
}

/// Removes a user from the staff of a restaurant. Only admins remove the last one: nobody would run the restaurant.
pub async fn member_remove(
    app: &App,
    viewer: &Viewer,
    wanted: RemoveRestaurantMemberInput,
) -> Result<restaurants::Model> {
    let id = RestaurantId::parse(&wanted.restaurant_id, "restaurantId")?;
    let user = UserId::parse(&wanted.user_id, "userId")?;
    let transaction = database::begin(&app.db).await?;
    // This locks the restaurant's row, so that of two who leave at once one stays.
    let restaurant = restaurant_managed_in_tx(&transaction, viewer, id, "restaurantId").await?;
    let members = restaurant_members::Entity::find()
        .filter(restaurant_members::Column::RestaurantId.eq(id.0))
        .all(&transaction)
        .await?;
    if !members.iter().any(|member| member.user_id == user.0) {
        return Err(Error::not_found("member of this restaurant").with_field("userId"));
    }
    if members.len() == 1 && !viewer.is_admin() {
        return Err(Error::conflict("This is the last member of the staff: add another one first."));
    }
    restaurant_members::Entity::delete_by_id((id.0, user.0)).exec(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::RestaurantMemberRemoved).on(id).about(user)).await?;
    rights_change_in_tx(app, &transaction, user).await?;
    transaction.commit().await?;
    Ok(restaurant)
}

/// The user with this e-mail address as somebody who may run restaurants, invited where there is none.
async fn merchant_in_tx(app: &App, transaction: &Transaction, email: &Email) -> Result<users::Model> {
    // Locked, for the user may be losing the role, or the account, at this moment.
    let Some(user) = user_lock_by_email_in_tx(transaction, email).await? else {
        return user_invite_in_tx(app, transaction, email, None, UserRole::Merchant).await;
    };
    match user.role {
        UserRole::Merchant | UserRole::Driver | UserRole::Admin => Ok(user),
        UserRole::Customer => {
            let mut row = user.into_active_model();
            row.role = Set(UserRole::Merchant);
            Ok(row.update(transaction).await?)
        }
    }
}
