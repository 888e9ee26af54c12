//! What other features ask of accounts.

use entity::{sea_orm_active_enums::UserRole, users};
use migration::search_text::fold;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction};

pub use super::{
    proof::{Purpose, letter_in_tx},
    session::announce,
    sign_in::find_by_email,
};
use crate::{
    app::App,
    clock,
    graphql::error::{Error, Result},
    mail::Letter,
};

/// Makes an account for somebody else, and the letter that invites them to set a password. Post it after the commit. CONFLICT on
/// `email` when it is taken.
pub async fn user_invite_in_tx(
    app: &App,
    transaction: &DatabaseTransaction,
    email: String,
    name: Option<String>,
    role: UserRole,
) -> Result<(users::Model, Letter)> {
    let user = users::ActiveModel {
        search_text: Set(fold(&format!("{} {email}", name.as_deref().unwrap_or_default()))),
        email: Set(email),
        name: Set(name),
        role: Set(role),
        created_at: Set(clock::now().into()),
        ..Default::default()
    };
    let taken = "Somebody has this e-mail address already.";
    let user = user.insert(transaction).await.map_err(|error| Error::or_taken(error, &[("email", "email", taken)]))?;
    let letter = letter_in_tx(app, transaction, &user, Purpose::Invitation).await?;
    Ok((user, letter))
}
