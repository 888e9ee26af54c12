//! One-time tokens that are sent by mail and prove an address: each is good once, for a while, and for the address it was sent to.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{account_tokens, users};
use migration::email::Email;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
    QueryTrait, sea_query::Expr,
};
use secrecy::SecretString;

use super::{letters::links_take_back_in_tx, secret};
use crate::{
    app::App,
    database::{Transaction, dialect},
    domain::{
        clock,
        error::{Error, Result},
        ids::UserId,
    },
    graphql::row::Row,
    mail::{Letter, Occasion},
};

/// What a token is sent for.
pub use entity::sea_orm_active_enums::AccountTokenPurpose as Purpose;

/// Every purpose, to revoke all that was sent before.
pub const ALL: [Purpose; 4] = [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::Invitation, Purpose::ChangeEmail];

/// Issues a token, with its hash and the letter that brings it to the user's address.
pub async fn letter_in_tx(
    app: &App,
    transaction: &Transaction,
    user: &users::Model,
    purpose: Purpose,
) -> Result<(Letter, String)> {
    let token = secret::generate();
    let row = issue_in_tx(app, transaction, user.id, &user.email, purpose, &token).await?;
    let letter = Letter::to_address(&user.email, occasion(purpose, token, lifetime(app, purpose)));
    Ok((letter, row.token_hash))
}

/// Makes place for the one token that changes the user's address, and gives until when it will be good. The token itself is made with its
/// letter; until then nobody knows one that fits. A change that was asked for before is revoked.
pub async fn change_begin_in_tx(
    app: &App,
    transaction: &Transaction,
    user: &users::Model,
    email: &Email,
) -> Result<DateTime<Utc>> {
    withdraw_in_tx(transaction, user.id, &[Purpose::ChangeEmail]).await?;
    let unknown = secret::generate();
    let row = issue_in_tx(app, transaction, user.id, email.written(), Purpose::ChangeEmail, &unknown).await?;
    Ok(row.expires_at.to_utc())
}

/// Issues the token that changes the user's address, with the letter that brings it to the new address. An earlier letter's is revoked. None where
/// no change is waiting any more.
pub async fn change_letter_in_tx(transaction: &Transaction, user: &users::Model) -> Result<Option<(Letter, Email)>> {
    use account_tokens::Column;
    let (token, now) = (secret::generate(), clock::now());
    let waiting = account_tokens::Entity::update_many()
        .col_expr(Column::TokenHash, Expr::val(secret::hash(&token)))
        .filter(Column::UserId.eq(user.id))
        .filter(Column::Purpose.eq(Purpose::ChangeEmail))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(transaction)
        .await?;
    let Some(row) = waiting.into_iter().next() else { return Ok(None) };
    let email = Email::parse(&row.email).map_err(|_| refused())?;
    let valid_for = (row.expires_at.to_utc() - now).to_std().unwrap_or_default();
    Ok(Some((Letter::to_address(&row.email, occasion(Purpose::ChangeEmail, token, valid_for)), email)))
}

async fn issue_in_tx(
    app: &App,
    transaction: &Transaction,
    user: i32,
    email: &str,
    purpose: Purpose,
    token: &str,
) -> Result<account_tokens::Model> {
    let now = clock::now();
    let row = account_tokens::ActiveModel {
        token_hash: Set(secret::hash(token)),
        user_id: Set(user),
        purpose: Set(purpose),
        email: Set(email.to_owned()),
        created_at: Set(now.into()),
        expires_at: Set((now + lifetime(app, purpose)).into()),
        used_at: Set(None),
    };
    Ok(row.insert(transaction).await?)
}

fn occasion(purpose: Purpose, token: String, valid_for: Duration) -> Occasion {
    let token = SecretString::from(token);
    match purpose {
        Purpose::VerifyEmail => Occasion::VerifyEmail { token, valid_for },
        Purpose::ResetPassword => Occasion::ResetPassword { token, valid_for },
        Purpose::Invitation => Occasion::Invitation { token, valid_for },
        Purpose::ChangeEmail => Occasion::ChangeEmail { token, valid_for },
    }
}

/// What a token has proved.
pub struct Proved {
    pub user: users::Model,
    pub purpose: Purpose,
    /// The address that the token was sent to.
    pub email: String,
}

/// Uses a token up. BAD_USER_INPUT when it is unknown, was sent for something else, was used or has expired, or when the user has another
/// address by now than the one that it proves.
pub async fn take_in_tx(transaction: &Transaction, token: &str, purposes: &[Purpose]) -> Result<Proved> {
    use account_tokens::Column;
    let now = clock::now();
    let hash = secret::hash(token);
    let user = user_of_token_lock_in_tx(transaction, &hash).await?.ok_or_else(refused)?;
    let taken = account_tokens::Entity::update_many()
        .col_expr(Column::UsedAt, Expr::val(now))
        .filter(Column::TokenHash.eq(hash))
        .filter(Column::Purpose.is_in(purposes.iter().copied()))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(transaction)
        .await?;
    let token = taken.into_iter().next().ok_or_else(refused)?;
    let is_of_address = token.purpose == Purpose::ChangeEmail || user.email == token.email;
    if !user.is_active || !is_of_address {
        return Err(refused());
    }
    Ok(Proved { user, purpose: token.purpose, email: token.email })
}

/// BAD_USER_INPUT for a token that proves nothing (any more).
pub fn refused() -> Error {
    Error::bad_input("token", "This link is not valid any more: ask for a new one.")
}

/// The user of a token. Lock order: the user before the rows that refer to it, as deletion does.
async fn user_of_token_lock_in_tx(transaction: &Transaction, hash: &str) -> Result<Option<users::Model>> {
    let backend = transaction.get_database_backend();
    let mut select = users::Entity::find()
        .inner_join(account_tokens::Entity)
        .filter(account_tokens::Column::TokenHash.eq(hash))
        .into_query();
    dialect::lock_rows(backend, &mut select, users::Model::table());
    Ok(users::Model::find_by_statement(backend.build(&select)).one(transaction).await?)
}

/// Revokes the user's outstanding tokens of these purposes, with those that are still to be made and sent. The caller has locked the user's row.
pub async fn withdraw_in_tx(transaction: &Transaction, user: i32, purposes: &[Purpose]) -> Result<()> {
    account_tokens::Entity::delete_many()
        .filter(account_tokens::Column::UserId.eq(user))
        .filter(account_tokens::Column::Purpose.is_in(purposes.iter().copied()))
        .exec(transaction)
        .await?;
    links_take_back_in_tx(transaction, UserId(user), purposes).await
}

fn lifetime(app: &App, purpose: Purpose) -> Duration {
    let accounts = &app.config.accounts;
    match purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail => {
            Duration::from_secs(u64::from(accounts.verification_hours) * 60 * 60)
        }
        Purpose::ResetPassword => Duration::from_secs(u64::from(accounts.password_reset_minutes) * 60),
        Purpose::Invitation => Duration::from_secs(u64::from(accounts.invitation_days) * 24 * 60 * 60),
    }
}
