//! Sign-up and sign-in with a password. Neither the answer nor its time tells whether an e-mail address has an account (no user
//! enumeration), but for signing up with an address that is taken, which cannot succeed.

use std::time::Duration;

use entity::{sea_orm_active_enums::UserRole, users};
use migration::email::{Email, exactly, is_exact, key};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
};

use super::{
    letters::link_post_in_tx,
    proof::Purpose,
    service::user_new,
    session::{OpenedSession, session_open_in_tx},
    types::{SignInInput, SignUpInput},
};
use crate::{
    app::App,
    credentials::password,
    database::{self, Transaction},
    domain::{
        error::{Code, Error, Result},
        ids::UserId,
        viewer::{Origin, SignedIn},
    },
    features::{
        audit::service::{Action, Entry, record_in_tx},
        customer::service::customer_make_in_tx,
    },
    graphql::input,
    limiter::{Limit, LimitKey},
};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Makes an account with the role CUSTOMER, and signs in to it.
pub async fn sign_up(app: &App, origin: &Origin, wanted: SignUpInput) -> Result<OpenedSession> {
    check_sign_up(app)?;
    let accounts = &app.config.accounts;
    let email = input::email("email", &wanted.email)?;
    let password = password::decode("password", &wanted.password)?;
    let name = input::text("name", &wanted.name, 100)?;
    let phone = input::optional_text("phone", wanted.phone.as_deref(), 20)?;
    let limit = Limit { amount: accounts.sign_ups_per_address, window: HOUR };
    app.limiter.take(LimitKey::SignUpsFrom(origin.network()), 1, limit).await?;
    let password_hash = password::hashed(password).await?;

    let transaction = database::begin(&app.db).await?;
    let mut row = user_new(&email, Some(name), UserRole::Customer);
    row.password_hash = Set(Some(password_hash));
    let taken = "There is an account with this e-mail address: sign in, or reset its password.";
    let user = row.insert(&transaction).await.map_err(|error| Error::or_taken(error, &[("email", "email", taken)]))?;
    if phone.is_some() {
        customer_make_in_tx(&transaction, &user, phone).await?;
    }
    link_post_in_tx(app, &transaction, UserId(user.id), Purpose::VerifyEmail).await?;
    let opened = session_open_in_tx(app, &transaction, &user, origin).await?;
    record_in_tx(&transaction, Entry::by(UserId(user.id), origin, Action::SignedUp).on(UserId(user.id))).await?;
    transaction.commit().await?;
    Ok(opened)
}

/// Opens a session for whoever knows the password.
pub async fn sign_in(app: &App, origin: &Origin, wanted: SignInInput) -> Result<OpenedSession> {
    let email = wanted.email.trim();
    let account = key(email);
    attempt_count(app, origin, &account).await?;
    let user = find_to_sign_in(&app.db, email).await?;
    let password_hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = password::is_right(wanted.password, password_hash).await?;
    let known = user.as_ref().map(|user| UserId(user.id));
    let transaction = database::begin(&app.db).await?;
    let user = match user.filter(|_| right) {
        Some(user) => find_unchanged_in_tx(&transaction, user).await?,
        None => None,
    };
    let Some(user) = user else {
        let entry = Entry { actor: known, ..Entry::from(origin, Action::SignInFailed) };
        record_in_tx(&transaction, entry).await?;
        transaction.commit().await?;
        return Err(Error::new(Code::Unauthenticated, "The e-mail address or the password is wrong."));
    };
    let opened = session_open_in_tx(app, &transaction, &user, origin).await?;
    record_in_tx(&transaction, Entry::by(UserId(user.id), origin, Action::SignedIn)).await?;
    transaction.commit().await?;
    app.limiter.forget(LimitKey::attempts(&account, origin)).await;
    Ok(opened)
}

/// The active user whose password was right, unless the password was changed since it was read: a change ends all sessions, and the old
/// password may open no further one.
async fn find_unchanged_in_tx(transaction: &Transaction, user: users::Model) -> Result<Option<users::Model>> {
    let unchanged = users::Entity::find_by_id(user.id)
        .filter(users::Column::PasswordHash.eq(user.password_hash))
        .filter(users::Column::IsActive.eq(true))
        .lock_shared();
    Ok(unchanged.one(transaction).await?)
}

/// FORBIDDEN where sign-up is closed.
pub fn check_sign_up(app: &App) -> Result<()> {
    match app.config.accounts.sign_up {
        true => Ok(()),
        false => Err(Error::forbidden("Accounts are made by the operator of this service only.")),
    }
}

/// Rate limit for attempts to authenticate as the owner of an account, counted before anything is looked up. RATE_LIMITED when the network,
/// the account from this network, or the account from everywhere has had too many. `account` is the normal form of its e-mail address.
///
/// The third limit is far above the second, so that guessing from elsewhere does not lock the owner out.
pub async fn attempt_count(app: &App, origin: &Origin, account: &str) -> Result<()> {
    attempt_count_of_network(app, origin).await?;
    let accounts = &app.config.accounts;
    let from_here = attempts(app, accounts.attempts_per_account);
    app.limiter.take(LimitKey::attempts(account, origin), 1, from_here).await?;
    let from_everywhere = attempts(app, accounts.attempts_per_account_from_everywhere);
    app.limiter.take(LimitKey::AttemptsOn { account }, 1, from_everywhere).await
}

/// The same where it is not known yet whose account it is. RATE_LIMITED when the network has had too many.
pub async fn attempt_count_of_network(app: &App, origin: &Origin) -> Result<()> {
    let limit = attempts(app, app.config.accounts.attempts_per_address);
    app.limiter.take(LimitKey::AttemptsFrom(origin.network()), 1, limit).await
}

/// Checks the password of a signed-in user, and counts the attempt. BAD_USER_INPUT on `field` where it is wrong, or the account has none.
pub async fn password_confirm(
    app: &App,
    asking: &SignedIn,
    user: &users::Model,
    field: &str,
    given: String,
) -> Result<()> {
    if let Some(origin) = &asking.origin {
        attempt_count(app, origin, &user.normalized_email).await?;
    }
    match password::is_right(given, user.password_hash.clone()).await? {
        true => Ok(()),
        false => Err(Error::bad_input(field, "This is not your password.")),
    }
}

fn attempts(app: &App, amount: u64) -> Limit {
    Limit { amount, window: Duration::from_secs(app.config.accounts.attempts_window_seconds) }
}

/// The user who has this e-mail address, however it is written. Whatever is given to an address (rights, letters, a way to sign in) goes
/// to this one, and never to another account with the address.
pub async fn find_by_email(db: &impl ConnectionTrait, email: &Email) -> Result<Option<users::Model>> {
    Ok(users::Entity::find().filter(users::Column::NormalizedEmail.eq(email.normalized())).one(db).await?)
}

/// The user who signs in with this address: the one who has it, or an account that shares it and is found by its exact spelling only.
async fn find_to_sign_in(db: &impl ConnectionTrait, address: &str) -> Result<Option<users::Model>> {
    // PostgreSQL refuses NUL in a text, and no address has it.
    if address.contains('\0') {
        return Ok(None);
    }
    let keys = [exactly(address), key(address)];
    let found = users::Entity::find().filter(users::Column::NormalizedEmail.is_in(keys)).all(db).await?;
    // The exact spelling of another account means that account.
    Ok(found.into_iter().max_by_key(|user| is_exact(&user.normalized_email)))
}
