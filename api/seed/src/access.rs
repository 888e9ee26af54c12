//! Access to the demo's accounts: developers may sign in with a known password. That nobody may in production, the server sees to by itself
//! ([`made_up`]).

use entity::{sea_orm_active_enums::DriverStatus, users};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};

use super::{ACCOUNTS, PASSWORD};
use tiffin::{
    app::App,
    credentials::password,
    database::{self, Transaction},
    domain::error::Error,
    features::account::made_up,
};

/// Lets developers in again after production has shut them out, which is recognised by inactive people without a password.
pub async fn restore(app: &App) -> anyhow::Result<()> {
    let transaction = database::begin(&app.db).await.map_err(explained)?;
    let withdrawn = made_up::is_made_up()
        .add(users::Column::Email.is_in(emails()))
        .add(users::Column::IsActive.eq(false))
        .add(users::Column::PasswordHash.is_null());
    if users::Entity::find().filter(withdrawn).count(&transaction).await? == 0 {
        return Ok(());
    }
    users::Entity::update_many()
        .col_expr(users::Column::IsActive, Expr::val(true))
        .filter(made_up::is_made_up())
        .exec(&transaction)
        .await?;
    passwords_set_in_tx(&transaction).await?;
    made_up::drivers_turn_in_tx(&transaction, DriverStatus::Offline, DriverStatus::Available)
        .await
        .map_err(explained)?;
    transaction.commit().await?;
    tracing::info!("the demo's people can be signed in as again");
    Ok(())
}

/// Lets a developer sign in as one of the demo's people.
pub async fn passwords_set_in_tx(transaction: &Transaction) -> anyhow::Result<()> {
    let hash = password_hash().await?;
    users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::val(hash))
        .filter(users::Column::Email.is_in(emails()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The hash of their password.
pub(super) async fn password_hash() -> anyhow::Result<String> {
    password::hashed(PASSWORD.to_owned()).await.map_err(explained)
}

pub(super) fn emails() -> [&'static str; ACCOUNTS.len()] {
    ACCOUNTS.map(|account| account.email)
}

fn explained(error: Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}
