//! What other features ask of accounts.

use entity::{sea_orm_active_enums::UserRole, users};
use migration::{email::Email, search_text::fold};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, IntoActiveModel, TryIntoModel};

pub use super::{
    collision::{Collision, SharingAccount, address_keep, address_set, collisions},
    generation::generation_confirm,
    session::announce,
    sign_in::find_by_email,
};
use super::{
    proof::{Purpose, letter_in_tx},
    session::{of_user, sessions_end_in_tx},
};
use crate::{
    app::App,
    clock, database,
    features::audit::service::{Action, Entry, record_in_tx},
    graphql::{
        error::{Error, Result},
        ids::UserId,
        input,
    },
    mail::Letter,
    viewer::Viewer,
};

/// Makes an account for somebody else, and the letter that invites them to set a password. Post it after the commit. CONFLICT on
/// `email` when it is taken.
pub async fn user_invite_in_tx(
    app: &App,
    transaction: &DatabaseTransaction,
    email: &Email,
    name: Option<String>,
    role: UserRole,
) -> Result<(users::Model, Letter)> {
    let user = user_new(email, name, role);
    let taken = "Somebody has this e-mail address already.";
    let user = user.insert(transaction).await.map_err(|error| Error::or_taken(error, &[("email", "email", taken)]))?;
    let letter = letter_in_tx(app, transaction, &user, Purpose::Invitation).await?;
    Ok((user, letter))
}

/// Makes an active admin with this password, out of whoever has the e-mail address. Every session of theirs ends.
pub async fn admin_make(app: &App, email: &str, name: Option<&str>, password_hash: String) -> Result<users::Model> {
    let email = input::email("email", email)?;
    let name = input::optional_text("name", name, 100)?;
    let transaction = database::begin(&app.db).await?;
    let mut row = match find_by_email(&transaction, &email).await? {
        Some(user) => user.into_active_model(),
        None => user_new(&email, name.clone(), UserRole::Admin),
    };
    row.role = Set(UserRole::Admin);
    row.is_active = Set(true);
    row.password_hash = Set(Some(password_hash));
    // Whoever may run this command vouches for the address.
    row.email_verified_at = Set(Some(clock::now().into()));
    let user = row.save(&transaction).await?.try_into_model()?;
    let id = UserId(user.id);
    sessions_end_in_tx(&transaction, of_user(id, None)).await?;
    record_in_tx(&transaction, Entry::of(&Viewer::System, Action::AdminMade).on(id)).await?;
    transaction.commit().await?;
    announce(app, id).await;
    Ok(user)
}

/// A user's row, before anything is known of how it signs in.
pub fn user_new(email: &Email, name: Option<String>, role: UserRole) -> users::ActiveModel {
    users::ActiveModel {
        search_text: Set(search_text(name.as_deref(), email.written())),
        email: Set(email.written().to_owned()),
        normalized_email: Set(email.normalized().to_owned()),
        name: Set(name),
        role: Set(role),
        created_at: Set(clock::now().into()),
        ..Default::default()
    }
}

/// What a user is found by in lists.
pub fn search_text(name: Option<&str>, email: &str) -> String {
    fold(&format!("{} {email}", name.unwrap_or_default()))
}
