//! What is sent by mail to prove that an address is somebody's: good once, for a while, and for the address it was sent to.

use std::time::Duration;

use entity::{account_tokens, users};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
    QueryTrait, sea_query::Expr,
};
use secrecy::SecretString;

use super::secret;
use crate::{
    app::App,
    clock,
    database::Transaction,
    dialect,
    graphql::{
        error::{Error, Result},
        row::Row,
    },
    mail::{Letter, Occasion},
};

/// What a token is sent for.
pub use entity::sea_orm_active_enums::AccountTokenPurpose as Purpose;

/// Makes a token of the user's and the letter that brings it. Post it after the commit.
pub async fn letter_in_tx(
    app: &App,
    transaction: &Transaction,
    user: &users::Model,
    purpose: Purpose,
) -> Result<Letter> {
    let token = secret::generate();
    let now = clock::now();
    let valid_for = lifetime(app, purpose);
    let row = account_tokens::ActiveModel {
        token_hash: Set(secret::hash(&token)),
        user_id: Set(user.id),
        purpose: Set(purpose),
        email: Set(user.email.clone()),
        created_at: Set(now.into()),
        expires_at: Set((now + valid_for).into()),
        used_at: Set(None),
    };
    row.insert(transaction).await?;
    let token = SecretString::from(token);
    let occasion = match purpose {
        Purpose::VerifyEmail => Occasion::VerifyEmail { token, valid_for },
        Purpose::ResetPassword => Occasion::ResetPassword { token, valid_for },
        Purpose::Invitation => Occasion::Invitation { token, valid_for },
    };
    Ok(Letter::to(user, occasion))
}

/// Uses a token up, and gives its user. BAD_USER_INPUT when it is unknown, was sent for something else, was used or has expired, or
/// when the user has another address by now.
pub async fn take_in_tx(transaction: &Transaction, token: &str, purposes: &[Purpose]) -> Result<users::Model> {
    use account_tokens::Column;
    let refused = || Error::bad_input("token", "This link is not valid any more: ask for a new one.");
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
    Some(user).filter(|user| user.is_active && user.email == token.email).ok_or_else(refused)
}

/// The user of a token, locked before anything that hangs on it, as whoever ends the account does.
async fn user_of_token_lock_in_tx(transaction: &Transaction, hash: &str) -> Result<Option<users::Model>> {
    let backend = transaction.get_database_backend();
    let mut select = users::Entity::find()
        .inner_join(account_tokens::Entity)
        .filter(account_tokens::Column::TokenHash.eq(hash))
        .into_query();
    dialect::lock_rows(backend, &mut select, users::Model::table());
    Ok(users::Model::find_by_statement(backend.build(&select)).one(transaction).await?)
}

/// Makes the user's outstanding tokens of a kind worthless.
pub async fn withdraw_in_tx(transaction: &Transaction, user: i32, purposes: &[Purpose]) -> Result<()> {
    account_tokens::Entity::delete_many()
        .filter(account_tokens::Column::UserId.eq(user))
        .filter(account_tokens::Column::Purpose.is_in(purposes.iter().copied()))
        .exec(transaction)
        .await?;
    Ok(())
}

fn lifetime(app: &App, purpose: Purpose) -> Duration {
    let accounts = &app.config.accounts;
    match purpose {
        Purpose::VerifyEmail => Duration::from_secs(u64::from(accounts.verification_hours) * 60 * 60),
        Purpose::ResetPassword => Duration::from_secs(u64::from(accounts.password_reset_minutes) * 60),
        Purpose::Invitation => Duration::from_secs(u64::from(accounts.invitation_days) * 24 * 60 * 60),
    }
}
