//! Change of an account's e-mail address: its owner asks for it, and it is in force once the link that was sent to the new address is
//! followed.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{customers, sessions, users};
use migration::email::Email;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter,
};

use super::{
    collision::customer_follow_in_tx,
    letters::{Notice, link_post_in_tx, notice_post_in_tx},
    proof::{self, Purpose},
    service::{DEMO_DOMAIN, account_closed, search_text},
    sign_in::{find_by_email, password_confirm},
    types::ChangeEmailInput,
    verification::letters_count,
};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        clock,
        error::{Error, Result},
        ids::UserId,
        viewer::{SignedIn, Viewer},
    },
    features::audit::service::{Action, Entry, record_in_tx},
    graphql::{input, row::Row},
    limiter::LimitKey,
};

/// How long after signing in with the OpenID provider a user without a password counts as re-authenticated.
const RECENT: TimeDelta = TimeDelta::minutes(10);

const TAKEN: &str = "There is another account with this e-mail address by now: sign in to that one.";

/// A change that waits for whoever reads the mail at the new address.
pub struct RequestedChange {
    pub user: users::Model,
    /// Until when the link is good.
    pub expires_at: DateTime<Utc>,
}

/// Sends a link to the new address, and a notice to the present one. Where another account has the new address, the answer is the same, but
/// the letter says so and has no link: whoever asks learns nothing of other accounts.
pub async fn email_change_request(app: &App, viewer: &Viewer, wanted: ChangeEmailInput) -> Result<RequestedChange> {
    let asking = viewer.signed_in()?;
    let email = input::email("newEmail", &wanted.new_email)?;
    app.mail.check()?;
    let user = users::Entity::find_by_id(asking.id.0).one(&app.db).await?.ok_or_else(Error::unauthenticated)?;
    owner_confirm(app, asking, &user, wanted.password).await?;
    if user.normalized_email.ends_with(&format!("@{DEMO_DOMAIN}")) {
        return Err(Error::forbidden("The demo's people keep their addresses: sign up with one of your own."));
    }
    if user.email == email.written() {
        return Err(Error::bad_input("newEmail", "This is your e-mail address already."));
    }
    let both = [email.normalized(), &user.normalized_email].map(|account| LimitKey::ChangeLettersTo { account });
    letters_count(app, asking.origin.as_ref(), both).await?;

    let transaction = database::begin(&app.db).await?;
    let user = user_unchanged_lock_in_tx(&transaction, viewer, user).await?;
    let expires_at = proof::change_begin_in_tx(app, &transaction, &user, &email).await?;
    link_post_in_tx(app, &transaction, asking.id, Purpose::ChangeEmail).await?;
    notice_post_in_tx(app, &transaction, asking.id, &user.email, Notice::EmailChangeRequested).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::EmailChangeRequested).on(asking.id)).await?;
    transaction.commit().await?;
    Ok(RequestedChange { user, expires_at })
}

/// Gives the user this address, which the user has just proved. All tokens that were sent before are revoked, whatever address they went
/// to. The caller has locked the user's row. CONFLICT on `token` where another account has the address by now.
pub async fn email_changed_in_tx(transaction: &Transaction, user: users::Model, email: &str) -> Result<users::Model> {
    let email = Email::parse(email).map_err(|_| proof::refused())?;
    if is_taken(transaction, UserId(user.id), &email).await? {
        return Err(Error::conflict(TAKEN).with_field("token"));
    }
    let search_text = search_text(user.name.as_deref(), email.written());
    let mut row = user.into_active_model();
    row.email = Set(email.written().to_owned());
    row.normalized_email = Set(email.normalized().to_owned());
    row.search_text = Set(search_text);
    row.email_verified_at = Set(Some(clock::now().into()));
    // Of two users who prove the same address at once, the unique index lets one have it.
    let user = row.update(transaction).await.map_err(|error| Error::or_taken(error, &[("email", "token", TAKEN)]))?;
    customer_follow_in_tx(transaction, &user).await?;
    proof::withdraw_in_tx(transaction, user.id, &proof::ALL).await?;
    Ok(user)
}

/// Re-authenticates the user: an access token alone may be stolen, so the owner tells the password or, where there is none, was signed in
/// by the OpenID provider a moment ago.
async fn owner_confirm(app: &App, asking: &SignedIn, user: &users::Model, password: Option<String>) -> Result<()> {
    if user.password_hash.is_some() {
        return password_confirm(app, asking, user, "password", password.unwrap_or_default()).await;
    }
    let since = clock::now() - RECENT;
    let recent = sessions::Entity::find()
        .filter(sessions::Column::Id.eq(asking.session.map(|session| session.0)))
        .filter(sessions::Column::CreatedAt.gt(since));
    match recent.count(&app.db).await? {
        0 => Err(Error::sign_in_again()),
        _ => Ok(()),
    }
}

/// The user, locked, as whoever asks has proved to be it: CONFLICT where its password was changed since.
async fn user_unchanged_lock_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    known: users::Model,
) -> Result<users::Model> {
    let user = users::Model::find_visible_for_update(transaction, viewer, UserId(known.id)).await?;
    if !user.is_active {
        return Err(account_closed());
    }
    if user.password_hash != known.password_hash || user.email != known.email {
        return Err(Error::conflict("Your account was changed meanwhile."));
    }
    Ok(user)
}

/// Whether another account or customer record has the address.
pub async fn is_taken(db: &impl ConnectionTrait, user: UserId, email: &Email) -> Result<bool> {
    if find_by_email(db, email).await?.is_some_and(|other| other.id != user.0) {
        return Ok(true);
    }
    let same = customers::Entity::find()
        .filter(customers::Column::NormalizedEmail.eq(email.normalized()))
        .filter(customers::Column::UserId.ne(user.0));
    Ok(same.count(db).await? > 0)
}
