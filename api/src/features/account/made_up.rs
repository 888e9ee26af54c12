//! The made-up people of the demo city, whose password all may know: in production nobody gets in as one of them.
//!
//! The rule is enforced by changing the rows and not by a check on each request, so that what was revoked stays revoked, whatever
//! environment the server starts in next.

use std::collections::BTreeSet;

use entity::{
    account_tokens, drivers, identities,
    sea_orm_active_enums::{DriverStatus, UserRole},
    sessions, users,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, SelectStatement},
};

use super::service::{DEMO_DOMAIN, rights_change_in_tx};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{clock, error::Result, ids::UserId, viewer::Viewer},
    features::order::service::driver_dismiss_in_tx,
};

/// Shuts out everybody who could act as one of the made-up people, in production: revokes their passwords, sessions, links and identities,
/// and deactivates them, which ends their rights as staff, drivers and admins. Orders that are not picked up wait for other drivers. The
/// rest of the city stays. Idempotent.
pub async fn withdraw(app: &App) -> Result<()> {
    let transaction = database::begin(&app.db).await?;
    let active = is_made_up().add(users::Column::IsActive.eq(true));
    let people = users::Entity::find().filter(active).count(&transaction).await?;
    if people == 0 {
        return Ok(());
    }
    let ended = sessions::Entity::update_many()
        .col_expr(sessions::Column::EndedAt, Expr::val(clock::now()))
        .filter(sessions::Column::EndedAt.is_null())
        .filter(sessions::Column::UserId.in_subquery(their_ids()))
        .exec_with_returning(&transaction)
        .await?;
    account_tokens::Entity::delete_many()
        .filter(account_tokens::Column::UserId.in_subquery(their_ids()))
        .exec(&transaction)
        .await?;
    identities::Entity::delete_many()
        .filter(identities::Column::UserId.in_subquery(their_ids()))
        .exec(&transaction)
        .await?;
    users::Entity::update_many()
        .col_expr(users::Column::IsActive, Expr::val(false))
        .col_expr(users::Column::PasswordHash, Expr::val(None::<String>))
        .filter(is_made_up())
        .exec(&transaction)
        .await?;
    busy_drivers_dismiss_in_tx(&transaction).await?;
    // An AVAILABLE driver whom nobody works as would be assigned orders.
    drivers_turn_in_tx(&transaction, DriverStatus::Available, DriverStatus::Offline).await?;
    let admins = users::Entity::find()
        .filter(users::Column::Role.eq(UserRole::Admin))
        .filter(users::Column::IsActive.eq(true))
        .count(&transaction)
        .await?;
    for user in ended.iter().map(|session| session.user_id).collect::<BTreeSet<_>>() {
        rights_change_in_tx(app, &transaction, UserId(user)).await?;
    }
    transaction.commit().await?;
    // For those who were released and had no session.
    app.journal.request_run();
    tracing::warn!(
        people,
        sessions = ended.len(),
        admins_left = admins,
        "this database holds the demo city: its people were deactivated, and nobody gets in as one of them any more. Its restaurants and \
         orders are still there: start production on a database of its own"
    );
    Ok(())
}

/// Whose address is of the demo city.
pub fn is_made_up() -> Condition {
    Condition::all().add(users::Column::NormalizedEmail.ends_with(format!("@{DEMO_DOMAIN}")))
}

fn their_ids() -> SelectStatement {
    users::Entity::find().select_only().column(users::Column::Id).filter(is_made_up()).into_query()
}

/// Turns the drivers of one status to another.
pub async fn drivers_turn_in_tx(transaction: &Transaction, from: DriverStatus, to: DriverStatus) -> Result<()> {
    drivers::Entity::update_many()
        .set(drivers::ActiveModel { status: sea_orm::ActiveValue::Set(to), ..Default::default() })
        .filter(drivers::Column::Status.eq(from))
        .filter(drivers::Column::UserId.in_subquery(their_ids()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Ends the work of those who have an order.
async fn busy_drivers_dismiss_in_tx(transaction: &Transaction) -> Result<()> {
    let busy = drivers::Entity::find()
        .filter(drivers::Column::Status.eq(DriverStatus::Busy))
        .filter(drivers::Column::UserId.in_subquery(their_ids()));
    for user in busy.all(transaction).await?.into_iter().filter_map(|driver| driver.user_id) {
        driver_dismiss_in_tx(transaction, &Viewer::System, UserId(user)).await?;
    }
    Ok(())
}
