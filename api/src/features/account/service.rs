//! What other features need of accounts: invitations, row locks on users, and the addresses of deleted and demo accounts.

use entity::{sea_orm_active_enums::UserRole, users};
use migration::{email::Email, search_text::fold};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryTrait,
    Select, TryIntoModel,
    sea_query::{SelectStatement, SimpleExpr},
};

use super::{
    administration::work_end_in_tx,
    letters::link_post_in_tx,
    proof::{Purpose, withdraw_in_tx},
    session::{of_user, sessions_end_in_tx},
};
pub use super::{
    collision::{Collision, SharingAccount, address_keep, address_set, collisions},
    generation::generation_confirm,
    rights::{RightsInSession, rights_in_session, rights_in_sessions},
    session::rights_change_in_tx,
    sign_in::find_by_email,
};
use crate::{
    app::App,
    database::{self, Transaction, dialect, literal},
    domain::{
        clock,
        error::{Code, Error, Result},
        ids::UserId,
        viewer::Viewer,
    },
    features::audit::service::{Action, Entry, record_in_tx},
    graphql::{input, row::Row},
};

/// Makes an account for somebody else, who is sent a letter that invites them to set a password. CONFLICT on `email` when it is taken.
pub async fn user_invite_in_tx(
    app: &App,
    transaction: &Transaction,
    email: &Email,
    name: Option<String>,
    role: UserRole,
) -> Result<users::Model> {
    let user = user_new(email, name, role);
    let taken = "Somebody has this e-mail address already.";
    let user = user.insert(transaction).await.map_err(|error| Error::or_taken(error, &[("email", "email", taken)]))?;
    link_post_in_tx(app, transaction, UserId(user.id), Purpose::Invitation).await?;
    Ok(user)
}

/// Makes an active admin with this password, out of whoever has the e-mail address. Every session of theirs ends, and so does a driver's
/// work: CONFLICT for one who is on the way with an order.
pub async fn admin_make(app: &App, email: &str, name: Option<&str>, password_hash: String) -> Result<users::Model> {
    let email = input::email("email", email)?;
    let name = input::optional_text("name", name, 100)?;
    let transaction = database::begin(&app.db).await?;
    let mut row = match user_lock_by_email_in_tx(&transaction, &email).await? {
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
    // Whoever signed up with the address before may have asked for another one.
    withdraw_in_tx(&transaction, user.id, &[Purpose::ChangeEmail]).await?;
    sessions_end_in_tx(&transaction, of_user(id, None)).await?;
    work_end_in_tx(&transaction, &Viewer::System, &user).await?;
    record_in_tx(&transaction, Entry::of(&Viewer::System, Action::AdminMade).on(id)).await?;
    rights_change_in_tx(app, &transaction, id).await?;
    transaction.commit().await?;
    Ok(user)
}

/// The user who has this e-mail address, locked for a change. Read under the lock: a user who was deleted, or got another address, a moment
/// ago is not found.
pub async fn user_lock_by_email_in_tx(transaction: &Transaction, email: &Email) -> Result<Option<users::Model>> {
    let backend = transaction.get_database_backend();
    let mut select = users::Entity::find().filter(users::Column::NormalizedEmail.eq(email.normalized())).into_query();
    dialect::lock_rows(backend, &mut select, users::Model::table());
    Ok(users::Model::find_by_statement(backend.build(&select)).one(transaction).await?)
}

/// The user, if active, held with a share lock: until the transaction ends nobody deletes or deactivates the user, or changes the role.
/// UNAUTHENTICATED where that has just happened. Take it before copying personal data of the user.
pub async fn user_hold_in_tx(transaction: &Transaction, user: UserId) -> Result<users::Model> {
    let backend = transaction.get_database_backend();
    let select = user_held(backend, users::Entity::find(), user);
    let user = users::Model::find_by_statement(backend.build(&select)).one(transaction).await?;
    user.ok_or_else(account_closed)
}

/// What [`user_hold_in_tx`] asks, of what is selected of the user.
pub fn user_held(backend: DbBackend, users: Select<users::Entity>, user: UserId) -> SelectStatement {
    let user = users.filter(users::Column::Id.eq(user.0)).filter(literal::eq(users::Column::IsActive, true));
    let mut select = user.into_query();
    dialect::hold_rows(backend, &mut select, users::Model::table());
    select
}

/// UNAUTHENTICATED: the account of the session was closed a moment ago.
pub fn account_closed() -> Error {
    Error::new(Code::Unauthenticated, "This account has been closed.")
}

/// What the addresses of deleted accounts end with. Nothing is ever delivered to `invalid` (RFC 2606).
const DELETED: &str = "@deleted.invalid";

/// The address that takes the place of a deleted account's own.
pub fn deleted_address(user: UserId) -> String {
    format!("deleted-{}{DELETED}", user.0)
}

/// Which users are deleted accounts.
pub fn deleted() -> SimpleExpr {
    users::Column::NormalizedEmail.ends_with(DELETED)
}

/// The domain of the demo's people, by which production recognises and shuts out their accounts. It is reserved (RFC 2606), so no letter
/// can be sent there and nobody else has such an address.
pub const DEMO_DOMAIN: &str = "demo.tiffin.example";

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
