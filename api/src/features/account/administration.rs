//! Administration of accounts: admins change roles, and activate and deactivate users.

use entity::{drivers, restaurant_members, sea_orm_active_enums::UserRole, users};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryTrait,
};
use serde_json::json;

use super::{
    proof::{self, Purpose},
    session::{of_user, rights_change_in_tx, sessions_end_in_tx},
    types::{Role, SetUserActiveInput, SetUserRoleInput},
};
use crate::{
    app::App,
    database::{self, Transaction, dialect, literal},
    domain::{
        error::{Error, Result},
        ids::{GlobalId, UserId},
        viewer::Viewer,
    },
    features::{
        audit::service::{Action, Entry, record_in_tx},
        order::service::{Dismissal, driver_dismiss_in_tx},
    },
    graphql::{enumeration, row::Row},
};

/// Gives a user another role, and ends the work of the former role: see [`work_end_in_tx`]. The last active admin stays one.
pub async fn user_role_set(app: &App, viewer: &Viewer, wanted: SetUserRoleInput) -> Result<users::Model> {
    let id = UserId::parse(&wanted.user_id, "userId")?;
    let role = UserRole::from(wanted.role);
    let transaction = database::begin(&app.db).await?;
    let admins = admins_lock_in_tx(&transaction).await?;
    let present = user_administered_in_tx(&transaction, viewer, id).await?;
    if role == UserRole::Driver && !is_driver(&transaction, id).await? {
        return Err(Error::conflict("Only somebody with a driver's record can be a driver: use createDriver."));
    }
    if role != UserRole::Admin {
        admin_remains(&admins, &present)?;
    }
    let roles = json!({ "from": enumeration::name(Role::from(present.role)), "to": enumeration::name(wanted.role) });
    let mut row = present.into_active_model();
    row.role = Set(role);
    let user = row.update(&transaction).await?;
    // An address that was asked for before is not to be a way into what the role may do.
    proof::withdraw_in_tx(&transaction, user.id, &[Purpose::ChangeEmail]).await?;
    work_end_in_tx(&transaction, viewer, &user).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::UserRoleSet).on(id).with(roles)).await?;
    rights_change_in_tx(app, &transaction, id).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Ends the work that the user's new role does not allow: a driver's and, for a CUSTOMER, that of restaurant staff, even where nobody else
/// runs the restaurant. The caller has locked the user's row. CONFLICT for a driver who is on the way with an order.
pub async fn work_end_in_tx(transaction: &Transaction, viewer: &Viewer, user: &users::Model) -> Result<()> {
    if user.role == UserRole::Customer {
        restaurant_members::Entity::delete_many()
            .filter(restaurant_members::Column::UserId.eq(user.id))
            .exec(transaction)
            .await?;
    }
    if user.role == UserRole::Driver {
        return Ok(());
    }
    if driver_dismiss_in_tx(transaction, viewer, UserId(user.id)).await? == Dismissal::OnTheWay {
        return Err(Error::conflict("The driver is on the way with an order: wait for its end first."));
    }
    Ok(())
}

/// Activates or deactivates a user. Deactivation ends every session at once, and a driver's work; an order that the driver has picked up
/// stays with the driver until an admin moves it. The last active admin stays active.
pub async fn user_active_set(app: &App, viewer: &Viewer, wanted: SetUserActiveInput) -> Result<users::Model> {
    let id = UserId::parse(&wanted.user_id, "userId")?;
    let transaction = database::begin(&app.db).await?;
    let admins = admins_lock_in_tx(&transaction).await?;
    let present = user_administered_in_tx(&transaction, viewer, id).await?;
    let action = match wanted.is_active {
        true => Action::UserActivated,
        false => {
            admin_remains(&admins, &present)?;
            sessions_end_in_tx(&transaction, of_user(id, None)).await?;
            driver_dismiss_in_tx(&transaction, viewer, id).await?;
            Action::UserDeactivated
        }
    };
    let mut row = present.into_active_model();
    row.is_active = Set(wanted.is_active);
    let user = row.update(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, action).on(id)).await?;
    rights_change_in_tx(app, &transaction, id).await?;
    transaction.commit().await?;
    Ok(user)
}

/// The active admins, locked, so that of two admins who leave at once one stays. Lock order: admins by id, before any other user; everybody
/// keeps to it, so that there is no deadlock.
pub async fn admins_lock_in_tx(transaction: &Transaction) -> Result<Vec<users::Model>> {
    let backend = transaction.get_database_backend();
    let mut admins = users::Entity::find()
        .filter(literal::eq(users::Column::Role, UserRole::Admin))
        .filter(literal::eq(users::Column::IsActive, true))
        .into_query();
    admins.order_by(users::Column::Id, sea_orm::Order::Asc);
    dialect::lock_rows(backend, &mut admins, users::Model::table());
    Ok(users::Model::find_by_statement(backend.build(&admins)).all(transaction).await?)
}

/// CONFLICT where the user is the only active admin.
pub fn admin_remains(admins: &[users::Model], leaving: &users::Model) -> Result<()> {
    match admins {
        [last] if last.id == leaving.id => {
            Err(Error::conflict("This is the last active admin: make another one first."))
        }
        _ => Ok(()),
    }
}

/// The user, locked for a change by an admin.
async fn user_administered_in_tx(transaction: &Transaction, viewer: &Viewer, id: UserId) -> Result<users::Model> {
    viewer.signed_in()?;
    let user = users::Model::find_visible_for_update(transaction, viewer, id)
        .await
        .map_err(|error| error.with_field("userId"))?;
    if !viewer.is_admin() {
        return Err(Error::forbidden("Only admins do this."));
    }
    Ok(user)
}

async fn is_driver(transaction: &Transaction, user: UserId) -> Result<bool> {
    Ok(drivers::Entity::find().filter(drivers::Column::UserId.eq(user.0)).count(transaction).await? > 0)
}
