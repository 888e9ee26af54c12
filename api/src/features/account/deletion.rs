//! Deletion of an account: personal data are erased, and what the books need stays.

use entity::{account_tokens, identities, restaurant_members, sessions, users};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::{
    administration::{admin_remains, admins_lock_in_tx},
    service::deleted_address,
    session::rights_change_in_tx,
    sign_in::password_confirm,
    types::DeleteAccountInput,
};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        error::{Error, Result},
        ids::UserId,
        viewer::Viewer,
    },
    features::{
        audit::service::{Action, Entry, origins_forget_in_tx, record_in_tx},
        customer::service::customer_forget_in_tx,
        driver::service::driver_forget_in_tx,
        order::service::{Dismissal, driver_dismiss_in_tx},
    },
    jobs,
};

/// Erases the personal data of the viewer's account, for good: nobody can sign in to it again. Its orders and ratings stay, anonymous.
/// CONFLICT while an order is under way that the user has placed, or picked up as a driver.
pub async fn account_delete(app: &App, viewer: &Viewer, wanted: DeleteAccountInput) -> Result<UserId> {
    let asking = viewer.signed_in()?;
    let id = asking.id;
    let user = users::Entity::find_by_id(id.0).one(&app.db).await?.ok_or_else(Error::unauthenticated)?;
    if user.password_hash.is_some() {
        password_confirm(app, asking, &user, "password", wanted.password.unwrap_or_default()).await?;
    }
    let transaction = database::begin(&app.db).await?;
    let admins = admins_lock_in_tx(&transaction).await?;
    // Lock order: the user's row before the rows that refer to it. Whoever copies personal data of the account holds this row too, so the
    // copy is made before the deletion, or not at all.
    let user = user_lock_for_deletion_in_tx(&transaction, id).await?;
    admin_remains(&admins, &user)?;
    if driver_dismiss_in_tx(&transaction, viewer, id).await? == Dismissal::OnTheWay {
        return Err(Error::conflict("You are on the way with an order: deliver it first."));
    }
    let email = deleted_address(id);
    customer_forget_in_tx(&transaction, id, &email).await?;
    let driver = driver_forget_in_tx(&transaction, id).await?;
    user_forget_in_tx(&transaction, id, &email).await?;
    let entry = Entry { origin: None, ..Entry::of(viewer, Action::AccountDeleted).on(id) };
    record_in_tx(&transaction, entry).await?;
    rights_change_in_tx(app, &transaction, id).await?;
    transaction.commit().await?;
    if let Some(driver) = driver {
        app.events.forget_position(driver).await;
    }
    Ok(id)
}

/// The user, if active, locked so strongly (`for update`) that no new row can refer to it: what is being recorded of the user is finished
/// first.
async fn user_lock_for_deletion_in_tx(transaction: &Transaction, id: UserId) -> Result<users::Model> {
    let user = users::Entity::find_by_id(id.0).filter(users::Column::IsActive.eq(true)).lock_exclusive();
    user.one(transaction).await?.ok_or_else(Error::unauthenticated)
}

async fn user_forget_in_tx(transaction: &Transaction, id: UserId, email: &str) -> Result<()> {
    restaurant_members::Entity::delete_many()
        .filter(restaurant_members::Column::UserId.eq(id.0))
        .exec(transaction)
        .await?;
    account_tokens::Entity::delete_many().filter(account_tokens::Column::UserId.eq(id.0)).exec(transaction).await?;
    jobs::forget_in_tx(transaction, id).await?;
    identities::Entity::delete_many().filter(identities::Column::UserId.eq(id.0)).exec(transaction).await?;
    // The audit record outlives the account, but not the network addresses of its owner.
    origins_forget_in_tx(transaction, id).await?;
    sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(id.0)).exec(transaction).await?;
    users::Entity::update_many()
        .col_expr(users::Column::Email, Expr::val(email))
        .col_expr(users::Column::NormalizedEmail, Expr::val(email))
        .col_expr(users::Column::Name, Expr::val(None::<String>))
        .col_expr(users::Column::IsActive, Expr::val(false))
        .col_expr(users::Column::EmailVerifiedAt, Expr::val(None::<chrono::DateTime<chrono::Utc>>))
        .col_expr(users::Column::PasswordHash, Expr::val(None::<String>))
        .col_expr(users::Column::SearchText, Expr::val(""))
        .filter(users::Column::Id.eq(id.0))
        .exec(transaction)
        .await?;
    Ok(())
}
