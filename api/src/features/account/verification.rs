//! Password changes and resets, and verification of e-mail addresses by links that are sent there.

use std::time::Duration;

use entity::users;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr,
};

use super::{
    email_change::email_changed_in_tx,
    letters::{AskedPurpose, Notice, letter_ask_for, notice_post_in_tx},
    proof::{self, Purpose},
    session::{of_user, rights_change_in_tx, sessions_end_in_tx},
    sign_in::password_confirm,
    types::{
        ChangePasswordInput, RequestEmailVerificationInput, RequestPasswordResetInput, ResetPasswordInput,
        VerifyEmailInput,
    },
};
use crate::{
    app::App,
    credentials::password,
    database::{self, Transaction},
    domain::{
        clock,
        error::{Error, Result},
        ids::UserId,
        viewer::{Origin, Viewer},
    },
    features::{
        audit::service::{Action, Entry, record_in_tx},
        customer::service::customer_link_in_tx,
    },
    graphql::input,
    limiter::{Limit, LimitKey},
};

/// Tokens that a new password revokes: links that set a password, and a change of address that was asked for with the former one.
const BY_PASSWORD: [Purpose; 3] = [Purpose::ResetPassword, Purpose::Invitation, Purpose::ChangeEmail];

/// Sets a new password, given the present one. Every other session ends.
pub async fn password_change(app: &App, viewer: &Viewer, wanted: ChangePasswordInput) -> Result<users::Model> {
    let asking = viewer.signed_in()?;
    let new = password::decode("newPassword", &wanted.new_password)?;
    let user = users::Entity::find_by_id(asking.id.0).one(&app.db).await?.ok_or_else(Error::unauthenticated)?;
    password_confirm(app, asking, &user, "currentPassword", wanted.current_password).await?;
    let password_hash = password::hashed(new).await?;
    let transaction = database::begin(&app.db).await?;
    let changed = users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::val(password_hash))
        .filter(users::Column::Id.eq(user.id))
        .filter(users::Column::PasswordHash.eq(user.password_hash))
        .exec_with_returning(&transaction)
        .await?;
    let user = changed.into_iter().next().ok_or_else(|| Error::conflict("Your password was changed meanwhile."))?;
    proof::withdraw_in_tx(&transaction, user.id, &BY_PASSWORD).await?;
    sessions_end_in_tx(&transaction, of_user(asking.id, asking.session)).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::PasswordChanged).on(asking.id)).await?;
    notice_post_in_tx(app, &transaction, asking.id, &user.email, Notice::PasswordChanged).await?;
    rights_change_in_tx(app, &transaction, asking.id).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Sends a link that verifies the address, if an account has it and has not verified it yet.
pub async fn email_verification_request(
    app: &App,
    origin: &Origin,
    wanted: RequestEmailVerificationInput,
) -> Result<()> {
    send_if_known(app, origin, wanted.email, AskedPurpose::VerifyEmail).await
}

/// Sends a link that sets a new password, if an account has the address.
pub async fn password_reset_request(app: &App, origin: &Origin, wanted: RequestPasswordResetInput) -> Result<()> {
    send_if_known(app, origin, wanted.email, AskedPurpose::ResetPassword).await
}

/// Verifies the address of whoever got the link; where a change of address was asked for, puts the new one in force. A customer record with
/// this address and without an account becomes the user's.
pub async fn email_verify(app: &App, origin: &Origin, wanted: VerifyEmailInput) -> Result<users::Model> {
    let transaction = database::begin(&app.db).await?;
    let proved = proof::take_in_tx(&transaction, &wanted.token, &[Purpose::VerifyEmail, Purpose::ChangeEmail]).await?;
    let id = UserId(proved.user.id);
    let (user, action) = match proved.purpose {
        Purpose::ChangeEmail => {
            let former = proved.user.email.clone();
            let user = email_changed_in_tx(&transaction, proved.user, &proved.email).await?;
            notice_post_in_tx(app, &transaction, id, &former, Notice::EmailChanged).await?;
            (user, Action::EmailChanged)
        }
        _ => (email_verified_in_tx(&transaction, proved.user).await?, Action::EmailVerified),
    };
    record_in_tx(&transaction, Entry::by(id, origin, action).on(id)).await?;
    // The user's open sockets may not know the customer record yet.
    rights_change_in_tx(app, &transaction, id).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Sets a password for whoever got the link, which also proves that the address is theirs. Every session ends.
pub async fn password_reset(app: &App, origin: &Origin, wanted: ResetPasswordInput) -> Result<users::Model> {
    let new = password::decode("newPassword", &wanted.new_password)?;
    let password_hash = password::hashed(new).await?;
    let transaction = database::begin(&app.db).await?;
    let purposes = [Purpose::ResetPassword, Purpose::Invitation];
    let user = proof::take_in_tx(&transaction, &wanted.token, &purposes).await?.user;
    let id = UserId(user.id);
    let mut row = user.into_active_model();
    row.password_hash = Set(Some(password_hash));
    let user = email_verified_in_tx(&transaction, row.update(&transaction).await?).await?;
    // Links that were sent before may be in other hands.
    proof::withdraw_in_tx(&transaction, user.id, &BY_PASSWORD).await?;
    sessions_end_in_tx(&transaction, of_user(id, None)).await?;
    record_in_tx(&transaction, Entry::by(id, origin, Action::PasswordReset).on(id)).await?;
    notice_post_in_tx(app, &transaction, id, &user.email, Notice::PasswordChanged).await?;
    rights_change_in_tx(app, &transaction, id).await?;
    transaction.commit().await?;
    Ok(user)
}

/// The user with its address marked as its own, if it was not yet.
pub async fn email_verified_in_tx(transaction: &Transaction, user: users::Model) -> Result<users::Model> {
    if user.email_verified_at.is_some() {
        return Ok(user);
    }
    let mut row = user.into_active_model();
    row.email_verified_at = Set(Some(clock::now().into()));
    let user = row.update(transaction).await?;
    customer_link_in_tx(transaction, &user).await?;
    Ok(user)
}

/// Writes down that a letter is asked for, and looks nothing up, so that neither the answer nor its time tells whether the address is known (no
/// user enumeration).
async fn send_if_known(app: &App, origin: &Origin, email: String, purpose: AskedPurpose) -> Result<()> {
    let email = input::email("email", &email)?;
    app.mail.check()?;
    letters_count(app, Some(origin), [LimitKey::LettersTo { account: email.normalized() }]).await?;
    letter_ask_for(app, &email, purpose).await
}

/// Counts a letter to each of these accounts that somebody asks for, whether anybody has its address or not. RATE_LIMITED when the network
/// has asked for too many, or an account is sent too many.
pub async fn letters_count<'k>(
    app: &App,
    origin: Option<&Origin>,
    accounts: impl IntoIterator<Item = LimitKey<'k>>,
) -> Result<()> {
    let config = &app.config.accounts;
    let window = Duration::from_secs(60 * 60);
    if let Some(origin) = origin {
        let from_here = Limit { amount: config.letters_per_address, window };
        app.limiter.take(LimitKey::LettersFrom(origin.network()), 1, from_here).await?;
    }
    let to_account = Limit { amount: config.letters_per_account, window };
    for account in accounts {
        app.limiter.take(account, 1, to_account).await?;
    }
    Ok(())
}
